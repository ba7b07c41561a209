"""Plausible readings of energy counters, and detection of counter restarts.

Pure. A counter never falls and never rises by more than its connection can draw in the time between. Among a meter's
readings the largest set that keeps to this is taken; the others (a dip that comes back, a spike) are no readings. Only
a fall or a jump that lasts is a counter that began anew: a reset, a counter that ran over its range, another meter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

US_PER_H: Final = 3_600_000_000
_SLACK_US: Final = 120_000_000  # a reading's time is its sweep's end: the counter may be read that much before
_SLACK_WH: Final = 20.0  # the resolution of meters that count in hundredths of a kWh, twice
_ROUNDING: Final = 2.0**-22  # of a counter that comes as a 32-bit float
_WINDOW: Final = 48  # readings that may be left out one after another: half a day of slow sweeps
_MOST_AT_ONCE: Final = 2048  # meters
# What a counter that begins anew costs, in readings left out instead: so many readings must bear it out.
_COST_OF_RESET: Final = 2.5  # falls to what it can have counted since the last reading
_COST_OF_WRAP: Final = 0.5  # falls as a counter does at the end of its range
_COST_OF_EXCHANGE: Final = 8.5  # to any other value: two hours of slow sweeps
# Ranges of meters [Wh]: registers of 24, 31 and 32 bits, and displays of 9,999.99 to 999,999.99 kWh
_RANGES: Final = (10.0**7, 2.0**24, 10.0**8, 10.0**9, 2.0**31, 2.0**32)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps from one reading of a meter to a later one. Shapes (P,).

    Attributes:
        rise_wh: float64, what was used meanwhile; NaN where the counter began anew and does not say.
        is_anew: bool, the counter began anew in between.
    """

    rise_wh: Floats
    is_anew: Bools


def most_rise_wh(from_wh: Floats, start_us: Ints, end_us: Ints, most_w: Floats) -> Floats:
    """The most that counters can rise between two times on connections of ``most_w`` [W]."""
    hours = (end_us - start_us + _SLACK_US) / US_PER_H
    most: Floats = most_w * hours + _SLACK_WH + np.abs(from_wh) * _ROUNDING
    return most


def steps_between(first_wh: Floats, then_wh: Floats, start_us: Ints, end_us: Ints, most_w: Floats) -> Steps:
    """What counters say was used between two readings each, for connections of at most ``most_w`` [W]."""
    most = most_rise_wh(first_wh, start_us, end_us, most_w)
    rise = then_wh - first_wh
    is_anew = ~((rise >= 0) & (rise <= most))
    used = np.where((rise < 0) & (then_wh <= most), then_wh, np.nan)
    wrapped = _wrapped(first_wh, then_wh, most)
    used = np.where(np.isfinite(wrapped), wrapped, used)
    return Steps(np.where(is_anew, used, rise), is_anew)


def possible_readings(meter: Ints, at_us: Ints, counter_wh: Floats, most_w: Floats) -> Bools:
    """Which readings a connection allows.

    Args:
        meter: int64 (N,) in order, and each meter's readings in order of time.
        at_us: int64 (N,).
        counter_wh: float64 (N,) finite [Wh].
        most_w: float64 (M,) by meter: what its connection can draw at most [W].
    """
    is_possible = np.ones(len(meter), bool)
    is_pair = meter[1:] == meter[:-1]
    rise = np.diff(counter_wh)
    most = most_rise_wh(counter_wh[:-1], at_us[:-1], at_us[1:], most_w[meter[:-1]])
    is_odd = is_pair & ((rise < 0) | (rise > most) | ((at_us[1:] == at_us[:-1]) & (rise != 0)))
    odd_meters = np.unique(meter[1:][is_odd])
    for first in range(0, len(odd_meters), _MOST_AT_ONCE):
        some = odd_meters[first : first + _MOST_AT_ONCE]
        begin, end = np.searchsorted(meter, some), np.searchsorted(meter, some, side="right")
        width = int((end - begin).max())
        at = np.minimum(begin[:, None] + np.arange(width), end[:, None] - 1)
        kept = _largest_set(at_us[at], counter_wh[at], end - begin, most_w[some])
        is_there = np.arange(width) < (end - begin)[:, None]
        is_possible[at[is_there]] = kept[is_there]
    return is_possible


def _largest_set(at_us: Ints, wh: Floats, n: Ints, most_w: Floats) -> Bools:
    """The readings to keep of A meters, bool (A, N): those of the cheapest way from the first reading to the last.

    Leaving a reading out costs 1, beginning anew what ``_COST_OF_…`` says.
    """
    n_meters, width = wh.shape
    cost = np.zeros((n_meters, width))  # of the cheapest way that ends here
    came_from = np.full((n_meters, width), -1)
    for j in range(width):
        cost[:, j] = j
        low = max(0, j - _WINDOW)
        if low == j:
            continue
        before = np.arange(j - 1, low - 1, -1)  # the nearest first: it wins a tie
        total = cost[:, before] + (j - 1 - before) + _cost_of_step(at_us, wh, before, j, most_w)
        best = np.argmin(total, axis=1)
        found = total[np.arange(n_meters), best]
        is_better = found < cost[:, j]
        came_from[is_better, j] = before[best[is_better]]
        cost[is_better, j] = found[is_better]
    left_out = (n - 1)[:, None] - np.arange(width)  # after the last reading that is kept
    total = np.where(left_out >= 0, cost + left_out, np.inf)
    last = width - 1 - np.argmin(total[:, ::-1], axis=1)
    kept = np.zeros((n_meters, width), bool)
    rows = np.arange(n_meters)
    while len(rows):
        kept[rows, last] = True
        last = came_from[rows, last]
        rows, last = rows[last >= 0], last[last >= 0]
    return kept


def _cost_of_step(at_us: Ints, wh: Floats, before: Ints, j: int, most_w: Floats) -> Floats:
    """What the steps from the readings ``before`` to reading ``j`` cost, float64 (A, len(before))."""
    first, then = wh[:, before], wh[:, j : j + 1]
    start_us, end_us = at_us[:, before], at_us[:, j : j + 1]
    most = most_rise_wh(first, start_us, end_us, most_w[:, None])
    rise = then - first
    cost = np.where((rise >= 0) & (rise <= most), 0.0, _COST_OF_EXCHANGE)
    cost = np.where((rise < 0) & (then <= most), _COST_OF_RESET, cost)
    cost = np.where((rise < 0) & np.isfinite(_wrapped(first, then, most)), _COST_OF_WRAP, cost)
    return np.where((start_us == end_us) & (rise != 0), np.inf, cost)


def _wrapped(first: Floats, then: Floats, most: Floats) -> Floats:
    """What was used where a counter ran over the end of a range that meters have; NaN where it did not."""
    used = np.full(np.broadcast_shapes(first.shape, then.shape), np.nan)
    for end in _RANGES:
        over = end - first + then
        used = np.where((first <= end) & (then < first) & np.isfinite(most) & (over <= most), over, used)
    return used
