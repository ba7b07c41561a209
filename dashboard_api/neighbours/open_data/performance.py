"""What a city promises about dark lamps, what it did, and how fast: figures for its open data page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

LAST_DAYS: Final = 30
_US_PER_H: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Performance:
    """Faults that keep lamps dark, of one time.

    Attributes:
        n_opened: opened in it.
        n_closed: ended in it.
        median_h: half of the ended ones stood no longer [h]; so ``p90_h`` nine of ten. None = none ended.
        share_kept: of the faults that were due in it by the promise, those that had ended by then, 0-1; so a fault that
            stands on counts against it. None = nothing is promised, or none was due.
    """

    n_opened: int
    n_closed: int
    median_h: float | None
    p90_h: float | None
    share_kept: float | None


def performance(rows: Sequence[Any], start_us: int, end_us: int, promised_h: float) -> Performance:
    """Of faults (``opened_at_us``, ``closed_at_us``) in a time; ``promised_h`` 0 = nothing is promised."""
    opened = np.array([row.opened_at_us for row in rows], np.int64)
    closed = np.array([row.closed_at_us or 0 for row in rows], np.int64)
    is_opened = (opened >= start_us) & (opened < end_us)
    is_closed = (closed >= start_us) & (closed < end_us) & (closed > 0)
    hours: npt.NDArray[np.float64] = (closed - opened)[is_closed] / _US_PER_H
    due = opened + int(promised_h * _US_PER_H)
    is_due = (due >= start_us) & (due < end_us) & (promised_h > 0)
    kept = float(((closed > 0) & (closed <= due))[is_due].mean()) if is_due.any() else None
    if not len(hours):
        return Performance(int(is_opened.sum()), 0, None, None, kept)
    median, p90 = np.percentile(hours, [50, 90])
    return Performance(int(is_opened.sum()), len(hours), float(median), float(p90), kept)


def n_standing(rows: Sequence[Any]) -> int:
    """Faults that are not closed."""
    return sum(row.closed_at_us is None for row in rows)


def share_available(rows: Sequence[Any], n_lamps: int, start_us: int, end_us: int) -> float | None:
    """1 - hours of lamps that a fault darkened / hours of all lamps; None where there is no lamp."""
    if not n_lamps or end_us <= start_us:
        return None
    dark_us: int = sum(
        max(0, min(row.closed_at_us or end_us, end_us) - max(row.opened_at_us, start_us))
        * max(1, len(row.lamp_ids or ()))
        for row in rows
    )
    return max(0.0, 1 - dark_us / (n_lamps * (end_us - start_us)))
