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

        ``lost``: records and lamps, and whether their circuits are live.
        """
        fleet = self._fleet
        n_lost = sum(np.bincount(record, minlength=sweep.batch.n_records) for record, _, _ in lost)  # or less
        is_much = n_lost >= self._least_outage[sweep.controller]
        if not is_much.any():
            return
        record, lamp, live = map(np.concatenate, zip(*lost, strict=True))
        n_lost = np.bincount(record[live], minlength=sweep.batch.n_records)
        is_much = n_lost >= self._least_outage[sweep.controller]
        some = np.flatnonzero(live & is_much[record] & (fleet.lamp_circuit[lamp] >= 0))
        record, circuit = record[some], fleet.lamp_circuit[lamp[some]]
        n_lost = np.bincount(circuit, minlength=fleet.n_circuits)
        for q in np.flatnonzero((n_lost >= _OUTAGE_LAMPS) & (2 * n_lost >= np.diff(fleet.circuit_start))).tolist():
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
