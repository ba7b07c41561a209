"""A fuse that takes its meter along: ``circuitFailure`` of a circuit too few of whose lamps have meters to tell it.

The circuit's meter is silent, or sees no voltage, none of its lamps answers with one, and the cabinet's meter is down
by what the circuit draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.detection.cabinet.dark_sums import SumTable
from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.causes import Case
from ingest.detection.conditions.lamp_evidence import watts
from ingest.detection.memory.command import Commands
from ingest.detection.memory.debounce import Confirm, Debounce
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.load import GONE
from ingest.detection.outage.silent_load import Load, SilentLoad
from ingest.model.finding import Key, Place
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class SilentMeters:
    """Counters over Q circuits."""

    def __init__(  # measured columns, in the order of the rule
        self,
        fleet: Fleet,
        table: LimitTable,
        state: LampState,
        sums: SumTable,
        silent_load: SilentLoad,
        book: ActiveConditions,
    ) -> None:
        """Nothing is open yet."""
        self._fleet, self._state, self._sums = fleet, state, sums
        self._silent_load, self._book = silent_load, book
        self._no_voltage, self._least_lamps = table.scalar("no_voltage"), int(table.scalar("circuit_lamps"))
        samples = int(table.scalar("confirm_samples"))
        self.debounce = Debounce(fleet.n_circuits, Confirm(samples, 0, samples, 0))
        self.has_answered = np.zeros(fleet.n_circuits, np.bool_)

    def judge(  # measured columns, in the order of the rule
        self,
        sweep: Sweep,
        commands: Commands,
        is_starved: Bool,
        is_partly_listed: Bool,
        is_dark: Bool | None,
        is_muted: Callable[[Int64], Bool],
    ) -> None:
        """Judge the circuit meters of a sweep's live records.

        Args:
            sweep: the sweep at hand.
            commands: what its cabinets are commanded to do.
            is_starved: bool (R,) without supply, or a phase of it.
            is_partly_listed: bool (R,) some lamp of the controller has no meter.
            is_dark: bool (L,) lamps known to be without load, None = there are none.
            is_muted: lamps under maintenance.
        """
        batch = sweep.batch
        is_judged = sweep.is_live & is_partly_listed & commands.is_on & commands.is_settled & ~is_starved
        is_judged &= (np.diff(batch.circuit_start) > 0) & (batch.is_contactor_closed != 0)
        for r in np.flatnonzero(is_judged).tolist():
            rows = slice(int(batch.circuit_start[r]), int(batch.circuit_start[r + 1]))
            circuit = batch.circuit[rows].astype(np.int64)
            chosen = (circuit >= 0) & self._sums.has_few_meters(circuit, self._least_lamps)
            circuit = circuit[chosen]
            power, volts = batch.circuit_power_w[rows][chosen], batch.circuit_voltage_v[rows][chosen]
            is_dead = volts < self._no_voltage
            answers = np.isfinite(power) & ~is_dead
            self.has_answered[circuit[answers]] = True
            wanted = self.debounce.is_open[circuit] | (self.debounce.count[circuit] > 0)
            wanted |= ~answers & self.has_answered[circuit] & (self._sums.n_lamps[circuit] >= self._least_lamps)
            for i in np.flatnonzero(wanted).tolist():
                q = int(circuit[i])
                load = None if answers[i] or self._is_live(q) else self._load(sweep, r, q, is_dark)
                if load is not None and is_dead[i]:  # the circuit's own meter tells it
                    load = Load(GONE, float(power[i]), load.expected_w)
                self._step(sweep, r, q, load, is_muted)

    def _is_live(self, circuit: int) -> bool:
        """Whether a lamp of the circuit answers with voltage."""
        lamps, state = self._lamps(circuit), self._state
        lamps = lamps[state.is_listed[lamps]]
        return bool(((state.quality[lamps] == 0) & (state.voltage_v[lamps] >= self._no_voltage)).any())

    def _load(self, sweep: Sweep, record: int, circuit: int, is_dark: Bool | None) -> Load:
        """What the cabinet's meter says of the load of a circuit; once its fault is open, it is not asked again."""
        if self.debounce.is_open[circuit]:
            return Load(GONE, np.nan, np.nan)
        return self._silent_load.load_of(sweep, record, self._lamps(circuit), is_dark)

    def _lamps(self, circuit: int) -> Int64:
        start = self._fleet.circuit_start
        return self._fleet.cable_order[int(start[circuit]) : int(start[circuit + 1])]

    def _step(self, sweep: Sweep, r: int, q: int, load: Load | None, is_muted: Callable[[Int64], Bool]) -> None:
        """Count one sweep. ``load``: of a circuit whose meter is silent, or sees no voltage; None = it answers."""
        fleet, lamps = self._fleet, self._lamps(q)
        answers = load is None
        is_gone = load is not None and load.word == GONE
        flags = (is_gone, answers, is_gone or answers, bool(is_muted(lamps).all()) and not self.debounce.is_open[q])
        verdict = self.debounce.step(
            np.array([q]), sweep.at_s[r : r + 1], sweep.dt_s[r : r + 1], *(np.array([flag]) for flag in flags)
        )
        cabinet = int(fleet.circuit_cabinet[q])
        key = Key("circuitFailure", Place(cabinet_id=fleet.cabinet_ids[cabinet], circuit=fleet.circuit_names[q]))
        at_us = int(sweep.at_s[r]) * 1_000_000
        if len(verdict.opened) and load is not None:
            evidence: dict[str, Any] = {"meter_silent": True, "load": GONE, "samples": self.debounce.confirm.samples}
            evidence |= watts(load.power_w, load.expected_w)
            since_us, c = int(self.debounce.since_s[q]) * 1_000_000, int(sweep.batch.controller[r])
            self._book.open(Case(key, at_us, since_us, tuple(lamps.tolist()), evidence, c, cabinet, q))
        if len(verdict.cleared):
            self._book.close(key, at_us)
