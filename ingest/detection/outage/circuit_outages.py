"""Circuits whose supply was out, as the silence of half of their lamps shows: discharge lamps warm up after it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.sweep import Sweep
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_OUTAGE_LAMPS: Final = 2


class CircuitOutages:
    """Sets the start of the warm-up in the lamp state."""

    def __init__(self, fleet: Fleet, state: LampState) -> None:
        """Count the lamps of each controller's smallest circuit."""
        self._fleet, self._state, self._least_outage = fleet, state, _least_outage(fleet)

    def note(self, sweep: Sweep, *lost: tuple[Int64, Int64, Bool]) -> None:
        """Circuits of which at least half is silent: their discharge lamps will warm up when they are back.

        Those that answer had the outage too where half of what had answered falls silent in one sweep: they were read
        before it. In a silence that lasts they burn on, whatever silences the others.

        ``lost``: records and lamps, and whether their circuits are live; those that answered the last time come last.
        """
        fleet = self._fleet
        n_lost = sum(np.bincount(record, minlength=sweep.batch.n_records) for record, _, _ in lost)  # or less
        is_much = n_lost >= self._least_outage[sweep.controller]
        if not is_much.any():
            return
        n_before = len(lost[0][0])
        record, lamp, live = map(np.concatenate, zip(*lost, strict=True))
        n_lost = np.bincount(record[live], minlength=sweep.batch.n_records)
        is_much = n_lost >= self._least_outage[sweep.controller]
        some = np.flatnonzero(live & is_much[record] & (fleet.lamp_circuit[lamp] >= 0))
        record, lamp, is_new = record[some], lamp[some], some >= n_before
        circuit, n_lamps = fleet.lamp_circuit[lamp], np.diff(fleet.circuit_start)
        n_lost, n_new = (np.bincount(circuit[chosen], minlength=fleet.n_circuits) for chosen in (slice(None), is_new))
        is_out = (n_lost >= _OUTAGE_LAMPS) & (2 * n_lost >= n_lamps)
        silent = np.flatnonzero(is_out[circuit])
        self._state.lit_from_s[lamp[silent]] = sweep.at_s[record[silent]]
        begins = is_out & (n_new >= _OUTAGE_LAMPS) & (2 * n_new >= n_lamps - (n_lost - n_new))
        for q in np.flatnonzero(begins).tolist():
            lamps = fleet.cable_order[fleet.circuit_start[q] : fleet.circuit_start[q + 1]]
            self._state.lit_from_s[lamps] = sweep.at_s[record[circuit == q][0]]


def _least_outage(fleet: Fleet) -> Int64:
    """Lost lamps of a controller below which no circuit of it can be out; int64 (C,)."""
    least = np.full(fleet.n_controllers, np.iinfo(np.int64).max)
    if fleet.n_circuits:
        n_lamps, controller = np.diff(fleet.circuit_start), fleet.cabinet_controller[fleet.circuit_cabinet]
        known = np.flatnonzero((n_lamps > 0) & (controller >= 0))
        np.minimum.at(least, controller[known], np.maximum(_OUTAGE_LAMPS, (n_lamps[known] + 1) // 2))
    return least
