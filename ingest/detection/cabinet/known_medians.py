"""Medians of a few values each, of which some are unknown: many rows at once, where ``numpy`` takes row by row."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Float = TypeVar("Float", np.float32, np.float64)


def known_medians(rows: npt.NDArray[Float]) -> npt.NDArray[Float]:
    """Median of the known values of each row, floats (n, k), NaN unknown; (n,), NaN where none is known."""
    ordered = np.sort(rows, axis=1)  # unknown ones last
    n = (~np.isnan(ordered)).sum(axis=1)
    place = np.arange(len(rows))
    low, high = ordered[place, np.maximum(n - 1, 0) // 2], ordered[place, np.where(n > 0, n // 2, -1)]
    medians: npt.NDArray[Float] = (low + high) / rows.dtype.type(2)
    return medians
