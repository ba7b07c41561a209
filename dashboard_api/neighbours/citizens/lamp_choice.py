"""Lamps for the map of ``/lapor``: places and ids alone, a few kilobytes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MOST: Final = 400
Box = tuple[float, float, float, float]


def lamp_choice(
    lamp_ids: Sequence[str], longitude: npt.NDArray[np.float64], latitude: npt.NDArray[np.float64], box: Box | None
) -> dict[str, Any]:
    """Lamps of a box (west, south, east, north), or of the whole city, evenly thinned to ``MOST``.

    Args:
        lamp_ids: N of them.
        longitude: float64 (N,) degrees.
        latitude: float64 (N,) degrees.
        box: west > east lies over the antimeridian; None = everything.
    """
    if box is None:
        inside = np.arange(len(lamp_ids))
    else:
        west, south, east, north = box
        across = (longitude >= west) & (longitude <= east)
        if west > east:
            across = (longitude >= west) | (longitude <= east)
        inside = np.flatnonzero(across & (latitude >= south) & (latitude <= north))
    shown = inside
    if len(inside) > MOST:
        shown = inside[np.linspace(0, len(inside) - 1, MOST).astype(np.int64)]
    lamps = [[round(float(longitude[row]), 6), round(float(latitude[row]), 6), lamp_ids[row]] for row in shown.tolist()]
    return {"bbox": _around(longitude, latitude), "n": len(inside), "lamps": lamps}


def _around(longitude: npt.NDArray[np.float64], latitude: npt.NDArray[np.float64]) -> list[float] | None:
    """A box around nine tenths of the lamps: one of a wrong place must not make the map empty."""
    if not len(longitude):
        return None
    west, east = np.percentile(longitude, [5, 95])
    south, north = np.percentile(latitude, [5, 95])
    return [round(float(one), 6) for one in (west, south, east, north)]
