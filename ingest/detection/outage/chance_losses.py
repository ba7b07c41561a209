"""How often replies of a controller's lamps are lost by chance, and how many in a row are none.

At the 2 % that a noisy bus may lose, three in a row come once in 10^5 samples: often enough, in sweeps of five minutes
of which three are all that the confirm rule asks for, to open a fault on a healthy lamp in every second month. In
sweeps of a minute the five minutes of the rule ask for five samples by themselves.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.cabinet_context import CabinetContext
from ingest.detection.memory.sweep import Sweep

Int64 = npt.NDArray[np.int64]

_SLOW_S: Final = 75  # between sweeps: the five minutes leave fewer than five samples
_USUAL: Final = 0.02  # share that is lost while nothing is known
_PRIOR: Final = 200.0  # replies that this counts for
_MEMORY: Final = 20_000.0  # replies after which what was counted before counts for half
_EVENT: Final = 0.2  # of the lamps: what so many lose in one sweep is no chance
_LEAST: Final = 1e-4  # a share below it is not looked for


class ChanceLosses:
    """Counts over C controllers, of those sweeps that are slow: replies ``lost`` by chance, and ``answered``."""

    def __init__(self, context: CabinetContext) -> None:
        """Nothing is known. ``context``: tells the sweeps' intervals."""
        self._context = context
        self.lost, self.answered = np.zeros((2, len(context.interval_s)))

    def note(self, sweep: Sweep, first: Int64, again: Int64) -> None:
        """Count one sweep.

        Args:
            sweep: the sweep at hand.
            first: int64 (n,) records of lamps that answered the last time, and now did not; one for each lamp.
            again: int64 (m,) records of those that had not answered before either.
        """
        batch, n = sweep.batch, sweep.batch.n_records
        slow = np.flatnonzero(sweep.is_live & (self._context.interval_s[batch.controller] >= _SLOW_S))
        if not len(slow):
            return
        n_lost = np.bincount(first, minlength=n)[slow]
        n_answered = np.diff(batch.lamp_start)[slow] - n_lost - np.bincount(again, minlength=n)[slow]
        is_chance = (n_answered > 0) & (n_lost <= np.maximum(1, _EVENT * n_answered))
        c = batch.controller[slow[is_chance]]
        self.lost[c] += n_lost[is_chance]
        self.answered[c] += n_answered[is_chance]
        full = c[self.answered[c] > _MEMORY]
        self.lost[full] /= 2
        self.answered[full] /= 2

    def samples(self, controller: int, least: int, most: int) -> int:
        """How many lost replies in a row are told, from ``least`` to ``most``.

        So many that they are no more likely by chance than ``most`` are at the usual loss, whatever the present
        interval: a silence may have begun in slower sweeps.
        """
        lost, answered = float(self.lost[controller]), float(self.answered[controller])
        share = (_USUAL * _PRIOR + lost) / (_PRIOR + lost + answered)
        enough = math.ceil(most * math.log(_USUAL) / math.log(min(max(share, _LEAST), _USUAL)))
        return max(least, min(enough, most))
