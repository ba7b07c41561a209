"""``circuitPowerTooLow``: how many lamps are dark where only the sum is metered.

The circuit is its own yardstick: the ratio of what it draws to what its ratings say is learned at each dim level, never
while lamps are missing. A deficit is averaged over its run, since one lamp in a hundred is less than a meter's noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.detection.cabinet.load_rules import LoadRules
from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.causes import Case
from ingest.detection.conditions.lamp_evidence import number
from ingest.detection.memory.command import Commands
from ingest.detection.memory.debounce import Confirm, Debounce
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.model.batch import LEVEL_UNKNOWN
from ingest.model.finding import Key, Place
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_LEAST_SAMPLES: Final = 5  # before a level's ratio is believed
_SMOOTH: Final = 0.25
_END_SHARE: Final = 0.8
_RUN_SHARE: Final = 0.5  # a run begins at this share of the limit
_TRACK: Final = 0.02  # how fast the ratio follows ageing
_LEVEL_DOUBT: Final = 0.02  # of the power: a level seen for the first time, reckoned from another one's ratio
_SIGMAS: Final = 3.5
_FORGOTTEN_S: Final = 590  # a switching guard, or a gap
_SILENT_SWEEPS: Final = 2  # one lost reply is a lost reply


class DarkCount:
    """Items are Q circuits and then K cabinets, those whose only meter is the cabinet's."""

    def __init__(
        self, fleet: Fleet, table: LimitTable, state: LampState, loads: LoadRules, book: ActiveConditions
    ) -> None:
        """Nothing is learned yet."""
        self._fleet, self._state, self._loads, self._book = fleet, state, loads, book
        self._warm_up_s = table.by_technology("warm_up")[fleet.technology].astype(np.int64)
        self._dip_v = table.scalar("dip_voltage")
        n = fleet.n_circuits + fleet.n_cabinets
        seconds, samples = table.scalar("dark_count_time"), int(table.scalar("confirm_samples"))
        self._share, self._no_voltage = table.scalar("dark_count_share"), table.scalar("no_voltage")
        self.debounce = Debounce(n, Confirm(samples, seconds, samples, seconds))
        self.ratio = np.full((101, n), np.nan, np.float32)
        self.samples = np.zeros((101, n), np.uint16)
        self.noise = np.full(n, 0.005, np.float32)  # scatter of the ratio
        self.smooth_w = np.zeros(n, np.float32)
        self.run_w = np.zeros(n, np.float32)
        self.run_n = np.zeros(n, np.uint16)
        self.told = np.zeros(n, np.uint16)
        self.judged_s = np.zeros(n, np.int64)
        self.n_silent = np.zeros(n, np.uint8)  # sweeps since the sum's meter answered

    def judge(self, sweep: Sweep, commands: Commands, is_starved: Bool, is_muted: Callable[[Int64], Bool]) -> None:
        """Judge the sums of a sweep's live records; without supply, or a phase of it, there is nothing to count."""
        is_judged = sweep.is_live & commands.is_on & commands.is_settled & (sweep.batch.is_contactor_closed != 0)
        is_judged &= ~is_starved & ~(sweep.is_ending & (sweep.level_low == LEVEL_UNKNOWN))
        is_judged &= ~self._state.is_fully_listed[sweep.controller]
        for r in np.flatnonzero(is_judged).tolist():
            c = int(sweep.batch.controller[r])
            own = slice(int(self._fleet.controller_start[c]), int(self._fleet.controller_start[c + 1]))
            for item, lamps, power_w, voltage_v in self._sums(sweep, r, c, own):
                self._judge_sum(sweep, r, item, lamps, power_w, voltage_v, int(commands.level[r]), is_muted)

    def _sums(self, sweep: Sweep, r: int, c: int, own: slice) -> list[tuple[int, Int64, float, float]]:
        """Metered sums of unmetered lamps: (item, lamps, power [W], voltage [V])."""
        fleet, batch = self._fleet, sweep.batch
        found: list[tuple[int, Int64, float, float]] = []
        rows = slice(int(batch.circuit_start[r]), int(batch.circuit_start[r + 1]))
        for q, power, volts in zip(
            batch.circuit[rows].tolist(),
            batch.circuit_power_w[rows].tolist(),
            batch.circuit_voltage_v[rows].tolist(),
            strict=True,
        ):
            if q >= 0:
                lamps = fleet.cable_order[fleet.circuit_start[q] : fleet.circuit_start[q + 1]]
                if len(lamps) and not self._state.is_listed[lamps].any():
                    found.append((q, lamps, power, volts))
        if rows.start == rows.stop and not self._state.is_listed[own].any():
            home = int(fleet.home_cabinet[c])
            lamps = np.flatnonzero(fleet.lamp_cabinet[own] == home) + own.start
            phases, volts_of = batch.cabinet_power_w[r], batch.cabinet_voltage_v[r]
            live = volts_of[volts_of > self._no_voltage]
            if np.isfinite(phases).any() and len(lamps):
                volts = float(np.median(live)) if len(live) else float("nan")
                found.append((fleet.n_circuits + home, lamps, float(np.nansum(phases)), volts))
        return found

    def _judge_sum(  # measured columns, in the order of the rule
        self,
        sweep: Sweep,
        r: int,
        item: int,
        lamps: Int64,
        power_w: float,
        voltage_v: float,
        level: int,
        is_muted: Callable[[Int64], Bool],
    ) -> None:
        at_s = int(sweep.at_s[r])
        self._note_dip(item, lamps, at_s, power_w, voltage_v)
        shapes = self._loads.shape_w(lamps, level, voltage_v if voltage_v > self._no_voltage else float("nan"))
        shape_w = float(shapes.sum())
        if not np.isfinite(power_w) or not shape_w > 0:
            return
        ratio, is_sure = self._ratio(item, level)
        lamp_w = shape_w / len(lamps)
        if not np.isfinite(ratio):
            if not self._is_cold(item, lamps, shapes, at_s, 0.0):
                self._learn(item, level, power_w / shape_w)
            return
        lamp_w *= ratio
        deficit_w = ratio * shape_w - power_w
        is_cold = self._is_cold(item, lamps, shapes, at_s, deficit_w)
        if at_s - int(self.judged_s[item]) >= _FORGOTTEN_S:  # another level, another night: old watts say nothing here
            self.smooth_w[item] = deficit_w
            self.run_w[item], self.run_n[item] = 0, 0
        self.judged_s[item] = at_s
        self.smooth_w[item] += _SMOOTH * (deficit_w - self.smooth_w[item])
        doubt_w = 0.0 if is_sure else _LEVEL_DOUBT * shape_w
        line_w = self._share * lamp_w + doubt_w
        holds = max(float(self.smooth_w[item]), deficit_w if self.noise[item] * shape_w < lamp_w / 8 else -np.inf) >= (
            _RUN_SHARE * line_w
        )
        is_open = bool(self.debounce.is_open[item])
        if is_cold:  # what is missing now is no measure of what is dark
            self.smooth_w[item] = deficit_w
            self.run_w[item], self.run_n[item] = 0, 0
        elif holds:
            self.run_w[item] += deficit_w
            self.run_n[item] = min(int(self.run_n[item]) + 1, 60000)
        elif not is_open:
            self.run_w[item], self.run_n[item] = 0, 0
        mean_w = float(self.run_w[item]) / max(1, int(self.run_n[item]))
        sigma_w = float(self.noise[item]) * shape_w / np.sqrt(max(1, int(self.run_n[item])))
        is_usual = abs(deficit_w) < max(line_w / 2, 3 * float(self.noise[item]) * shape_w)
        if is_usual and not (holds or is_open or is_cold):
            self._learn(item, level, power_w / shape_w)
        # one wild sample lifts the mean of its run, but not what the run looks like at its end
        is_weak = mean_w < max(line_w, _SIGMAS * sigma_w) or self.smooth_w[item] < _END_SHARE * line_w
        gate = is_cold or (not is_open and (is_weak or bool(is_muted(lamps[:1])[0])))
        one = np.array([item])
        verdict = self.debounce.step(
            one,
            sweep.at_s[r : r + 1],
            sweep.dt_s[r : r + 1],
            *(np.array([flag]) for flag in (holds, not holds, True, gate)),
        )
        now_w = float(self.smooth_w[item]) if is_open else mean_w
        n_dark = int(np.clip(round(now_w / lamp_w), 1, len(lamps)))
        is_news = (
            is_open and holds and not is_cold and n_dark != self.told[item] and abs(now_w / lamp_w - n_dark) < 0.25
        )  # settled on a number
        if len(verdict.opened) or (is_news and not len(verdict.cleared)):
            self.told[item] = n_dark
            spread = float(np.std(shapes)) * ratio / lamp_w
            doubt = float(np.hypot(np.hypot(sigma_w, doubt_w) / lamp_w, spread * np.sqrt(n_dark)))
            evidence = {
                "power_w": number(power_w),
                "expected_power_w": number(ratio * shape_w),
                "lamps_dark": n_dark,
                "lamps_dark_uncertainty": round(max(doubt, 0.1), 2),
                "lamps_dark_min": max(1, int(np.floor(n_dark - 2 * doubt + 0.5))),
                "lamps_dark_max": min(len(lamps), int(np.ceil(n_dark + 2 * doubt - 0.5))),
                "lamp_power_w": number(lamp_w),
                "level": level,
            }
            self._open(sweep, r, item, lamps, evidence)
        if len(verdict.cleared):
            self.run_w[item], self.run_n[item] = 0, 0
            self._book.close(self._key(item), int(sweep.at_s[r]) * 1_000_000, evidence={"power_w": number(power_w)})

    def _note_dip(self, item: int, lamps: Int64, at_s: int, power_w: float, voltage_v: float) -> None:
        """A dipped voltage, or a meter that fell silent with its circuit: discharge lamps start anew after it."""
        self.n_silent[item] = 0 if np.isfinite(power_w) else min(int(self.n_silent[item]) + 1, 255)
        if self._no_voltage < voltage_v < self._dip_v or self.n_silent[item] >= _SILENT_SWEEPS:
            self._state.lit_from_s[lamps] = at_s

    def _is_cold(self, item: int, lamps: Int64, shapes: Float64, at_s: int, deficit_w: float) -> bool:
        """Whether lamps of the sum still warm up; so they do when most of them went out at once: the supply dipped."""
        is_slow = self._warm_up_s[lamps] > 0
        slow_w = float(shapes[is_slow].sum())
        if not slow_w > 0:
            return False
        if deficit_w > slow_w / 2 >= self.smooth_w[item] * 2 and not self.run_n[item]:
            self._state.lit_from_s[lamps] = at_s
        is_warming = at_s - self._state.lit_from_s[lamps].astype(np.int64) < self._warm_up_s[lamps]
        return bool(is_warming.any())

    def _ratio(self, item: int, level: int) -> tuple[float, bool]:
        """The learned ratio at a level, and whether it was learned there; NaN where nothing is."""
        if self.samples[level, item] >= _LEAST_SAMPLES:
            return float(self.ratio[level, item]), True
        best = int(np.argmax(self.samples[:, item]))
        if self.samples[best, item] >= _LEAST_SAMPLES:
            return float(self.ratio[best, item]), False
        return float("nan"), False

    def _learn(self, item: int, level: int, ratio: float) -> None:
        n = int(self.samples[level, item])
        if n == 0:
            self.ratio[level, item] = ratio
        else:
            weight = max(_TRACK, 1 / (n + 1))
            miss = ratio - float(self.ratio[level, item])
            self.noise[item] += weight * (1.25 * abs(miss) - self.noise[item])
            self.ratio[level, item] += weight * miss
        self.samples[level, item] = min(n + 1, 60000)

    def _key(self, item: int) -> Key:
        fleet = self._fleet
        if item < fleet.n_circuits:
            cabinet = fleet.cabinet_ids[int(fleet.circuit_cabinet[item])]
            return Key("circuitPowerTooLow", Place(cabinet_id=cabinet, circuit=fleet.circuit_names[item]))
        cabinet_row = item - fleet.n_circuits
        names = [fleet.circuit_names[q] for q in np.flatnonzero(fleet.circuit_cabinet == cabinet_row).tolist()]
        only = names[0] if len(names) == 1 else None
        return Key("circuitPowerTooLow", Place(cabinet_id=fleet.cabinet_ids[cabinet_row], circuit=only))

    def _open(self, sweep: Sweep, r: int, item: int, lamps: Int64, evidence: dict[str, Any]) -> None:
        fleet = self._fleet
        circuit = item if item < fleet.n_circuits else -1
        cabinet = int(fleet.lamp_cabinet[lamps[0]])
        since_us = int(self.debounce.since_s[item]) * 1_000_000
        at_us, c = int(sweep.at_s[r]) * 1_000_000, int(sweep.batch.controller[r])
        self._book.open(Case(self._key(item), at_us, since_us, tuple(lamps.tolist()), evidence, c, cabinet, circuit))
