"""Which controllers' lamps all reported one level the last time: most sweeps say it again, and no lamp needs a look."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.sweep import Sweep
from ingest.model.batch import LEVEL_UNKNOWN
from ingest.model.fleet import Fleet

Bool = npt.NDArray[np.bool_]


class KnownLevels:
    """One level for each of C controllers, or none."""

    def __init__(self, fleet: Fleet) -> None:
        """None is known."""
        self._fleet = fleet
        self._start, self._n_own = fleet.controller_start[:-1], np.diff(fleet.controller_start)
        self._level = np.full(fleet.n_controllers, LEVEL_UNKNOWN, np.uint8)

    def forget(self) -> None:
        """Nothing is known any more."""
        self._level[:] = LEVEL_UNKNOWN

    def look(self, sweep: Sweep) -> tuple[Bool, bool]:
        """Look at a sweep's live records, n in all.

        Returns:
            Records that hold all lamps of their controller and no other, bool (n,); and whether all tell what is known,
            but for those without lamps.
        """
        live, c = sweep.live, sweep.live_controller
        whole: Bool = (sweep.batch.first_lamp[live] == self._start[c]) & (sweep.width[live] == self._n_own[c])
        low = sweep.level_low[live]
        is_known = whole & (low == sweep.level_high[live]) & (low == self._level[c]) & (low != LEVEL_UNKNOWN)
        return whole, bool((is_known | (sweep.width[live] == 0)).all())

    def keep(self, sweep: Sweep, whole: Bool) -> None:
        """Keep what a sweep reported by the records that are ``whole`` (see ``look``); others are not known."""
        live, low = sweep.live, sweep.level_low[sweep.live]
        self._level[sweep.live_controller] = np.where(
            whole & (low == sweep.level_high[live]), low, np.uint8(LEVEL_UNKNOWN)
        )
        if not whole.all():
            is_part = np.zeros(sweep.batch.n_records, np.bool_)
            is_part[live] = ~whole
            lamp = sweep.batch.lamp[np.repeat(is_part, sweep.width)]
            self._level[self._fleet.lamp_controller[lamp[lamp >= 0]]] = LEVEL_UNKNOWN
