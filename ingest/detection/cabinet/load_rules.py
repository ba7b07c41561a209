"""``unmeteredLoad``: a cabinet that draws more than all its lamps. Keeps the sum over lamps that it reckons from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ingest.detection.cabinet.dark_weather import DarkWeather
from ingest.detection.cabinet.known_medians import known_medians
from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.causes import Case
from ingest.detection.conditions.lamp_evidence import number
from ingest.detection.memory.command import Commands
from ingest.detection.memory.debounce import Confirm, Debounce
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.balance import WILD_W, Balance
from ingest.detection.outage.silence_cases import DARK_CODES, SilenceCases
from ingest.lighting.expected_power import level_share, voltage_share
from ingest.model.finding import Key, Place
from ingest.model.fleet import SWITCHING_LAMP, Fleet

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_CODE = "unmeteredLoad"
_NEUTRAL = frozenset({"neutralFailure"})
_SMOOTH = 0.1
_JUMP_SHARE = 0.03  # of the power: no noise, the mean begins anew there
_GAP_S = 900
_STANDBY_W = 1.0


class LoadRules:
    """Counters over C controllers, whose cabinet meter is judged."""

    def __init__(  # measured columns, in the order of the rule
        self,
        fleet: Fleet,
        table: LimitTable,
        state: LampState,
        balance: Balance,
        cases: SilenceCases,
        book: ActiveConditions,
        weather: DarkWeather,
    ) -> None:
        """Nothing is open yet."""
        self._fleet, self._table, self._state = fleet, table, state
        self._balance, self._cases, self._book, self._weather = balance, cases, book, weather
        seconds, samples = table.scalar("unmetered_time"), int(table.scalar("confirm_samples"))
        self.debounce = Debounce(fleet.n_controllers, Confirm(samples, seconds, samples, seconds))
        self._n_changes, self._bare = -1, (np.zeros(0, np.int64), np.zeros(fleet.n_controllers + 1, np.int64))
        self.smooth_w = np.full(fleet.n_controllers, np.nan)
        self.smooth_s = np.zeros(fleet.n_controllers, np.int64)
        self.smooth_n = np.zeros(fleet.n_controllers, np.uint8)
        cabinets = np.bincount(fleet.cabinet_controller[fleet.cabinet_controller >= 0], minlength=fleet.n_controllers)
        self._is_shared = cabinets > 1

    def judge(  # measured columns, in the order of the rule
        self,
        sweep: Sweep,
        commands: Commands,
        is_contactor_suspect: Bool,
        told_since_s: Int64,
        is_muted: Callable[[Int64], Bool],
    ) -> None:
        """Judge the live records of a sweep; its readings stand in the state already.

        Args:
            sweep: the sweep at hand.
            commands: what its cabinets are commanded to do.
            is_contactor_suspect: bool (C,) cabinets whose contactor may be stuck closed, so that unmetered lamps burn
                that are reckoned as off.
            told_since_s: int64 (C,) see ``DarkWeather``: unmetered lamps that switch themselves may burn by day.
            is_muted: cabinets under maintenance.
        """
        batch, table = sweep.batch, self._table
        is_reported = sweep.is_live & sweep.has_cabinet_power
        if not is_reported.any():
            return
        power = np.nansum(batch.cabinet_power_w.astype(np.float64), axis=1)
        lamps_w = self._lamp_sums(sweep, is_reported, commands)
        records = np.flatnonzero(is_reported & np.isfinite(lamps_w))
        c = batch.controller[records].astype(np.int64)
        residual = power - lamps_w - table.scalar("cable_loss") * power
        limit = np.maximum(table.scalar("unmetered_power"), table.scalar("unmetered_share") * power)
        beyond = self._smoothed(c, sweep.at_s[records], (residual - limit)[records], power[records])
        holds = beyond > 0
        judges = commands.is_settled[records] & ~is_contactor_suspect[c]
        explained = self._book.explained(_CODE)
        if explained:  # the load may be gone with the supply: it is judged anew when that is back
            judges &= ~np.isin(c, explained)
            self.debounce.forget(np.array(explained, np.int64))
        # drivers cut out and meters leave their range where a neutral is broken: the sum of them proves nothing
        judges &= ~np.isin(c, list(self._book.controllers_with(_NEUTRAL)))
        is_by_sun = (told_since_s[c] < sweep.at_s[records]) & ~self._state.is_fully_listed[c]
        burns = holds & is_by_sun & ~self.debounce.is_open[c]
        self._weather.note(c[burns], sweep.at_s[records[burns]])
        gate = is_muted(c) | (is_by_sun & (self.debounce.since_s[c] > told_since_s[c]))
        gate &= ~self.debounce.is_open[c]
        at_s, dt_s = sweep.at_s[records], sweep.dt_s[records]
        verdict = self.debounce.step(c, at_s, dt_s, holds, judges & ~holds, judges, gate)
        for i in verdict.opened.tolist():
            r = int(records[i])
            evidence = {
                "cabinet_power_w": number(power[r]),
                "lamps_power_w": number(lamps_w[r]),
                "unmetered_power_w": number(residual[r]),
                "limit_w": number(limit[r]),
                "samples": self.debounce.confirm.samples,
            }
            home = int(self._fleet.home_cabinet[c[i]])
            since_us, at_us = int(self.debounce.since_s[c[i]]) * 1_000_000, int(at_s[i]) * 1_000_000
            self._book.open(Case(self._key(home), at_us, since_us, (), evidence, int(c[i]), home))
        for i in verdict.cleared.tolist():
            key = self._key(int(self._fleet.home_cabinet[c[i]]))
            evidence = {"unmetered_power_w": number(residual[records[i]])}
            self._book.close(key, int(at_s[i]) * 1_000_000, evidence=evidence)

    def _smoothed(self, c: Int64, at_s: Int64, beyond_w: Float64, power_w: Float64) -> Float64:
        """How far loads are beyond their limit, as a running mean: noise near the limit must not begin a run anew."""
        before = np.where(at_s - self.smooth_s[c] <= _GAP_S, self.smooth_w[c], np.nan)
        is_jump = ~(np.abs(beyond_w - before) <= _JUMP_SHARE * np.abs(power_w))
        n = np.where(is_jump, 0, self.smooth_n[c]).astype(np.float64)
        smooth = np.where(is_jump, beyond_w, before + np.maximum(_SMOOTH, 1 / (n + 1)) * (beyond_w - before))
        self.smooth_w[c], self.smooth_s[c], self.smooth_n[c] = smooth, at_s, np.minimum(n + 1, 100)
        return smooth

    def _key(self, cabinet: int) -> Key:
        return Key(_CODE, Place(cabinet_id=self._fleet.cabinet_ids[cabinet]))

    def _lamp_sums(self, sweep: Sweep, is_reported: Bool, commands: Commands) -> Float64:
        """What the lamps of each record's home cabinet draw; float64 (R,), NaN where a lamp's power cannot be known.

        The sum over all rows is one pass; rows that are no plain good readings are made good for afterwards.
        """
        batch, fleet, state = sweep.batch, self._fleet, self._state
        total = np.zeros(batch.n_records)
        filled = np.flatnonzero(sweep.width > 0)
        is_read = (batch.quality == 0) & (np.abs(batch.power_w) < WILD_W)
        if len(filled):
            is_plain = is_read
            if self._is_shared.any() or (batch.lamp < 0).any():
                lamp = np.maximum(batch.lamp, 0)
                home = fleet.home_cabinet[fleet.lamp_controller[lamp]]
                is_plain = is_read & (batch.lamp >= 0) & (fleet.lamp_cabinet[lamp] == home)
            drawn_w = np.where(is_plain, np.abs(batch.power_w), np.float32(0))  # a meter may be wired backwards
            total[filled] = np.add.reduceat(drawn_w, batch.lamp_start[filled])
        row = np.flatnonzero(~is_read & (batch.lamp >= 0))
        lamp = batch.lamp[row].astype(np.int64)
        is_missing = fleet.lamp_cabinet[lamp] == fleet.home_cabinet[fleet.lamp_controller[lamp]]
        lamp, record = lamp[is_missing], sweep.record_of(row[is_missing])
        if len(lamp):
            is_wild = state.quality[lamp] == 0
            drawn = np.where(is_wild, self._balance.expected_w(lamp), self._balance.drawn_w(sweep, lamp, record))
            dark = self._dark(sweep, record, lamp)
            total += np.bincount(record, np.where(dark, 0.0, drawn), minlength=batch.n_records)
        partly = np.flatnonzero(is_reported & ~state.is_fully_listed[sweep.controller])
        total[partly] += self._unlisted_w(sweep, partly, commands.level[partly])
        return total

    def _dark(self, sweep: Sweep, record: Int64, lamp: Int64) -> Bool:
        """Lamps that an open circuit, cable or pole fuse leaves without load; bool (n,)."""
        dark = np.zeros(len(lamp), np.bool_)
        reported = np.unique(record)
        with_case = list(self._book.controllers_with(DARK_CODES))
        for r in reported[np.isin(sweep.batch.controller[reported], with_case)].tolist():
            c = int(sweep.batch.controller[r])
            own = np.arange(self._fleet.controller_start[c], self._fleet.controller_start[c + 1])
            mine = record == r
            dark[mine] = self._cases.is_dark(c, own)[lamp[mine] - own[0]]
        return dark

    def _unlisted_w(self, sweep: Sweep, records: Int64, level: npt.NDArray[np.int16]) -> Float64:
        """Expected power of the lamps without a meter of their own in some records' home cabinets; float64 (k,).

        NaN where one has no rating. Those that switch themselves draw a little by day as well: a photocell 0.5 to 1 W,
        a driver in standby as much. ``level`` int16 (k,): commanded %.
        """
        lamps, start = self._bare_lamps()
        c = sweep.batch.controller[records]
        n = start[c + 1] - start[c]
        ends = np.cumsum(n)
        if not len(n) or not ends[-1]:
            return np.zeros(len(records))
        lamp = lamps[np.arange(ends[-1]) + np.repeat(start[c] - (ends - n), n)]
        volts = sweep.batch.cabinet_voltage_v[records]
        volts = known_medians(np.where(volts > self._table.scalar("no_voltage"), volts, np.float32(np.nan)))
        watts = self._shape_w(lamp, np.repeat(level, n), np.repeat(volts, n))
        total = np.array([watts[end - k : end].sum() for k, end in zip(n.tolist(), ends.tolist(), strict=True)])
        is_idle = (level == 0) & (self._fleet.cabinet_switching[self._fleet.home_cabinet[c]] == SWITCHING_LAMP)
        idle_w: Float64 = total + np.where(is_idle, _STANDBY_W * n, 0.0)
        return idle_w

    def _bare_lamps(self) -> tuple[Int64, Int64]:
        """Lamps at home without a meter, by controller: int64 (m,), and where each begins, int64 (C + 1,)."""
        fleet, state = self._fleet, self._state
        if self._n_changes != state.n_list_changes:
            self._n_changes = state.n_list_changes
            lamps = np.flatnonzero(~state.is_listed & (fleet.lamp_controller >= 0))
            lamps = lamps[fleet.lamp_cabinet[lamps] == fleet.home_cabinet[fleet.lamp_controller[lamps]]]
            self._bare = lamps, np.searchsorted(lamps, fleet.controller_start)
        return self._bare

    def _shape_w(self, lamps: Int64, level: npt.NDArray[np.int16], voltage_v: Float32) -> Float64:
        """Expected power of lamps at their commanded levels and voltages by their ratings; float64 (n,)."""
        fleet, table = self._fleet, self._table
        technology = fleet.technology[lamps]
        own_level = np.where(fleet.is_dimmable[lamps], level, np.where(level > 0, 100, 0)).astype(np.uint8)
        exponent = table.by_technology("ballast_exponent")[technology]
        share = level_share(technology, own_level) * voltage_share(voltage_v, exponent, table.scalar("nominal_voltage"))
        return (fleet.rated_power_w[lamps] * share).astype(np.float64)
