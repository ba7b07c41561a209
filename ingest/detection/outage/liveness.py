"""Which lamps' circuits should be under voltage, so that their silence means something."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.sweep import Sweep
from ingest.model.fleet import SWITCHING_CONTACTOR, SWITCHING_LAMP, SWITCHING_UNKNOWN, Fleet

_FULL: Final = 100
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class Liveness:
    """What a sweep's cabinets say of their circuits; made once a sweep, asked for some of its lamps."""

    def __init__(self, fleet: Fleet, state: LampState, sweep: Sweep, is_shared: Bool, answered_by_day: Bool) -> None:
        """Look at the sweep's records.

        Args:
            fleet: the register's index arrays.
            state: the lamps' levels.
            sweep: the sweep at hand.
            is_shared: bool (C,) controllers of several cabinets.
            answered_by_day: bool (circuits,) circuits that answer while off.
        """
        self._fleet, self._state, self._sweep, self._answered_by_day = fleet, state, sweep, answered_by_day
        home = fleet.cabinet_switching[fleet.home_cabinet[sweep.controller]]
        self._is_by_lamp = home == SWITCHING_LAMP
        is_cut = sweep.is_supply_gone | sweep.has_dead_phase | (sweep.batch.is_contactor_closed == 0)
        self._is_plain = (home != SWITCHING_UNKNOWN) & ~is_cut & ~is_shared[sweep.controller]
        is_lit = (sweep.level_low > 0) & (sweep.level_high <= _FULL)  # every lamp that the record has
        self._is_everywhere = bool((self._is_plain & (self._is_by_lamp | is_lit)).all())

    def of_rows(self, record: Int64, lamp: Int64) -> Bool:
        """As ``of``, for lamps that are in their record."""
        return np.ones(len(lamp), np.bool_) if self._is_everywhere else self.of(record, lamp)

    def of(self, record: Int64, lamp: Int64) -> Bool:
        """Lamps whose circuit should be under voltage; bool (n,). ``record`` int64 (n,) is each lamp's."""
        level = self._state.level[lamp]
        live: Bool = ((level > 0) & (level <= 100)) | self._is_by_lamp[record]
        is_plain = self._is_plain[record]
        if not is_plain.all():
            rest = np.flatnonzero(~is_plain)
            live[rest] = self._of_others(record[rest], lamp[rest])
        return live

    def _of_others(self, record: Int64, lamp: Int64) -> Bool:
        """The same where a cabinet is cut, has a dead phase, shares its controller, or switches nobody knows how."""
        fleet, state, sweep = self._fleet, self._state, self._sweep
        is_home = fleet.lamp_cabinet[lamp] == fleet.home_cabinet[fleet.lamp_controller[lamp]]
        # row -1: of a lamp whose phase is unknown, any dead phase may be its own
        dead = np.concatenate([sweep.dead_phases, sweep.has_dead_phase[None]])
        is_cut = sweep.is_supply_gone[record] | dead[fleet.phase[lamp], record]
        is_cut |= sweep.batch.is_contactor_closed[record] == 0
        switching = fleet.cabinet_switching[fleet.lamp_cabinet[lamp]]
        by_day = switching == SWITCHING_LAMP
        by_day |= (switching != SWITCHING_CONTACTOR) & self._answered_by_day[fleet.lamp_circuit[lamp]]
        is_on = (state.level[lamp] > 0) & (state.level[lamp] <= 100)
        live: Bool = (is_on | by_day) & ~(is_cut & is_home)
        return live
