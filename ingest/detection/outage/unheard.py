"""What may keep all lamps of a circuit or of a controller silent that is no fault of theirs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.command import Commands
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.candidate_groups import ControllerLamps, Group
from ingest.model.fleet import SWITCHING_LAMP, Fleet


class Unheard:
    """Answers for one fleet."""

    def __init__(self, fleet: Fleet, n_circuit: int, no_voltage: float, guard_s: int) -> None:
        """``n_circuit``: so many lamps are no chance; ``no_voltage``: below it [V] a circuit is dead."""
        self._fleet, self._n_circuit, self._no_voltage, self._guard_s = fleet, n_circuit, no_voltage, guard_s

    def is_blind(self, sweep: Sweep, record: int, lamps: ControllerLamps) -> bool:
        """Whether no lamp of the controller answers and nothing tells of a supply: it may be a blackout of the street.

        An agent on a battery goes on. That a lamp does not answer is its own fault only while its neighbours do.
        """
        if lamps.is_alive.any() or len(lamps.lamp) < self._n_circuit:
            return False
        batch = sweep.batch
        rows = slice(int(batch.circuit_start[record]), int(batch.circuit_start[record + 1]))
        is_reported = batch.is_supply_present[record] == 1 or sweep.has_cabinet_voltage[record]
        return not (is_reported or (batch.circuit_voltage_v[rows] >= self._no_voltage).any())

    def is_waking(self, sweep: Sweep, record: int, lamps: ControllerLamps, commands: Commands) -> bool:
        """Whether none has answered in the switching guard after its circuit was to be switched on.

        The contactor may close later than the schedule says, and meters start with their circuit. Where lamps switch
        themselves, the circuit was live before.
        """
        switching = self._fleet.cabinet_switching[self._fleet.home_cabinet[sweep.batch.controller[record]]]
        if lamps.is_alive.any() or switching == SWITCHING_LAMP:
            return False
        return bool(sweep.at_s[record] - commands.on_s[record] < self._guard_s)

    def is_cut_by_day(self, group: Group, lamps: ControllerLamps, switched_s: npt.NDArray[np.integer]) -> bool:
        """Whether lamps that are off fell silent as they were switched off, in a cabinet of which nobody knows how.

        Its contactor cuts the circuit, though a sweep at dawn may have heard it while it was told to be off already.
        ``switched_s`` (n,): when each of the lamps was switched last.
        """
        rows = group.rows
        cabinet = self._fleet.lamp_cabinet[lamps.lamp[rows]]
        is_known = self._fleet.cabinet_switching[cabinet] == SWITCHING_LAMP
        is_at_once = lamps.since_s[rows] - switched_s[rows].astype(np.int64) < self._guard_s
        return group.is_off and bool((is_at_once & ~is_known).any())
