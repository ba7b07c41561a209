"""``supplyVoltageTooLow`` and ``…TooHigh``: a circuit's median voltage, or a cabinet's if all its circuits are out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ingest.detection.cabinet.known_medians import known_medians
from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.causes import Case
from ingest.detection.conditions.lamp_evidence import number
from ingest.detection.memory.debounce import Confirm, Debounce
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.suspects import MEASURED, Suspects
from ingest.detection.memory.sweep import Sweep
from ingest.model.finding import Key, Place
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


class VoltageRules:
    """Counters over Q circuits and K cabinets, low and high."""

    def __init__(self, fleet: Fleet, table: LimitTable, book: ActiveConditions) -> None:
        """Nothing is open yet."""
        self._fleet, self._book = fleet, book
        seconds, samples = table.scalar("supply_voltage_time"), int(table.scalar("confirm_samples"))
        confirm = Confirm(samples, seconds, samples, seconds)
        self._no_voltage, self._most_v = table.scalar("no_voltage"), table.scalar("impossible_voltage")
        self._limits = {
            "supplyVoltageTooLow": table.scalar("supply_voltage_low"),
            "supplyVoltageTooHigh": table.scalar("supply_voltage_high"),
        }
        self.circuits = {code: Debounce(fleet.n_circuits, confirm) for code in self._limits}
        self.cabinets = {code: Debounce(fleet.n_cabinets, confirm) for code in self._limits}
        self._is_idle = False  # known to be

    def judge(
        self,
        sweep: Sweep,
        suspects: Suspects,
        is_muted: Callable[[Int64], Bool],
        is_circuit_muted: Callable[[Int64], Bool],
    ) -> None:
        """Judge the circuits and cabinets of a sweep.

        Args:
            sweep: the one at hand.
            suspects: what of it may be odd.
            is_muted: cabinets under maintenance.
            is_circuit_muted: circuits under maintenance, alone or with their cabinet.
        """
        if not self._is_any_out(sweep, suspects):
            self._is_idle = self._is_idle or not self._is_any_active()
            if self._is_idle:
                return
        self._is_idle = False
        row = sweep.live_rows()
        median = self._circuit_medians(sweep, row, sweep.batch.lamp[row].astype(np.int64))
        at_s, dt_s = self._times(sweep)
        cabinet_v = self._cabinet_voltages(sweep)
        muted = is_muted(np.arange(self._fleet.n_cabinets)), is_circuit_muted(np.arange(self._fleet.n_circuits))
        for code, limit in self._limits.items():
            is_low = code == "supplyVoltageTooLow"
            self._judge_code(code, limit, median, cabinet_v, at_s, dt_s, muted, is_low=is_low)

    def _is_any_out(self, sweep: Sweep, suspects: Suspects) -> bool:
        """Whether any meter of the batch shows a voltage out of limits at all."""
        low, high = self._limits.values()
        reported = [suspects.measured[MEASURED.index("voltage_v")], sweep.batch.circuit_voltage_v]
        if sweep.has_cabinet_voltage.any():
            reported.append(sweep.batch.cabinet_voltage_v)
        return any(((volts < low) & (volts >= self._no_voltage)).any() or (volts > high).any() for volts in reported)

    def recall(self) -> None:
        """See from the counters what runs, after a snapshot's were taken over."""
        self._is_idle = False

    def drop(self, case: Case) -> bool:
        """End a voltage condition without a verdict, so that it is judged anew; whether it was one."""
        if case.code not in self._limits:
            return False
        debounce, item = (self.cabinets, case.cabinet) if case.circuit < 0 else (self.circuits, case.circuit)
        debounce[case.code].close(np.array([item]))
        return True

    def _is_any_active(self) -> bool:
        debounces = (*self.circuits.values(), *self.cabinets.values())
        return not all(debounce.is_idle() for debounce in debounces)

    def _circuit_medians(self, sweep: Sweep, row: Int64, lamp: Int64) -> Float64:
        """Median voltage of each circuit in this sweep, NaN where nothing reported; float64 (Q,).

        Exact where it can be out of limits; elsewhere any voltage of the circuit stands for it.
        """
        fleet, batch = self._fleet, sweep.batch
        median = np.full(fleet.n_circuits, np.nan)
        metered = np.flatnonzero(batch.circuit >= 0)
        if len(metered):
            is_live = np.repeat(sweep.is_live, np.diff(batch.circuit_start))[metered]
            metered = metered[is_live & (batch.circuit_voltage_v[metered] >= self._no_voltage)]
            median[batch.circuit[metered]] = batch.circuit_voltage_v[metered]
        voltage = batch.voltage_v[row]
        circuit = fleet.lamp_circuit[lamp]
        is_reported = (batch.quality[row] == 0) & (voltage >= self._no_voltage) & (circuit >= 0)
        is_reported &= voltage <= self._most_v  # a meter's absurdity, and the only voice where all others are dead
        is_out = is_reported & (
            (voltage < self._limits["supplyVoltageTooLow"]) | (voltage > self._limits["supplyVoltageTooHigh"])
        )
        median[circuit[is_reported]] = 0.5 * sum(self._limits.values())
        n_reported = np.bincount(circuit[is_reported], minlength=fleet.n_circuits)
        n_out = np.bincount(circuit[is_out], minlength=fleet.n_circuits)
        wanted = np.flatnonzero((n_reported > 0) & (2 * n_out >= n_reported) & (n_out > 0))
        open_now = [d.is_open | (d.count > 0) for d in (*self.circuits.values(),)]
        wanted = np.union1d(wanted, np.flatnonzero(np.any(open_now, axis=0) & (n_reported > 0)))
        if len(wanted):
            chosen = np.flatnonzero(is_reported & np.isin(circuit, wanted))
            order = chosen[np.lexsort((voltage[chosen], circuit[chosen]))]
            starts = np.searchsorted(circuit[order], wanted)
            stops = np.searchsorted(circuit[order], wanted, side="right")
            sorted_v = voltage[order].astype(np.float64)
            median[wanted] = (sorted_v[(starts + stops - 1) // 2] + sorted_v[(starts + stops) // 2]) / 2
        return median

    def _times(self, sweep: Sweep) -> tuple[Int64, Int64]:
        """Data time and interval of each controller's live record, -1 where it has none; int64 (C,)."""
        at_s, dt_s = np.full(self._fleet.n_controllers, -1, np.int64), np.zeros(self._fleet.n_controllers, np.int64)
        live, c = sweep.live, sweep.live_controller
        at_s[c], dt_s[c] = sweep.at_s[live], sweep.dt_s[live]
        return at_s, dt_s

    def _cabinet_voltages(self, sweep: Sweep) -> Float64:
        """Median of the live phases by cabinet, for cabinets none of whose circuits tells a voltage; float64 (K,)."""
        fleet = self._fleet
        voltage = np.full(fleet.n_cabinets, np.nan)
        live = np.flatnonzero(sweep.is_live)
        phases = sweep.batch.cabinet_voltage_v[live].astype(np.float64)
        phases[~(phases >= self._no_voltage)] = np.nan
        reported = np.isfinite(phases).any(axis=1)
        voltage[fleet.home_cabinet[sweep.batch.controller[live[reported]]]] = known_medians(phases[reported])
        return voltage

    def _judge_code(  # measured columns, in the order of the rule
        self,
        code: str,
        limit: float,
        median: Float64,
        cabinet_v: Float64,
        at_s: Int64,
        dt_s: Int64,
        muted: tuple[Bool, Bool],
        *,
        is_low: bool,
    ) -> None:
        fleet = self._fleet
        circuits, cabinets = self.circuits[code], self.cabinets[code]

        def out(volts: Float64) -> Bool:
            return volts < limit if is_low else volts > limit

        is_reported = np.isfinite(median)
        holds = out(median) & is_reported
        owner = fleet.circuit_cabinet
        n_reported = np.bincount(owner[is_reported], minlength=fleet.n_cabinets)
        n_out = np.bincount(owner[holds], minlength=fleet.n_cabinets)
        cabinet_holds = np.where(n_reported > 0, n_reported == n_out, out(cabinet_v))
        cabinet_reported = (n_reported > 0) | np.isfinite(cabinet_v)
        controller = fleet.cabinet_controller
        has_record = (controller >= 0) & (at_s[controller] >= 0)
        k = np.flatnonzero(has_record & cabinet_reported & (cabinet_holds | cabinets.is_open | (cabinets.count > 0)))
        if len(k):
            at, dt, h = at_s[controller[k]], dt_s[controller[k]], cabinet_holds[k]
            reported = np.ones(len(k), np.bool_)
            verdict = cabinets.step(k, at, dt, h, ~h, reported, muted[0][k] & ~cabinets.is_open[k])
            volts = np.array([np.nanmedian(median[owner == i]) if n_reported[i] else cabinet_v[i] for i in k.tolist()])
            self._tell(code, limit, k, verdict.opened, at, volts, cabinets, is_cabinet=True)
            self._clear(code, k, verdict.cleared, at, volts, is_cabinet=True)
        q = np.flatnonzero(is_reported & (holds | circuits.is_open | (circuits.count > 0)))
        if len(q):
            at, dt, h = at_s[controller[owner[q]]], dt_s[controller[owner[q]]], holds[q]
            # all circuits out together are the cabinet's fault: theirs waits for its verdict
            waits = (cabinet_holds[owner[q]] | cabinets.is_open[owner[q]] | muted[1][q]) & ~circuits.is_open[q]
            verdict = circuits.step(q, at, dt, h, ~h, np.ones(len(q), np.bool_), waits)
            self._tell(code, limit, q, verdict.opened, at, median[q], circuits, is_cabinet=False)
            self._clear(code, q, verdict.cleared, at, median[q], is_cabinet=False)

    def _key(self, code: str, item: int, *, is_cabinet: bool) -> tuple[Key, int, int]:
        fleet = self._fleet
        cabinet = item if is_cabinet else int(fleet.circuit_cabinet[item])
        name = None if is_cabinet else fleet.circuit_names[item]
        return (
            Key(code, Place(cabinet_id=fleet.cabinet_ids[cabinet], circuit=name)),
            cabinet,
            -1 if is_cabinet else item,
        )

    def _tell(  # measured columns, in the order of the rule
        self,
        code: str,
        limit: float,
        item: Int64,
        opened: Int64,
        at_s: Int64,
        volts: Float64,
        debounce: Debounce,
        *,
        is_cabinet: bool,
    ) -> None:
        fleet = self._fleet
        for i in opened.tolist():
            key, cabinet, circuit = self._key(code, int(item[i]), is_cabinet=is_cabinet)
            controller = int(fleet.cabinet_controller[cabinet])
            if is_cabinet:
                own = np.arange(fleet.controller_start[controller], fleet.controller_start[controller + 1])
                lamps = own[fleet.lamp_cabinet[own] == cabinet]
            else:
                lamps = fleet.cable_order[fleet.circuit_start[circuit] : fleet.circuit_start[circuit + 1]]
            evidence = {"voltage_v": number(volts[i]), "limit_v": limit, "samples": debounce.confirm.samples}
            since_us = int(debounce.since_s[item[i]]) * 1_000_000
            at_us, ids = int(at_s[i]) * 1_000_000, tuple(lamps.tolist())
            self._book.open(Case(key, at_us, since_us, ids, evidence, controller, cabinet, circuit))

    def _clear(self, code: str, item: Int64, cleared: Int64, at_s: Int64, volts: Float64, *, is_cabinet: bool) -> None:
        for i in cleared.tolist():
            key, _, _ = self._key(code, int(item[i]), is_cabinet=is_cabinet)
            self._book.close(key, int(at_s[i]) * 1_000_000, evidence={"voltage_v": number(volts[i])})
