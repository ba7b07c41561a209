"""Around a faulty lamp's last judged sample a region of readings in which nothing can change: kept, and asked.

``ingest.detection.lamp.steady`` fills them. A lamp that stays dark, or goes on drawing too much, is in its region in
nearly every sweep, and needs no judging there.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
UInt16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]

QUANTITIES: Final = ("power_w", "power_factor", "temperature_c", "voltage_v")
_N: Final = len(QUANTITIES)
_NONE: Final = np.uint16(0xFFFF)  # no lamp's: level 255 is an unknown one
_NEEDED: Final = ("power_w", "voltage_v")


class StableRegions:
    """One region for each of L lamps, or none. Beside its bounds it holds the level and the status of its sample."""

    def __init__(self, n_lamps: int) -> None:
        """No lamp has one."""
        self._reported = np.full(n_lamps, _NONE, np.uint16)
        self._bounds = np.empty((n_lamps, 2 * _N), np.float32)  # a lamp's least values, then its greatest

    def covers(self, lamp: Int64, reported: UInt16, measured: Float32) -> Bool:
        """Which of n good samples lie in their lamp's region; bool (n,).

        A power factor or a temperature that was known and is not reported lies in it, since no rule judges it; one that
        was not known does not.

        Args:
            lamp: int64 (n,).
            reported: as ``level_and_status``, uint16 (n,).
            measured: float32 (quantities, n).
        """
        kept = self._reported.take(lamp)
        covered: Bool = (kept == reported) & (kept != _NONE)
        bounds = self._bounds.take(lamp, axis=0)
        for i, values in enumerate(measured):
            if QUANTITIES[i] in _NEEDED:
                covered &= (values >= bounds[:, i]) & (values <= bounds[:, _N + i])
            else:
                covered &= ~((values < bounds[:, i]) | (values > bounds[:, _N + i]))
        return covered

    def put(self, lamp: Int64, reported: UInt16, low: Float32, high: Float32) -> None:
        """Set the regions of n lamps: ``level_and_status`` their rows, bounds float32 (n, quantities)."""
        self._reported[lamp] = reported
        self._bounds[lamp, :_N], self._bounds[lamp, _N:] = low, high

    def drop(self, lamp: Int64) -> None:
        """Something about these lamps has changed: their next sample is judged."""
        self._reported[lamp] = _NONE


def level_and_status(level: UInt8, status: UInt8) -> UInt16:
    """Level and status of n samples in one number; uint16 (n,)."""
    reported: UInt16 = level.astype(np.uint16) << np.uint16(8) | status
    return reported
