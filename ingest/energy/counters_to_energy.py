"""Energy from meter counters: what was measured and what had to be interpolated, kept apart, by meter and period.

Pure and vectorised over all meters at once. A counter's rise between two readings is spread evenly over the time
between them. It is *measured* where the readings stand no further apart than ``max_gap_us``; over a longer silence the
sum is still right but its distribution over the periods is a guess, so it is *interpolated*. A counter that falls was
exchanged or ran over: what it shows since is counted as interpolated, from its new zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

US_PER_H: Final = 3_600_000_000
# PLN bills a public-lighting connection without meter by its contracted power times so many hours a month.
BILLED_HOURS_PER_MONTH: Final = 375.0


@dataclass(frozen=True, slots=True)
class PeriodEnergy:
    """Energy by meter and period; M meters, B periods.

    Attributes:
        measured_wh: float64 (M, B).
        interpolated_wh: float64 (M, B).
        covered_us: int64 (M, B) time between the first and the last reading that falls into the period.
    """

    measured_wh: npt.NDArray[np.float64]
    interpolated_wh: npt.NDArray[np.float64]
    covered_us: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Stretches of time of one meter, each inside one period. Shapes (P,)."""

    cell: npt.NDArray[np.int64]  # meter * B + period
    source: npt.NDArray[np.int64]  # the stretch that the piece was cut from
    length_us: npt.NDArray[np.int64]


def energy_by_period(
    meter: npt.NDArray[np.int64],
    at_us: npt.NDArray[np.int64],
    counter_wh: npt.NDArray[np.float64],
    edges_us: npt.NDArray[np.int64],
    *,
    n_meters: int,
    max_gap_us: int,
) -> PeriodEnergy:
    """Spread counter readings over periods.

    Args:
        meter: int64 (N,) meter index of each reading, in any order.
        at_us: int64 (N,) its time.
        counter_wh: float64 (N,) its counter [Wh]; NaN rows are left out.
        edges_us: int64 (B + 1,) rising; period b reaches from edge b to edge b + 1.
        n_meters: M.
        max_gap_us: longest distance of two readings whose difference counts as measured.
    """
    is_known = ~np.isnan(counter_wh)
    meter, at_us, counter_wh = meter[is_known], at_us[is_known], counter_wh[is_known]
    order = np.lexsort((at_us, meter))
    meter, at_us, counter_wh = meter[order], at_us[order], counter_wh[order]

    is_pair = (meter[1:] == meter[:-1]) & (at_us[1:] > at_us[:-1])
    first = np.flatnonzero(is_pair)
    start_us, end_us = at_us[first], at_us[first + 1]
    rise_wh = counter_wh[first + 1] - counter_wh[first]
    is_reset = rise_wh < 0
    rise_wh = np.where(is_reset, counter_wh[first + 1], rise_wh)
    is_measured = ((end_us - start_us) <= max_gap_us) & ~is_reset

    n_periods = len(edges_us) - 1
    pieces = _cut(meter[first], start_us, end_us, edges_us, n_periods)
    share_wh = rise_wh[pieces.source] * (pieces.length_us / (end_us - start_us)[pieces.source])
    n_cells = n_meters * n_periods
    shape = (n_meters, n_periods)
    of_measured = np.where(is_measured[pieces.source], share_wh, 0.0)
    measured = _sum(pieces.cell, of_measured, n_cells)
    interpolated = _sum(pieces.cell, share_wh - of_measured, n_cells)
    covered = _sum(pieces.cell, pieces.length_us.astype(np.float64), n_cells).astype(np.int64)
    return PeriodEnergy(measured.reshape(shape), interpolated.reshape(shape), covered.reshape(shape))


def _sum(cell: npt.NDArray[np.int64], value: npt.NDArray[np.float64], n_cells: int) -> npt.NDArray[np.float64]:
    return np.bincount(cell, value, minlength=n_cells).astype(np.float64)  # bincount of nothing is of integers


def lit_hours_by_period(
    lamp: npt.NDArray[np.int64],
    at_us: npt.NDArray[np.int64],
    is_lit: npt.NDArray[np.bool_],
    edges_us: npt.NDArray[np.int64],
    *,
    n_lamps: int,
    max_gap_us: int,
) -> npt.NDArray[np.float64]:
    """Hours that each lamp was lit in each period, float64 (n_lamps, B).

    A reading holds until the lamp's next one, for ``max_gap_us`` at most; shapes as in ``energy_by_period``.
    """
    order = np.lexsort((at_us, lamp))
    lamp, at_us, is_lit = lamp[order], at_us[order], is_lit[order]
    is_followed = np.zeros(len(lamp), bool)
    is_followed[:-1] = lamp[1:] == lamp[:-1]
    first = np.flatnonzero(is_followed & is_lit)
    start_us = at_us[first]
    end_us = np.minimum(at_us[first + 1], start_us + max_gap_us)
    n_periods = len(edges_us) - 1
    pieces = _cut(lamp[first], start_us, end_us, edges_us, n_periods)
    hours = _sum(pieces.cell, pieces.length_us / US_PER_H, n_lamps * n_periods)
    return hours.reshape(n_lamps, n_periods)


def _cut(
    meter: npt.NDArray[np.int64],
    start_us: npt.NDArray[np.int64],
    end_us: npt.NDArray[np.int64],
    edges_us: npt.NDArray[np.int64],
    n_periods: int,
) -> _Pieces:
    """Cut stretches at the periods' edges; what lies outside all periods falls away."""
    first_period = np.searchsorted(edges_us, start_us, side="right") - 1
    last_period = np.searchsorted(edges_us, end_us, side="left") - 1
    n_cut = np.maximum(last_period - first_period + 1, 0)
    source = np.repeat(np.arange(len(meter)), n_cut)
    nth = np.arange(len(source)) - np.repeat(np.cumsum(n_cut) - n_cut, n_cut)
    period = first_period[source] + nth
    is_inside = (period >= 0) & (period < n_periods)
    source, period = source[is_inside], period[is_inside]
    from_us = np.maximum(start_us[source], edges_us[period])
    to_us = np.minimum(end_us[source], edges_us[period + 1])
    return _Pieces(meter[source] * n_periods + period, source, np.maximum(to_us - from_us, 0))


def billed_wh(*, is_metered: bool, counted_wh: float, supply_va: float | None, months: float) -> float | None:
    """What the utility would bill over a time: the counted energy, or contracted power times hours without a meter.

    Returns None where the account has no meter and its contracted power is unknown. Source of the hours: PLN's lump-sum
    rule for public lighting without meter, contracted power x 375 h a month.
    """
    if is_metered:
        return counted_wh
    if supply_va is None:
        return None
    return supply_va * BILLED_HOURS_PER_MONTH * months
