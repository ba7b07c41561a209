"""``neutralFailure``: a broken neutral lets the phases move apart against each other. Nobody may touch anything.

Judged by the cabinet's own voltages, and where these are in order by the lamps of a circuit on at least two phases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.causes import Case
from ingest.detection.conditions.lamp_evidence import number
from ingest.detection.memory.debounce import Confirm, Debounce
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.model.finding import Key, Place
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

_CODE: Final = "neutralFailure"
_PHASES: Final = 3
_REPRESENTATIVES: Final = 3  # lamps of a phase of a circuit whose median is its voltage
_STEP: Final = 0.1  # of what a phase is off its usual voltage, taken over from each sweep
_MOST_STEP_V: Final = 0.5
_LEAST_SAMPLES: Final = 5
_LEAST_SILENT: Final = 2  # lamps of a phase: one that does not answer may be its node's fault


class PhaseVoltages:
    """Usual voltages of the three phases of n places: what they move apart from."""

    def __init__(self, n: int, table: LimitTable) -> None:
        """Nothing is known yet."""
        self._low, self._high = table.scalar("supply_voltage_low"), table.scalar("supply_voltage_high")
        self._shift_v = table.scalar("neutral_shift")
        self.usual_v = np.full((_PHASES, n), np.nan, np.float32)
        self.samples = np.zeros(n, np.uint8)

    def off_v(self, place: Int64, volts: Float32) -> Float32:
        """How far phases are off their usual voltages; float32 (3, k), NaN unknown."""
        return np.where(self.samples[place] >= _LEAST_SAMPLES, volts - self.usual_v[:, place], np.float32(np.nan))

    def are_apart(self, place: Int64, volts: Float32) -> Bool:
        """Places whose phases, float32 (3, k), NaN unknown, have moved apart against each other; bool (k,).

        Phases that lie nearer together than they usually do have not: what was usual was a shift that is over.
        """
        off = self.off_v(place, volts)
        is_shifted = np.logical_or.reduce(off >= self._shift_v) & np.logical_or.reduce(off <= -self._shift_v)
        near = np.flatnonzero(is_shifted)
        if len(near):
            now = volts[:, near]
            usual = np.where(np.isnan(now), now, self.usual_v[:, place[near]])
            is_shifted[near] = _spread_v(now) >= _spread_v(usual)
        is_out = np.logical_or.reduce(volts > self._high) & np.logical_or.reduce(volts < self._low)
        apart: Bool = is_shifted | is_out
        return apart

    def follow(self, place: Int64, volts: Float32) -> None:
        """Take over the voltages of places in which nothing is wrong."""
        usual = self.usual_v[:, place]
        off = np.clip(_STEP * (volts - usual), -_MOST_STEP_V, _MOST_STEP_V)
        quick = np.where(self.samples[place] < _LEAST_SAMPLES, (volts - usual) / (self.samples[place] + 1.0), off)
        moved = np.where(np.isnan(usual), volts, usual + quick)
        self.usual_v[:, place] = np.where(np.isnan(volts), usual, moved)
        self.samples[place] = np.minimum(self.samples[place] + np.isfinite(volts).any(axis=0), 200)


class NeutralRule:
    """Counters over K cabinets and Q circuits."""

    def __init__(self, fleet: Fleet, table: LimitTable, state: LampState, book: ActiveConditions) -> None:
        """Nothing is open yet."""
        self._fleet, self._state, self._book = fleet, state, book
        self._no_voltage, self._most_v = table.scalar("no_voltage"), table.scalar("neutral_voltage")
        self._shift_v, self._absurd_v = table.scalar("neutral_shift"), table.scalar("impossible_voltage")
        confirm = Confirm(2, 0, int(table.scalar("confirm_samples")), 0)
        self.cabinets = PhaseVoltages(fleet.n_cabinets, table)
        self.circuits = PhaseVoltages(fleet.n_circuits, table)
        self.cabinet_run = Debounce(fleet.n_cabinets, confirm)
        self.circuit_run = Debounce(fleet.n_circuits, confirm)
        self._lamps = _representatives(fleet)
        self._watched = np.flatnonzero((self._lamps[0] >= 0).sum(axis=0) >= 2)  # circuits with lamps on two phases

    def judge(self, sweep: Sweep, is_muted: Callable[[Int64], Bool], is_circuit_muted: Callable[[Int64], Bool]) -> None:
        """Judge the cabinets and circuits of a sweep's live records.

        Args:
            sweep: the one at hand.
            is_muted: cabinets under maintenance.
            is_circuit_muted: circuits under maintenance, alone or with their cabinet.
        """
        fleet = self._fleet
        records = np.flatnonzero(sweep.is_live & sweep.has_cabinet_voltage)
        if len(records):
            volts = np.ascontiguousarray(sweep.batch.cabinet_voltage_v[records].T)
            volts = self._sane(volts)
            home = fleet.home_cabinet[sweep.batch.controller[records]].astype(np.int64)
            places = (records, home, self.cabinets, self.cabinet_run, volts, is_muted)
            self._judge_places(sweep, *places, np.zeros(len(home), np.bool_), is_circuit=False)
        if len(self._watched):
            self._judge_circuits(sweep, is_circuit_muted)

    def _sane(self, volts: Float32) -> Float32:
        sane: Float32 = np.where((volts > self._no_voltage) & (volts <= self._most_v), volts, np.float32(np.nan))
        return sane

    def _judge_circuits(self, sweep: Sweep, is_muted: Callable[[Int64], Bool]) -> None:
        fleet = self._fleet
        record_of = np.full(fleet.n_controllers, -1, np.int64)
        live = np.flatnonzero(sweep.is_live)
        record_of[sweep.batch.controller[live]] = live
        cabinet = fleet.circuit_cabinet[self._watched]
        record = record_of[fleet.cabinet_controller[cabinet]]
        chosen = np.flatnonzero(record >= 0)
        circuit, record, cabinet = self._watched[chosen], record[chosen], cabinet[chosen]
        if not len(circuit):
            return
        volts = self._of_lamps(self._lamps[0][:, circuit])
        is_raised = self._has_risen_beside_silence(sweep, record, circuit, volts)
        near = np.flatnonzero(self.circuits.are_apart(circuit, volts) | is_raised)
        if len(near):  # one meter may show nonsense: the median of three does not
            several = np.stack([self._of_lamps(lamps[:, circuit[near]]) for lamps in self._lamps])
            volts[:, near] = np.nanmedian(np.where(np.isnan(several).all(axis=0), np.float32(0), several), axis=0)
            volts[:, near] = self._sane(volts[:, near])
            is_raised[near] &= self._has_risen_beside_silence(sweep, record[near], circuit[near], volts[:, near])
        # where the cabinet shows it, it is the cabinet's
        run = self.cabinet_run
        is_of_cabinet = run.is_open[cabinet] | (run.count[cabinet] > 0)
        volts[:, is_of_cabinet] = np.nan
        is_raised &= ~is_of_cabinet
        places = (record, circuit, self.circuits, self.circuit_run, volts, is_muted)
        self._judge_places(sweep, *places, is_raised, is_circuit=True)

    def _has_risen_beside_silence(self, sweep: Sweep, record: Int64, circuit: Int64, volts: Float32) -> Bool:
        """Circuits of which one phase has risen and another has too little voltage for its lamps to answer; bool (k,).

        A fuse leaves the other phases as they are, and a high supply is the cabinet's: there it must be in order, and
        lower than on the circuit, or the voltage be one that no supply has.
        """
        is_raised: Bool = np.logical_or.reduce(self.circuits.off_v(circuit, volts) >= self._shift_v)
        for i in np.flatnonzero(is_raised).tolist():
            lamps = self._lamps[:, :, circuit[i]]
            is_lamp = lamps >= 0
            is_silent = is_lamp & (self._state.quality[lamps] != 0)
            is_dead = (is_lamp.sum(axis=0) >= _LEAST_SILENT) & (is_silent == is_lamp).all(axis=0)
            supply_v = self._sane(sweep.batch.cabinet_voltage_v[record[i]])[:, None]
            cabinet = self._fleet.circuit_cabinet[circuit[i : i + 1]].astype(np.int64)
            is_home = cabinet[0] == self._fleet.home_cabinet[sweep.batch.controller[record[i]]]
            supply_off = self.cabinets.off_v(cabinet, supply_v)
            is_steady = bool(is_home and np.isfinite(supply_off).any() and np.nanmax(supply_off) < self._shift_v / 2)
            # what is usual on a circuit may be of last night, while the cabinet was followed through the day
            is_steady = is_steady and bool(np.nanmax(volts[:, i]) - np.nanmax(supply_v) >= self._shift_v)
            is_raised[i] = is_dead.any() and (is_steady or bool((volts[:, i] > self._absurd_v).any()))
        return is_raised

    def _are_back(self, circuit: Int64, volts: Float32, is_asked: Bool) -> Bool:
        """Of the circuits asked for, on which one phase alone answers, those where that was off and is no more; (k,).

        The others are dark or deaf. A phase that draws power alone has no return without a neutral: at its usual
        voltage, which it had lost when the neutral broke, it has one. Of a phase that never moved it proves nothing.
        """
        back = np.zeros(len(circuit), np.bool_)
        for i in np.flatnonzero(is_asked).tolist():
            case = self._book.cases.get(self._key(int(circuit[i]), is_circuit=True))
            phase = int(np.flatnonzero(np.isfinite(volts[:, i]))[0])
            if case is None:
                continue
            told = (case.evidence.get(name, (None,) * _PHASES) for name in ("voltage_v", "usual_voltage_v"))
            was_v, usual_v = (volts_told[phase] for volts_told in told)
            if was_v is not None and usual_v is not None:
                back[i] = abs(was_v - usual_v) >= self._shift_v > abs(float(volts[phase, i]) - usual_v)
        return back

    def _of_lamps(self, lamp: Int64) -> Float32:
        """Voltages of lamps in this sweep, NaN where one is none or did not answer."""
        is_reported = (lamp >= 0) & (self._state.quality[lamp] == 0)
        return self._sane(np.where(is_reported, self._state.voltage_v[lamp], np.float32(np.nan)))

    def _judge_places(  # measured columns, in the order of the rule
        self,
        sweep: Sweep,
        record: Int64,
        place: Int64,
        voltages: PhaseVoltages,
        run: Debounce,
        volts: Float32,
        is_muted: Callable[[Int64], Bool],
        is_raised: Bool,
        *,
        is_circuit: bool,
    ) -> None:
        holds = voltages.are_apart(place, volts) | is_raised
        if not holds.any() and run.is_idle():
            voltages.follow(place, volts)
            return
        n_known = np.isfinite(volts).sum(axis=0)
        is_reported = (n_known >= 2) | is_raised
        if is_circuit:
            is_reported |= self._are_back(place, volts, (n_known == 1) & run.is_open[place])
        gate = is_muted(place) & ~run.is_open[place]
        verdict = run.step(
            place, sweep.at_s[record], sweep.dt_s[record], holds, is_reported & ~holds, is_reported, gate
        )
        calm = np.flatnonzero(~holds & ~run.is_open[place])
        usual = voltages.usual_v[:, place].copy()
        voltages.follow(place[calm], volts[:, calm])
        for i in verdict.opened.tolist():
            evidence = {
                "voltage_v": [number(v) for v in volts[:, i].tolist()],
                "usual_voltage_v": [number(v) for v in usual[:, i].tolist()],
                "samples": run.confirm.samples,
            }
            self._open(
                sweep, int(record[i]), int(place[i]), int(run.since_s[place[i]]), evidence, is_circuit=is_circuit
            )
        for i in verdict.cleared.tolist():
            evidence = {"voltage_v": [number(v) for v in volts[:, i].tolist()]}
            at_us = int(sweep.at_s[record[i]]) * 1_000_000
            self._book.close(self._key(int(place[i]), is_circuit=is_circuit), at_us, evidence=evidence)

    def _key(self, place: int, *, is_circuit: bool) -> Key:
        fleet = self._fleet
        if not is_circuit:
            return Key(_CODE, Place(cabinet_id=fleet.cabinet_ids[place]))
        cabinet = fleet.cabinet_ids[int(fleet.circuit_cabinet[place])]
        return Key(_CODE, Place(cabinet_id=cabinet, circuit=fleet.circuit_names[place]))

    def _open(  # measured columns, in the order of the rule
        self, sweep: Sweep, r: int, place: int, since_s: int, evidence: dict[str, Any], *, is_circuit: bool
    ) -> None:
        fleet, c = self._fleet, int(sweep.batch.controller[r])
        if is_circuit:
            cabinet, circuit = int(fleet.circuit_cabinet[place]), place
            lamps = fleet.cable_order[int(fleet.circuit_start[place]) : int(fleet.circuit_start[place + 1])]
        else:
            cabinet, circuit = place, -1
            own = np.arange(int(fleet.controller_start[c]), int(fleet.controller_start[c + 1]))
            lamps = own[fleet.lamp_cabinet[own] == place]
        key, at_us = self._key(place, is_circuit=is_circuit), int(sweep.at_s[r]) * 1_000_000
        self._book.open(Case(key, at_us, since_s * 1_000_000, tuple(lamps.tolist()), evidence, c, cabinet, circuit))


def _spread_v(volts: Float32) -> Float32:
    """Highest less lowest of the known voltages of phases, float32 (3, k), two known at least; float32 (k,)."""
    spread: Float32 = np.nanmax(volts, axis=0) - np.nanmin(volts, axis=0)
    return spread


def _representatives(fleet: Fleet) -> Int64:
    """Metered lamps that stand for the phases of the circuits: int64 (3 choices, 3 phases, Q), -1 = none."""
    chosen = np.full((_REPRESENTATIVES, _PHASES, fleet.n_circuits), -1, np.int64)
    lamp = fleet.cable_order[np.flatnonzero(
        fleet.is_metered[fleet.cable_order] & (fleet.phase[fleet.cable_order] >= 0)
        & (fleet.lamp_circuit[fleet.cable_order] >= 0)
    )]  # fmt: skip
    place = fleet.phase[lamp].astype(np.int64) * max(1, fleet.n_circuits) + fleet.lamp_circuit[lamp]
    order = np.argsort(place, kind="stable")
    lamp, place = lamp[order], place[order]
    first = np.flatnonzero(np.diff(place, prepend=-1))
    rank = np.arange(len(lamp)) - np.repeat(first, np.diff(np.append(first, len(lamp))))
    for choice in range(_REPRESENTATIVES):
        mine = np.flatnonzero(rank == choice)
        chosen[choice].reshape(-1)[place[mine]] = lamp[mine]
    return chosen
