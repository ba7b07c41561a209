"""What lamps draw, seen or reckoned, and whether they are settled. What meters show of it is judged beside this."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.lamp.sample import Electric, rated_power
from ingest.detection.memory.command import Commands
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.meter_balance import MeterBalance
from ingest.detection.outage.still_meters import StillMeters
from ingest.detection.rules import DARK
from ingest.detection.rules.meter_failure import METER_ERROR, OFFSET_W
from ingest.lighting.expected_power import level_share, voltage_share
from ingest.model.batch import LEVEL_UNKNOWN
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
UInt8 = npt.NDArray[np.uint8]

WILD_W: Final = 3000.0  # no street lamp draws more: a meter's absurdity
PHASES: Final = 3
FADE_S: Final = 90  # longest that a driver takes from one level to the next (IEC 62386), and a sweep to see both
_SILENT_SWEEPS: Final = 3  # before, a level is hardly older than the others'
_STRUCK_SHARE: Final = 0.75  # of its power: below it an arc was striking, or some rule runs on the lamp


class Balance:
    """What the lamps of a fleet draw.

    Attributes:
        meters: what is learned of the meters above lamps: Q circuits, then C cabinets, then C x 3 phases of cabinets.
        first_phase: place of the first phase in it.
        has_phases: bool (C,) the phase of every lamp of the cabinet is known.
        commands: of the sweep at hand; None before the first.
        dip_s: int64 (C,) when a cabinet's own voltage last showed a dip, 0 = never.
        guard_s: switching guard.
    """

    DERIVED: Final = frozenset({"has_phases"})  # of the register

    def __init__(
        self, fleet: Fleet, state: LampState, electric: Electric, table: LimitTable, still: StillMeters
    ) -> None:
        """Start with nothing known."""
        self._fleet, self._state, self._electric = fleet, state, electric
        self.guard_s = int(table.scalar("switching_guard"))
        self._stale = int(table.scalar("stale_sweeps"))
        self._warm_up_s = table.by_technology("warm_up")[fleet.technology].astype(np.int64)
        self._start_a = table.scalar("I_start")
        self._no_voltage, self._most_v = table.scalar("no_voltage"), table.scalar("impossible_voltage")
        self._still, rules = still, still.rules
        self._dark = state.bits.running_any([rules.number[DARK.name]] if DARK.name in rules.number else [])
        self._spoilt = state.bits.running_any(rules.spoiling())
        self.first_phase = fleet.n_circuits + fleet.n_controllers
        n = self.first_phase + PHASES * fleet.n_controllers
        self.meters = MeterBalance(n, table.scalar("cable_loss") / 2)
        self.dip_s = np.zeros(fleet.n_controllers, np.int64)
        is_home = fleet.lamp_cabinet == _take(fleet.home_cabinet, fleet.lamp_controller)
        is_known = np.ones(fleet.n_controllers + 1, np.bool_)
        is_known[fleet.lamp_controller[is_home & (fleet.phase < 0)]] = False
        self.has_phases = is_known[:-1]
        self.commands: Commands | None = None

    def look(self, sweep: Sweep, commands: Commands) -> None:
        """Take the commands of the sweep at hand, which tell what lamps without a meter do."""
        self.commands = commands
        if sweep.is_dipped.any():
            c = sweep.batch.controller[sweep.is_dipped & sweep.is_live]
            self.dip_s[c] = sweep.at_s[sweep.is_dipped & sweep.is_live]

    def expected_w(self, lamp: Int64, level: UInt8 | None = None, voltage_v: Float32 | None = None) -> Float64:
        """What lamps should draw now; float64 (n,), NaN unknown.

        ``level`` uint8 (n,): None = what they are commanded as far as their agents tell. ``voltage_v`` float32 (n,):
        None = their own of the newest sweep.
        """
        state, fleet = self._state, self._fleet
        rated = np.where(np.isnan(state.own_w[lamp]), rated_power(fleet, state, lamp), state.own_w[lamp])
        level = state.level[lamp] if level is None else level
        level = np.where(level > 100, 100, level).astype(np.uint8)
        share = level_share(fleet.technology[lamp], level) * state.curves.factor(lamp, level)
        voltage_v = state.voltage_v[lamp] if voltage_v is None else voltage_v
        at_voltage = voltage_share(voltage_v, self._electric.exponent[lamp], self._electric.nominal_v)
        expected: Float64 = (rated * share * at_voltage).astype(np.float64)
        return expected

    def drawn_w(self, sweep: Sweep, lamp: Int64, record: Int64) -> Float64:
        """What lamps draw: the last good power while it is fresh, else the expected one; float64 (n,), NaN unknown.

        One that was dark when it answered last stays so until it answers again. ``record`` int64 (n,): of each lamp's
        controller.
        """
        state, level = self._state, self._levels(sweep, lamp, record)
        power = np.abs(state.power_w[lamp].astype(np.float64))  # a meter may be wired backwards
        silent = state.sweeps_silent(lamp).astype(np.int64)
        is_fresh = state.is_listed[lamp] & (silent <= self._stale) & np.isfinite(power)
        is_fresh &= ~self._is_absurd(lamp, power) & ~self._still.over_a_step(lamp, level)
        away = np.flatnonzero(is_fresh & (silent > 0))
        if len(away):  # a power at another level says nothing of this one
            r, switched_s = record[away], state.switched_s[lamp[away]].astype(np.int64)
            is_of_before = 2 * (sweep.at_s[r] - switched_s) < (2 * silent[away] - 1) * sweep.dt_s[r]
            is_of_before |= level[away] != state.level[lamp[away]]
            is_of_before |= self._was_striking(lamp[away], power[away])
            is_fresh[away[is_of_before]] = False
        volts = self._voltages(sweep, lamp, record, ~is_fresh)
        expected = np.where((state.flags[lamp] & self._dark) != 0, 0.0, self.expected_w(lamp, level, volts))
        return np.where(is_fresh, power, expected)

    def _voltages(self, sweep: Sweep, lamp: Int64, record: Int64, is_wanted: Bool) -> Float32:
        """Voltages of lamps; of wanted ones that did not answer the one beside them, where their power follows it.

        Float32 (n,), NaN unknown: that of the answering lamps on their phase, of the phase at the cabinet, or of all
        answering lamps. ``record`` int64 (n,); ``is_wanted`` bool (n,).
        """
        volts = self._state.voltage_v[lamp]
        unreported = np.flatnonzero(is_wanted & np.isnan(volts) & (self._electric.exponent[lamp] != 0))
        if not len(unreported):
            return volts
        batch, phase = sweep.batch, self._fleet.phase[lamp].astype(np.int64)
        reported = np.flatnonzero((volts > self._no_voltage) & (volts <= self._most_v))
        r, p = record[unreported], phase[unreported]
        at_cabinet = np.where(p >= 0, batch.cabinet_voltage_v[r, p], np.float32(np.nan))
        near = _mean((PHASES + 1) * record[reported] + phase[reported], volts[reported], (PHASES + 1) * r + p)
        near = np.where(np.isnan(near) & (at_cabinet > self._no_voltage), at_cabinet, near)
        volts[unreported] = np.where(np.isnan(near), _mean(record[reported], volts[reported], r), near)
        return volts

    def _levels(self, sweep: Sweep, lamp: Int64, record: Int64) -> UInt8:
        """Commanded levels of lamps, silent ones by their neighbours'; uint8 (n,). ``record`` int64 (n,).

        An agent may tell 255 of a lamp that it does not hear: then a command that came meanwhile is not known of that
        lamp, but it is of the others.
        """
        batch, level = sweep.batch, self._state.level[lamp].copy()
        unreported = np.flatnonzero(self.is_level_unreported(lamp))
        if not len(unreported):
            return level
        low, high = sweep.level_low[record[unreported]], sweep.level_high[record[unreported]]
        high = np.minimum(high, 100)  # of a record with such lamps it is always 255
        is_other = (level[unreported] < low) | (
            (low != high) & (self._state.sweeps_silent(lamp[unreported]) >= _SILENT_SWEEPS)
        )
        unreported = unreported[is_other & (low != LEVEL_UNKNOWN)]
        for r in np.unique(record[unreported]).tolist():
            rows = slice(int(batch.lamp_start[r]), int(batch.lamp_start[r + 1]))
            raw = batch.level[rows]
            reported = raw[(batch.lamp[rows] >= 0) & (raw <= 100) & self._fleet.is_dimmable[batch.lamp[rows]]]
            if len(reported):
                level[unreported[record[unreported] == r]] = np.sort(reported)[len(reported) // 2]
        return level

    def is_level_unreported(self, lamp: Int64) -> Bool:
        """Silent lamps whose level can change and is not reported; bool (n,)."""
        state = self._state
        unreported: Bool = state.is_listed[lamp] & (state.quality[lamp] != 0) & self._fleet.is_dimmable[lamp]
        unreported &= (state.level_raw[lamp] == LEVEL_UNKNOWN) & (state.level[lamp] > 0)
        return unreported

    def burning_w(self, sweep: Sweep, lamp: Int64, record: Int64) -> Float64:
        """What lamps draw if they burn, those without a meter by command, rating and voltage; float64 (n,).

        ``record`` int64 (n,): the record of each lamp's controller.
        """
        fleet, state = self._fleet, self._state
        drawn = self.drawn_w(sweep, lamp, record)
        bare = np.flatnonzero(~state.is_listed[lamp])
        if len(bare) and self.commands is not None:
            chosen, r = lamp[bare], record[bare]
            reported = self.commands.level[r]
            level = np.where(fleet.is_dimmable[chosen], reported, np.where(reported > 0, 100, 0)).astype(np.uint8)
            volts = sweep.batch.cabinet_voltage_v[r].astype(np.float64)
            volts[~(volts > self._no_voltage)] = np.nan
            n_live = np.isfinite(volts).sum(axis=1)
            volts = np.where(n_live > 0, np.nansum(volts, axis=1) / np.maximum(n_live, 1), np.nan)
            rated = rated_power(fleet, state, chosen).astype(np.float64)
            usual = np.nanmedian(rated) if np.isfinite(rated).any() else 0.0
            rated = np.where(np.isfinite(rated), rated, usual)
            at_voltage = voltage_share(
                volts.astype(np.float32), self._electric.exponent[chosen], self._electric.nominal_v
            )
            drawn[bare] = rated * level_share(fleet.technology[chosen], level) * at_voltage
        return drawn

    def _is_absurd(self, lamp: Int64, power_w: Float64) -> Bool:
        """Powers beyond what the meter's own voltage and current allow (``meterFailure``): no part of any sum.

        A lost reply leaves the power of the one before, but no voltage: then it counts whether a rule runs by which
        that sample was no measurement.
        """
        state = self._state
        apparent = state.voltage_v[lamp].astype(np.float64) * (state.current_a[lamp] + self._start_a)
        absurd: Bool = (power_w > METER_ERROR * apparent + OFFSET_W) | (np.abs(power_w) > WILD_W)
        unknown = np.flatnonzero(np.isnan(apparent))
        absurd[unknown] |= (state.flags[lamp[unknown]] & self._spoilt) != 0
        return absurd

    def _was_striking(self, lamp: Int64, power_w: Float64) -> Bool:
        """Discharge lamps whose last power is that of an arc that went out in a dip or had just struck; bool (n,).

        No sample in a dip or a warm-up runs a rule: a lamp that draws so little otherwise has one that runs.
        """
        slow = np.flatnonzero(self._warm_up_s[lamp] > 0)
        struck = np.zeros(len(lamp), np.bool_)
        if len(slow):
            lamps = lamp[slow]
            usual = self.expected_w(lamps, voltage_v=np.full(len(lamps), self._electric.nominal_v, np.float32))
            is_weak = self._state.bits.running_rules(self._state.flags[lamps]) != 0
            struck[slow] = (power_w[slow] < _STRUCK_SHARE * usual) & ~is_weak
        return struck

    def may_strike(self, lamp: Int64, at_s: int) -> Bool:
        """Discharge lamps of one controller that may be restriking or warming up after a dip of the supply; bool (n,).

        A cabinet's voltage tells of a dip, or most lamps that answer do by what they draw: then it is not known what
        silent ones draw.
        """
        state, warm_up_s = self._state, self._warm_up_s[lamp]
        may: Bool = at_s - self.dip_s[self._fleet.lamp_controller[lamp]] < warm_up_s
        telling = np.flatnonzero((warm_up_s > 0) & (state.quality[lamp] == 0) & (state.level[lamp] > 0))
        if len(telling):
            is_cold = self._was_striking(lamp[telling], np.abs(state.power_w[lamp[telling]].astype(np.float64)))
            may |= (2 * is_cold.sum() > len(telling)) & (warm_up_s > 0)
        return may

    def is_silent(self, lamp: Int64) -> Bool:
        """Lamps with a meter of their own that did not answer; bool (n,)."""
        silent: Bool = self._state.is_listed[lamp] & (self._state.quality[lamp] != 0)
        return silent

    def is_settled(self, lamp: slice | Int64, at_s: int | Int64) -> Bool:
        """Lamps commanded on, past the switching guard and warm; bool (n,)."""
        state = self._state
        is_past = at_s - state.switched_s[lamp].astype(np.int64) >= self.guard_s
        is_warm = at_s - state.lit_from_s[lamp].astype(np.int64) >= self._warm_up_s[lamp]
        settled: Bool = self.is_on(lamp) & is_past & is_warm
        return settled

    def is_on(self, lamp: slice | Int64) -> Bool:
        """Lamps commanded on; bool (n,)."""
        level = self._state.level[lamp]
        on: Bool = (level > 0) & (level <= 100)
        return on

    def is_off(self, lamp: Int64) -> Bool:
        """Lamps commanded off; bool (n,)."""
        off: Bool = self._state.level[lamp] == 0
        return off

    def is_unsteady(self, lamp: Int64, record: int, at_s: int) -> Bool:
        """Lamps of one record whose power the last command may still be changing; bool (n,).

        A meter above them is not read in the same second as they are, and what silent ones draw is not known yet.
        """
        unsteady = self._is_changing(lamp, at_s)
        bare = np.flatnonzero(~self._state.is_listed[lamp])
        if len(bare) and self.commands is not None:
            is_cold = at_s - self.commands.on_s[record] < self._warm_up_s[lamp[bare]]
            unsteady[bare] = is_cold | (at_s - self.commands.since_s[record] < FADE_S)
        return unsteady

    def _is_changing(self, lamp: Int64, at_s: int) -> Bool:
        patience_s = np.where(self.is_off(lamp), FADE_S, np.maximum(FADE_S, self._warm_up_s[lamp]))
        changing: Bool = at_s - self._state.switched_s[lamp].astype(np.int64) < patience_s
        return changing

    def are_settled(self, sweep: Sweep, lamp: Int64, record: Int64) -> Bool:
        """As ``is_settled``, lamps without a meter by their cabinet's command."""
        settled = self.is_settled(lamp, sweep.at_s[record])
        bare = np.flatnonzero(~self._state.is_listed[lamp])
        if len(bare) and self.commands is not None:
            r = record[bare]
            c = self._fleet.lamp_controller[lamp[bare]]
            is_warm = sweep.at_s[r] - self.dip_s[c] >= self._warm_up_s[lamp[bare]]
            settled[bare] = self.commands.is_on[r] & self.commands.is_settled[r] & is_warm
        return settled


def _mean(key: Int64, values: Float32, wanted: Int64) -> Float64:
    """Mean of the values that have each of some keys; float64 (m,), NaN where none has. ``wanted`` int64 (m,)."""
    first = min(key.min(initial=0), wanted.min(initial=0))
    n = max(key.max(initial=0), wanted.max(initial=0)) - first + 1
    count, total = np.bincount(key - first, minlength=n), np.bincount(key - first, values, minlength=n)
    found = wanted - first
    return np.where(count[found] > 0, total[found] / np.maximum(count[found], 1), np.nan)


def _take(values: npt.NDArray[np.int32], index: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """``values[index]``, -1 where there is none."""
    if not len(values):
        return np.full(len(index), -1, np.int32)
    return np.where(index >= 0, values[index], -1)
