"""What each lamp draws at a dim level, of what its technology's curve says: learned once for each ten levels.

Drivers of one technology dim along different curves. Until a lamp's own is known at a level, the technology's stands
for it; the mean of its first healthy samples there then replaces it, and stands until another lamp hangs there.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Rows = slice | Int64

HIGHEST: Final = 80  # above this level a lamp's own full power is learned, and its curve is the technology's
_WIDTH: Final = 10  # levels that share a place
_PLACE: Final = (np.maximum(np.arange(256), 1) - 1) // _WIDTH  # of each level
_FEWEST: Final = 5  # samples from which on the lamp's own counts
_MOST: Final = 60  # samples of a third of an hour each: about three nights
_RANGE: Final = (0.7, 1.35)  # a healthy driver's curve lies within these of its technology's


def is_dimmed(level: UInt8) -> Bool:
    """Levels at which a lamp has a curve of its own; bool (n,)."""
    dimmed: Bool = (level > 0) & (level <= HIGHEST)
    return dimmed


class OwnCurves:
    """Arrays over L lamps; the places are levels 1 to 10, 11 to 20 and so on.

    Attributes:
        apart: float16 (8, L) mean of (power / power by the technology's curve) - 1.
        n_samples: uint8 (8, L) samples that it is the mean of.
    """

    def __init__(self, n_lamps: int) -> None:
        """Nothing is known yet."""
        n = HIGHEST // _WIDTH
        self.apart = np.zeros((n, n_lamps), np.float16)
        self.n_samples = np.zeros((n, n_lamps), np.uint8)

    def factor(self, lamp: Rows, level: UInt8) -> Float32 | np.float32:
        """What to multiply the technology's curve by, of n lamps at their levels; float32 (n,), or 1 for all."""
        rows = np.flatnonzero(is_dimmed(level))
        if not len(rows):
            return np.float32(1)
        at = self._at(lamp, level, rows)
        factor = np.ones(len(level), np.float32)
        is_known = self.n_samples.take(at) >= _FEWEST
        if is_known.any():
            factor[rows] = 1 + self.apart.take(at).astype(np.float32) * is_known
        return factor

    def learn(self, lamp: Rows, level: UInt8, share: Float32, is_healthy: Bool) -> None:
        """Take a sample of n lamps: ``share`` float32 (n,) their power over that by the technology's curve."""
        is_wanted = is_healthy & is_dimmed(level) & (share >= _RANGE[0]) & (share <= _RANGE[1])
        rows = np.flatnonzero(is_wanted)
        if not len(rows):
            return
        at = self._at(lamp, level, rows)
        n = self.n_samples.take(at)
        if not (is_open := n < _MOST).all():
            rows, at, n = rows[is_open], at[is_open], n[is_open]
        n += np.uint8(1)
        apart = self.apart.take(at).astype(np.float32)
        self.apart.reshape(-1)[at] = apart + (share[rows] - 1 - apart) / n
        self.n_samples.reshape(-1)[at] = n

    def _at(self, lamp: Rows, level: UInt8, rows: Int64) -> Int64:
        """Where the places of some of n dimmed lamps stand in the arrays as one row; int64."""
        lamps = rows + lamp.start if isinstance(lamp, slice) else lamp[rows]
        at: Int64 = _PLACE[level[rows]] * self.apart.shape[1] + lamps
        return at

    def start_anew(self, lamp: Int64) -> None:
        """Another lamp may hang there now."""
        self.apart[:, lamp] = 0
        self.n_samples[:, lamp] = 0
