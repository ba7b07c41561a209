"""Lamps for the map of ``/lapor``: places and ids alone, a few kilobytes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MOST: Final = 400
Box = tuple[float, float, float, float]


class LampPlaces:
    """The lamps of one register, ordered so that those of a box are found without looking at all of them."""

    def __init__(
        self, lamp_ids: Sequence[str], longitude: npt.NDArray[np.float64], latitude: npt.NDArray[np.float64]
    ) -> None:
        """Order them.

        Args:
            lamp_ids: N of them.
            longitude: float64 (N,) degrees.
            latitude: float64 (N,) degrees.
        """
        self._lamp_ids = lamp_ids
        self._longitude = longitude
        self._latitude = latitude
        self._northward = np.argsort(latitude, kind="stable")
        self._sorted = latitude[self._northward]
        self._around = _around(longitude, latitude)

    def choice(self, box: Box | None) -> dict[str, Any]:
        """Lamps of a box (west, south, east, north), or of the whole city, evenly thinned to ``MOST``.

        Args:
            box: west > east lies over the antimeridian; None = everything.
        """
        if box is None:
            inside = np.arange(len(self._lamp_ids))
        else:
            west, south, east, north = box
            first = np.searchsorted(self._sorted, south, side="left")
            rows = self._northward[first : np.searchsorted(self._sorted, north, side="right")]
            longitude = self._longitude[rows]
            across = (longitude >= west) & (longitude <= east)
            if west > east:
                across = (longitude >= west) | (longitude <= east)
            inside = np.sort(rows[across])
        shown = inside
        if len(inside) > MOST:
            shown = inside[np.linspace(0, len(inside) - 1, MOST).astype(np.int64)]
        places = zip(
            np.round(self._longitude[shown], 6).tolist(),
            np.round(self._latitude[shown], 6).tolist(),
            shown.tolist(),
            strict=True,
        )
        lamps = [[x, y, self._lamp_ids[row]] for x, y, row in places]
        return {"bbox": self._around, "n": len(inside), "lamps": lamps}


def _around(longitude: npt.NDArray[np.float64], latitude: npt.NDArray[np.float64]) -> list[float] | None:
    """A box around nine tenths of the lamps: one of a wrong place must not make the map empty."""
    if not len(longitude):
        return None
    west, east = np.percentile(longitude, [5, 95])
    south, north = np.percentile(latitude, [5, 95])
    return [round(float(one), 6) for one in (west, south, east, north)]
