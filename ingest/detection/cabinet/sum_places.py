"""Where a metered sum of lamps lies: its lamps, and the condition that is opened on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.detection.conditions.causes import Case
from ingest.model.finding import Key, Place
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]


class SumPlaces:
    """Items are Q circuits and then K cabinets."""

    def __init__(self, fleet: Fleet) -> None:
        """``fleet``: the register's index arrays."""
        self._fleet = fleet

    def lamps(self, item: int) -> Int64:
        """The lamps of a sum; a circuit's in order along its cable."""
        fleet = self._fleet
        if item < fleet.n_circuits:
            return fleet.cable_order[int(fleet.circuit_start[item]) : int(fleet.circuit_start[item + 1])]
        cabinet = item - fleet.n_circuits
        c = int(fleet.cabinet_controller[cabinet])
        own: Int64 = np.arange(int(fleet.controller_start[c]), int(fleet.controller_start[c + 1]))
        lamps: Int64 = own[fleet.lamp_cabinet[own] == cabinet]
        return lamps

    def key(self, item: int) -> Key:
        """The condition of a sum."""
        fleet = self._fleet
        if item < fleet.n_circuits:
            cabinet = fleet.cabinet_ids[int(fleet.circuit_cabinet[item])]
            return Key("circuitPowerTooLow", Place(cabinet_id=cabinet, circuit=fleet.circuit_names[item]))
        cabinet_row = item - fleet.n_circuits
        names = [fleet.circuit_names[q] for q in np.flatnonzero(fleet.circuit_cabinet == cabinet_row).tolist()]
        only = names[0] if len(names) == 1 else None
        return Key("circuitPowerTooLow", Place(cabinet_id=fleet.cabinet_ids[cabinet_row], circuit=only))

    def case(self, item: int, controller: int, at_us: int, since_us: int, evidence: dict[str, Any]) -> Case:
        """The condition on all lamps of a sum."""
        fleet, lamps = self._fleet, self.lamps(item)
        circuit = item if item < fleet.n_circuits else -1
        cabinet = int(fleet.lamp_cabinet[lamps[0]])
        return Case(self.key(item), at_us, since_us, tuple(lamps.tolist()), evidence, controller, cabinet, circuit)
