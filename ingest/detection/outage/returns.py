"""Lamps that fell silent together and answer again together: one that misses that sweep has not been silent alone."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.debounce import Debounce

Int64 = npt.NDArray[np.int64]

_TOGETHER: Final = 2  # lamps that answer again in one sweep: one alone may have lost its replies by chance


class Returns:
    """Lamps that answer again in the sweep at hand."""

    def __init__(self, lost: Debounce) -> None:
        """``lost``: the counters of lost replies."""
        self._lost = lost
        self._lamp, self._since_s = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def note(self, lamp: Int64, since_s: npt.NDArray[Any]) -> None:
        """The lamps, int64 (n,), and since when each of them had been silent."""
        self._lamp, self._since_s = lamp, since_s.astype(np.int64)

    def begin_anew(self, own: Int64, interval_s: int) -> None:
        """Begin the runs of lamps anew which fell silent together with others that answer again in this very sweep.

        What kept those silent, a blackout that nothing else tells of or a circuit not told yet, kept these so too:
        that one of them misses the first sweep afterwards is a lost reply, and no silence of its own.

        Args:
            own: int64 (n,) lamps of one controller, ascending without a gap.
            interval_s: of its sweeps.
        """
        is_own = (self._lamp >= own[0]) & (self._lamp <= own[-1])
        if is_own.sum() < _TOGETHER:
            return
        running = own[(self._lost.count[own] > 0) & ~self._lost.is_open[own]]
        apart_s = np.abs(self._lost.since_s[running].astype(np.int64)[:, None] - self._since_s[is_own][None])
        self._lost.forget(running[(apart_s <= 2 * interval_s).sum(axis=1) >= _TOGETHER])
