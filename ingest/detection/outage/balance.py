"""What lamps draw and what their meters show: the load of silent lamps, and the quiet samples to learn from."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.lamp.sample import Electric, rated_power
from ingest.detection.memory.command import Commands
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.grouping import WAIT, Group
from ingest.detection.outage.load import GONE, UNKNOWN, Reading, judge_groups
from ingest.detection.outage.meter_balance import MeterBalance
from ingest.detection.rules.meter_failure import METER_ERROR, OFFSET_W
from ingest.lighting.expected_power import level_share, voltage_share
from ingest.model.batch import LEVEL_UNKNOWN
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
UInt8 = npt.NDArray[np.uint8]

WILD_W: Final = 3000.0  # no street lamp draws more: a meter's absurdity
PHASES: Final = 3
_EVERY_S: Final = 300  # quiet sweeps are learned from this often, once there are enough
_UNSURE_SHARE: Final = 0.05  # of the power: lamps that did not answer in a quiet sweep
_LONG_SILENT: Final = 30  # sweeps: what they do by now is what this cabinet is like
_GAP_S: Final = 900
_MOST_KEPT: Final = 40
_MOST_SUMS: Final = 20000
_MOST_WAITED: Final = 12  # sweeps for a meter to tell; a lone lamp is waited for _LONE_WAITED
_LONE_WAITED: Final = 7
_SILENT_SWEEPS: Final = 3  # before, a level is hardly older than the others'
_CLEAR: Final = 4.0  # sigmas: see `load`


@dataclass(frozen=True, slots=True)
class _Equation:
    """Some meters of one controller that tell a sum together.

    Attributes:
        key: int64 (k,) meters; power_w float64 (k,) what they show.
        is_behind: bool (lamps of the controller,).
    """

    key: Int64
    power_w: Float64
    is_behind: Bool


class Balance:
    """Meters are Q circuits, then C cabinets, then C x 3 phases of cabinets."""

    def __init__(self, fleet: Fleet, state: LampState, electric: Electric, table: LimitTable) -> None:
        """Start with nothing known."""
        self._fleet, self._state, self._electric, self._table = fleet, state, electric, table
        self.guard_s = int(table.scalar("switching_guard"))
        self._stale = int(table.scalar("stale_sweeps"))
        self._warm_up_s = table.by_technology("warm_up")[fleet.technology].astype(np.int64)
        self._start_a = table.scalar("I_start")
        self._no_voltage = table.scalar("no_voltage")
        self._first_phase = fleet.n_circuits + fleet.n_controllers
        n = self._first_phase + PHASES * fleet.n_controllers
        self.meters = MeterBalance(n, table.scalar("cable_loss") / 2)
        self._due_s = np.zeros(fleet.n_controllers, np.int64)
        self._dip_s = np.zeros(fleet.n_controllers, np.int64)
        self._kept: dict[tuple[int, ...], deque[tuple[int, float]]] = {}
        is_home = fleet.lamp_cabinet == _take(fleet.home_cabinet, fleet.lamp_controller)
        is_known = np.ones(fleet.n_controllers + 1, np.bool_)
        is_known[fleet.lamp_controller[is_home & (fleet.phase < 0)]] = False
        self._has_phases = is_known[:-1]
        self._commands: Commands | None = None

    def look(self, sweep: Sweep, commands: Commands) -> None:
        """Take the commands of the sweep at hand, which tell what lamps without a meter do."""
        self._commands = commands
        if sweep.is_dipped.any():
            c = sweep.batch.controller[sweep.is_dipped & sweep.is_live]
            self._dip_s[c] = sweep.at_s[sweep.is_dipped & sweep.is_live]

    def expected_w(self, lamp: Int64, level: UInt8 | None = None) -> Float64:
        """What lamps should draw now at their last voltages; float64 (n,), NaN unknown.

        ``level`` uint8 (n,): None = what they are commanded as far as their agents tell.
        """
        state, fleet = self._state, self._fleet
        rated = np.where(np.isnan(state.own_w[lamp]), rated_power(fleet, state, lamp), state.own_w[lamp])
        level = state.level[lamp] if level is None else level
        level = np.where(level > 100, 100, level).astype(np.uint8)
        share = level_share(fleet.technology[lamp], level) * state.curves.factor(lamp, level)
        at_voltage = voltage_share(state.voltage_v[lamp], self._electric.exponent[lamp], self._electric.nominal_v)
        expected: Float64 = (rated * share * at_voltage).astype(np.float64)
        return expected

    def drawn_w(self, sweep: Sweep, lamp: Int64, record: Int64) -> Float64:
        """What lamps draw: the last good power while it is fresh, else the expected one; float64 (n,), NaN unknown.

        ``record`` int64 (n,): the record of each lamp's controller.
        """
        state, level = self._state, self._levels(sweep, lamp, record)
        power = np.abs(state.power_w[lamp].astype(np.float64))  # a meter may be wired backwards
        silent = state.sweeps_silent(lamp).astype(np.int64)
        is_fresh = state.is_listed[lamp] & (silent <= self._stale) & np.isfinite(power)
        is_fresh &= ~self._is_absurd(lamp, power)
        away = np.flatnonzero(is_fresh & (silent > 0))
        if len(away):  # a power at another level says nothing of this one
            r, switched_s = record[away], state.switched_s[lamp[away]].astype(np.int64)
            is_of_before = 2 * (sweep.at_s[r] - switched_s) < (2 * silent[away] - 1) * sweep.dt_s[r]
            is_of_before |= level[away] != state.level[lamp[away]]
            is_fresh[away[is_of_before]] = False
        return np.where(is_fresh, power, self.expected_w(lamp, level))

    def _levels(self, sweep: Sweep, lamp: Int64, record: Int64) -> UInt8:
        """Commanded levels of lamps, silent ones by their neighbours'; uint8 (n,). ``record`` int64 (n,).

        An agent may tell 255 of a lamp that it does not hear: then a command that came meanwhile is not known of that
        lamp, but it is of the others.
        """
        batch, level = sweep.batch, self._state.level[lamp].copy()
        untold = np.flatnonzero(self._is_untold(lamp))
        if not len(untold):
            return level
        low, high = sweep.level_low[record[untold]], sweep.level_high[record[untold]]
        high = np.minimum(high, 100)  # of a record with such lamps it is always 255
        is_other = (level[untold] < low) | ((low != high) & (self._state.sweeps_silent(lamp[untold]) >= _SILENT_SWEEPS))
        untold = untold[is_other & (low != LEVEL_UNKNOWN)]
        for r in np.unique(record[untold]).tolist():
            rows = slice(int(batch.lamp_start[r]), int(batch.lamp_start[r + 1]))
            raw = batch.level[rows]
            told = raw[(batch.lamp[rows] >= 0) & (raw <= 100) & self._fleet.is_dimmable[batch.lamp[rows]]]
            if len(told):
                level[untold[record[untold] == r]] = np.sort(told)[len(told) // 2]
        return level

    def _is_untold(self, lamp: Int64) -> Bool:
        """Silent lamps whose level can change and is not told; bool (n,)."""
        state = self._state
        untold: Bool = state.is_listed[lamp] & (state.quality[lamp] != 0) & self._fleet.is_dimmable[lamp]
        untold &= (state.level_raw[lamp] == LEVEL_UNKNOWN) & (state.level[lamp] > 0)
        return untold

    def burning_w(self, sweep: Sweep, lamp: Int64, record: Int64) -> Float64:
        """What lamps draw if they burn, those without a meter by command, rating and voltage; float64 (n,).

        ``record`` int64 (n,): the record of each lamp's controller.
        """
        fleet, state = self._fleet, self._state
        drawn = self.drawn_w(sweep, lamp, record)
        bare = np.flatnonzero(~state.is_listed[lamp])
        if len(bare) and self._commands is not None:
            chosen, r = lamp[bare], record[bare]
            told = self._commands.level[r]
            level = np.where(fleet.is_dimmable[chosen], told, np.where(told > 0, 100, 0)).astype(np.uint8)
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
        """Powers beyond what the meter's own voltage and current allow (``meterFailure``): no part of any sum."""
        state = self._state
        apparent = state.voltage_v[lamp].astype(np.float64) * (state.current_a[lamp] + self._start_a)
        absurd: Bool = (power_w > METER_ERROR * apparent + OFFSET_W) | (np.abs(power_w) > WILD_W)
        return absurd

    def is_settled(self, lamp: slice | Int64, at_s: int | Int64) -> Bool:
        """Lamps commanded on, past the switching guard and warm; bool (n,)."""
        state = self._state
        is_on = (state.level[lamp] > 0) & (state.level[lamp] <= 100)
        is_past = at_s - state.switched_s[lamp].astype(np.int64) >= self.guard_s
        is_warm = at_s - state.lit_from_s[lamp].astype(np.int64) >= self._warm_up_s[lamp]
        settled: Bool = is_on & is_past & is_warm
        return settled

    def has_burned(self, lamp: Int64, at_s: int) -> Bool:
        """Lamps commanded on for so long that they would draw their power now if they had it; bool (n,).

        Other than :meth:`is_settled` it does not look at outages: this is asked of lamps that may be in one.
        """
        state = self._state
        is_on = (state.level[lamp] > 0) & (state.level[lamp] <= 100)
        patience_s = np.maximum(self.guard_s, self._warm_up_s[lamp])
        burned: Bool = is_on & (at_s - state.switched_s[lamp].astype(np.int64) >= patience_s)
        return burned

    def _are_settled(self, sweep: Sweep, lamp: Int64, record: Int64) -> Bool:
        """As ``is_settled``, lamps without a meter by their cabinet's command."""
        settled = self.is_settled(lamp, sweep.at_s[record])
        bare = np.flatnonzero(~self._state.is_listed[lamp])
        if len(bare) and self._commands is not None:
            r = record[bare]
            c = self._fleet.lamp_controller[lamp[bare]]
            is_warm = sweep.at_s[r] - self._dip_s[c] >= self._warm_up_s[lamp[bare]]
            settled[bare] = self._commands.is_on[r] & self._commands.is_settled[r] & is_warm
        return settled

    def _equations(self, sweep: Sweep, record: int, controller: int, own: Int64) -> dict[str, list[_Equation]]:
        """The meters that a record tells of: ``circuit``, ``phase`` and ``cabinet``."""
        fleet, batch = self._fleet, sweep.batch
        rows = slice(int(batch.circuit_start[record]), int(batch.circuit_start[record + 1]))
        found: dict[str, list[_Equation]] = {"circuit": [], "phase": [], "cabinet": []}
        for q, power in zip(batch.circuit[rows].tolist(), batch.circuit_power_w[rows].tolist(), strict=True):
            if q >= 0 and np.isfinite(power):
                found["circuit"].append(_Equation(np.array([q]), np.array([power]), fleet.lamp_circuit[own] == q))
        phases = batch.cabinet_power_w[record].astype(np.float64)
        is_home = fleet.lamp_cabinet[own] == fleet.home_cabinet[controller]
        if np.isfinite(phases).any():
            key = np.array([fleet.n_circuits + controller])
            found["cabinet"].append(_Equation(key, np.array([np.nansum(phases)]), is_home))
        if self._has_phases[controller]:
            for p in np.flatnonzero(np.isfinite(phases)).tolist():
                key = np.array([self._first_phase + PHASES * controller + p])
                found["phase"].append(_Equation(key, phases[p : p + 1], is_home & (fleet.phase[own] == p)))
        return found

    def loads(  # measured columns, in the order of the rule
        self,
        sweep: Sweep,
        record: int,
        lamps: Int64,
        groups: Sequence[Group],
        is_gone: Bool,
        controller: int,
        since_s: Int64,
    ) -> list[str]:
        """What the meters say of groups of silent lamps; ``Group.strength`` tells how clearly.

        Each group is judged by the meters that tell it best: of its circuits, its phase or the cabinet. Where one
        sweep does not tell, their mean over the sweeps of the silence may: then the answer is ``WAIT``.

        Args:
            sweep: the sweep at hand.
            record: the controller's record in it.
            lamps: fleet indices that the groups' rows point into.
            groups: the silent lamps.
            is_gone: bool (lamps of the controller,) lamps known to be dark already.
            controller: fleet index.
            since_s: int64 (len(lamps),) onset of each lamp's silence.
        """
        fleet, at_s = self._fleet, int(sweep.at_s[record])
        start, stop = int(fleet.controller_start[controller]), int(fleet.controller_start[controller + 1])
        own = np.arange(start, stop)
        burning = self.burning_w(sweep, own, np.full(len(own), record))
        burning[is_gone] = 0.0
        is_stepped = self._commands is not None and not self._commands.is_settled[record]
        members = [lamps[group.rows] - start for group in groups]
        told = self._equations(sweep, record, controller, own)
        dead = self._dead_circuits(sweep, record)
        answers = [UNKNOWN] * len(groups)
        by_key: dict[tuple[int, ...], tuple[_Equation, list[int]]] = {}
        for i, group in enumerate(groups):
            if group.kind == "circuit" and group.phase < 0 and group.place in dead:
                answers[i], group.strength = GONE, np.inf
                continue
            equation = self._best(told, members[i])
            if equation is None:
                continue
            chosen_lamps = lamps[group.rows]
            is_new = is_stepped and self._is_untold(chosen_lamps).any()
            if is_new or not self.has_burned(chosen_lamps, at_s).all():
                answers[i] = WAIT
                continue
            by_key.setdefault(tuple(equation.key.tolist()), (equation, []))[1].append(i)
        for key, (equation, chosen) in by_key.items():
            touching = [i for i in range(len(groups)) if equation.is_behind[members[i]].any()]
            parts = [float(burning[members[i]][equation.is_behind[members[i]]].sum()) for i in touching]
            left = self.meters.left_w(equation.key, equation.power_w, np.zeros(len(equation.key))).sum()
            left -= burning[equation.is_behind].sum()
            if not np.isfinite([left, *parts]).all():
                continue
            onset_s = max(int(since_s[groups[i].rows].max()) for i in touching)
            n_gone = int(is_gone[equation.is_behind].sum())  # with other lamps known to be dark it is another sum
            mean, n = self._keep((*key, -1 - n_gone), at_s, float(left), onset_s)
            sigma = self.meters.sigma_w(equation.key, equation.power_w, n)
            judged = judge_groups(Reading(mean + sum(parts), sigma), parts, self._table.scalar("load_gone"))
            later = self.meters.sigma_w(equation.key, equation.power_w, _MOST_WAITED)
            for i, answer, part in zip(touching, judged, parts, strict=True):
                if i not in chosen:
                    continue
                answers[i], groups[i].strength = answer, part / sigma
                most = _LONE_WAITED if groups[i].kind == "single" else _MOST_WAITED
                if answer == UNKNOWN and n < most and part >= _CLEAR * later and sigma > later:
                    answers[i] = WAIT
        return answers

    def load_of(self, sweep: Sweep, record: int, lamps: Int64, is_dark: Bool | None) -> str:
        """What the meters above some lamps without meters of their own say of their load in one sweep."""
        fleet, c = self._fleet, int(sweep.batch.controller[record])
        own = np.arange(int(fleet.controller_start[c]), int(fleet.controller_start[c + 1]))
        burning = self.burning_w(sweep, own, np.full(len(own), record))
        members = lamps - own[0]
        if is_dark is not None:
            burning = np.where(is_dark[own] & ~np.isin(own, lamps), 0.0, burning)
        told = self._equations(sweep, record, c, own)
        equation = self._best(told, members)
        if equation is None:
            return UNKNOWN
        left = float(self.meters.left_w(equation.key, equation.power_w, np.zeros(len(equation.key))).sum())
        part, behind = float(burning[members].sum()), float(burning[equation.is_behind].sum())
        if not np.isfinite([left, part, behind]).all():
            return UNKNOWN
        sigma = self.meters.sigma_w(equation.key, equation.power_w, 1)
        return judge_groups(Reading(left - behind + part, sigma), [part], self._table.scalar("load_gone"))[0]

    def _dead_circuits(self, sweep: Sweep, record: int) -> set[int]:
        """Circuits whose own meter answers and sees no voltage."""
        batch = sweep.batch
        rows = slice(int(batch.circuit_start[record]), int(batch.circuit_start[record + 1]))
        is_dead = batch.circuit_voltage_v[rows] < self._no_voltage
        return set(batch.circuit[rows][is_dead].tolist())

    def _best(self, told: dict[str, list[_Equation]], members: Int64) -> _Equation | None:
        """The meters that see all of some lamps with the least uncertainty; None where there are none."""
        found = [one for kind in ("phase", "cabinet") for one in told[kind] if one.is_behind[members].all()]
        parts = [one for one in told["circuit"] if one.is_behind[members].any()]
        if parts and np.logical_or.reduce([one.is_behind[members] for one in parts]).all():
            key, power = np.concatenate([one.key for one in parts]), np.concatenate([one.power_w for one in parts])
            found.append(_Equation(key, power, np.logical_or.reduce([one.is_behind for one in parts])))
        if not found:
            return None
        return min(found, key=lambda one: self.meters.sigma_w(one.key, one.power_w, 1))

    def _keep(self, key: tuple[int, ...], at_s: int, left_w: float, onset_s: int) -> tuple[float, int]:
        """Keep what some meters show beyond their lamps if all burned; its mean since an onset, of n sweeps."""
        if len(self._kept) > _MOST_SUMS:
            self._kept.clear()
        kept = self._kept.setdefault(key, deque(maxlen=_MOST_KEPT))
        if kept and at_s - kept[-1][0] > _GAP_S:
            kept.clear()
        if not kept or kept[-1][0] != at_s:
            kept.append((at_s, left_w))
        else:  # asked again in the same sweep, of other groups
            kept[-1] = (at_s, left_w)
        values = [left for when, left in kept if when >= onset_s]
        return float(np.mean(values)), len(values)

    def due(self, sweep: Sweep) -> Int64:
        """Live records with a meter above their lamps whose next quiet sample is due; int64."""
        batch = sweep.batch
        is_due = sweep.is_live & (sweep.at_s >= self._due_s[sweep.controller])
        records = np.flatnonzero(is_due & (sweep.has_cabinet_power | (np.diff(batch.circuit_start) > 0)))
        self._due_s[batch.controller[records]] = sweep.at_s[records] + _EVERY_S
        return records

    def learn(self, sweep: Sweep, records: Int64, is_dark: Bool | None = None) -> None:
        """Take quiet sweeps: lamps behind a meter are settled, and few of them did not answer.

        A lamp that has just fallen silent counts as burning. If the meter then lacks it, the sample is left out: it
        would teach the balance that half of a cut cable's load is its ordinary loss.

        Args:
            sweep: the sweep at hand.
            records: int64 (k,) its records to learn from, each of another controller.
            is_dark: bool (L,) lamps known to be without load.
        """
        fleet, state, batch = self._fleet, self._state, sweep.batch
        if not len(records):
            return
        controller = batch.controller[records].astype(np.int64)
        own, place = _spread(fleet.controller_start, controller)
        record = records[place]
        drawn = self.burning_w(sweep, own, record)
        if is_dark is not None:
            drawn[is_dark[own]] = 0.0
        is_bare = ~state.is_listed[own]
        silent = state.sweeps_silent(own)
        is_unsure = ~is_bare & (silent > 0) & (silent <= _LONG_SILENT)
        silent_meters = batch.circuit[np.isnan(batch.circuit_power_w) & (batch.circuit >= 0)]
        if len(silent_meters):  # perhaps dark with their meter
            is_unsure |= is_bare & np.isin(fleet.lamp_circuit[own], silent_meters)
        is_settled = self._are_settled(sweep, own, record)
        unsure, rated = np.where(is_unsure, drawn, 0.0), np.where(is_bare, drawn, 0.0)

        is_home = fleet.lamp_cabinet[own] == fleet.home_cabinet[controller][place]
        phases = batch.cabinet_power_w[records].astype(np.float64)
        cabinet_w = np.where(np.isfinite(phases).any(axis=1), np.nansum(phases, axis=1), np.nan)
        columns = (drawn, unsure, rated)
        here = np.flatnonzero(is_home)
        sums = _sums(place[here], [column[here] for column in columns], is_settled[here], len(records))
        self._take(fleet.n_circuits + controller, controller, cabinet_w, *sums)
        with_phases = self._has_phases[controller]
        if with_phases.any():
            here = np.flatnonzero(is_home & with_phases[place])
            slot = PHASES * place[here] + fleet.phase[own[here]]
            n = PHASES * len(records)
            sums = _sums(slot, [column[here] for column in columns], is_settled[here], n)
            key = self._first_phase + PHASES * np.repeat(controller, PHASES) + np.tile(np.arange(PHASES), len(records))
            self._take(key, np.repeat(controller, PHASES), phases.reshape(-1), *sums)

        row, record_of_row = _spread(batch.circuit_start, records)
        circuit = batch.circuit[row].astype(np.int64)
        is_known = circuit >= 0
        if not is_known.any():
            return
        circuit, told_by = circuit[is_known], controller[record_of_row[is_known]]
        here = np.flatnonzero(fleet.lamp_circuit[own] >= 0)
        behind = fleet.lamp_circuit[own[here]]
        sums = _sums(behind, [column[here] for column in columns], is_settled[here], fleet.n_circuits)
        power_w = batch.circuit_power_w[row[is_known]].astype(np.float64)
        is_quiet, total, unsure_w, rated_w = sums
        chosen = is_quiet[circuit], total[circuit], unsure_w[circuit], rated_w[circuit]
        self._take(circuit, told_by, power_w, *chosen)

    def _take(  # measured columns, in the order of the rule
        self,
        key: Int64,
        controller: Int64,
        power_w: Float64,
        is_quiet: Bool,
        lamps_w: Float64,
        unsure_w: Float64,
        rated_w: Float64,
    ) -> None:
        good = np.flatnonzero(is_quiet & (unsure_w <= _UNSURE_SHARE * lamps_w) & (lamps_w > 0))
        key, controller = key[good], controller[good]
        soon = self.meters.take(key, power_w[good], lamps_w[good], unsure_w[good], rated_w[good])
        if len(soon):
            self._due_s[controller[np.isin(key, soon)]] = 0


def _take(values: npt.NDArray[np.int32], index: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """``values[index]``, -1 where there is none."""
    if not len(values):
        return np.full(len(index), -1, np.int32)
    return np.where(index >= 0, values[index], -1)


def _spread(start: Int64, chosen: Int64) -> tuple[Int64, Int64]:
    """Items of some ranges ``start[i]:start[i + 1]``, and which of ``chosen`` each belongs to; int64 (n,) both."""
    counts = start[chosen + 1] - start[chosen]
    owner = np.repeat(np.arange(len(chosen)), counts)
    ends = np.cumsum(counts)
    return np.arange(len(owner)) + (start[chosen] - (ends - counts))[owner], owner


def _sums(
    meter: npt.NDArray[np.integer], columns: Sequence[Float64], is_settled: Bool, n_meters: int
) -> tuple[Bool, Float64, Float64, Float64]:
    """Whether each of n meters has lamps and all are settled, and the sums of the three columns behind it; (n,) all."""
    n_lamps = np.bincount(meter, minlength=n_meters)
    n_settled = np.bincount(meter[is_settled], minlength=n_meters)
    drawn, unsure, rated = (np.bincount(meter, column, minlength=n_meters).astype(np.float64) for column in columns)
    is_quiet: Bool = (n_lamps > 0) & (n_settled == n_lamps)
    return is_quiet, drawn, unsure, rated
