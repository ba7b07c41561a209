"""Energy from meter counters: what was measured and what had to be interpolated, kept apart, by meter and period.

Pure and vectorised over all meters at once. A counter's rise between two readings is spread evenly over the time
between them. It is *measured* where the readings stand no further apart than ``max_gap_us``; over a longer silence the
sum is still right but its distribution over the periods is a guess, so it is *interpolated*; so is what lies around
readings that its connection does not allow (``ingest.energy.plausible_counts``). A counter that falls for good was
exchanged or ran over: what it shows since is counted as interpolated, from its new zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.energy.plausible_counts import Steps, possible_readings, steps_between

US_PER_H: Final = 3_600_000_000
_TOLD_BY: Final = 12  # steps that say what a connection draws: three hours of slow sweeps
_MOST_STEPS: Final = 0.6
_ABOVE_USUAL: Final = 3.0  # a street at full power beside the same at a third
# PLN bills a public-lighting connection without meter by its contracted power times so many hours a month.
BILLED_HOURS_PER_MONTH: Final = 375.0


@dataclass(frozen=True, slots=True)
class PeriodEnergy:
    """Energy by meter and period; M meters, B periods.

    Attributes:
        measured_wh: float64 (M, B).
        interpolated_wh: float64 (M, B).
    """

    measured_wh: npt.NDArray[np.float64]
    interpolated_wh: npt.NDArray[np.float64]


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
    most_w: npt.NDArray[np.float64] | None = None,
) -> PeriodEnergy:
    """Spread counter readings over periods.

    Args:
        meter: int64 (N,) meter index of each reading, in any order.
        at_us: int64 (N,) its time.
        counter_wh: float64 (N,) its counter [Wh]; NaN rows are left out.
        edges_us: int64 (B + 1,) rising; period b reaches from edge b to edge b + 1.
        n_meters: M.
        max_gap_us: longest distance of two readings whose difference counts as measured.
        most_w: float64 (M,) what each meter's connection can draw at most [W]; None = no reading is refused.
    """
    is_known = np.isfinite(counter_wh)
    meter, at_us, counter_wh = meter[is_known], at_us[is_known], counter_wh[is_known]
    order = np.lexsort((at_us, meter))
    meter, at_us, counter_wh = meter[order], at_us[order], counter_wh[order]
    place = np.arange(len(meter))
    if most_w is not None:
        most_w = borne_out(meter, at_us, counter_wh, most_w)
        is_possible = possible_readings(meter, at_us, counter_wh, most_w)
        place = np.flatnonzero(is_possible)
        meter, at_us, counter_wh = meter[place], at_us[place], counter_wh[place]

    is_pair = (meter[1:] == meter[:-1]) & (at_us[1:] > at_us[:-1])
    first = np.flatnonzero(is_pair)
    start_us, end_us = at_us[first], at_us[first + 1]
    limit_w = np.full(len(first), np.inf) if most_w is None else most_w[meter[first]]
    steps = steps_between(counter_wh[first], counter_wh[first + 1], start_us, end_us, limit_w)
    is_close = (end_us - start_us) <= max_gap_us
    is_measured = is_close & ~steps.is_anew & (place[first + 1] - place[first] == 1)
    rise_wh = np.nan_to_num(steps.rise_wh)
    if most_w is not None:
        rise_wh = _filled_from_neighbours(steps, meter[first], (end_us - start_us).astype(np.float64), is_close)

    n_periods = len(edges_us) - 1
    pieces = _cut(meter[first], start_us, end_us, edges_us, n_periods)
    share_wh = rise_wh[pieces.source] * (pieces.length_us / (end_us - start_us)[pieces.source])
    n_cells = n_meters * n_periods
    shape = (n_meters, n_periods)
    of_measured = np.where(is_measured[pieces.source], share_wh, 0.0)
    measured = _sum(pieces.cell, of_measured, n_cells)
    interpolated = _sum(pieces.cell, share_wh - of_measured, n_cells)
    return PeriodEnergy(measured.reshape(shape), interpolated.reshape(shape))


def _filled_from_neighbours(
    steps: Steps, meter: npt.NDArray[np.int64], length_us: npt.NDArray[np.float64], is_close: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """What was used in each step: where the counter began anew, at least at the mean rate just before and after it.

    The rate holds for a short step alone; over a long silence nothing is added to what the counter shows.
    """
    used = np.nan_to_num(steps.rise_wh)
    anew = np.flatnonzero(steps.is_anew)
    if not len(anew):
        return used
    total, n_known = np.zeros(len(anew)), np.zeros(len(anew))
    for other in (anew - 1, anew + 1):
        near = np.clip(other, 0, len(used) - 1)
        is_known = (near == other) & (meter[near] == meter[anew]) & ~steps.is_anew[near] & is_close[near]
        total += np.where(is_known, used[near] / length_us[near], 0.0)
        n_known += is_known
    estimate = np.where(is_close[anew], total / np.maximum(n_known, 1) * length_us[anew], 0.0)
    used[anew] = np.maximum(used[anew], estimate)
    return used


def borne_out(
    meter: npt.NDArray[np.int64],
    at_us: npt.NDArray[np.int64],
    counter_wh: npt.NDArray[np.float64],
    most_w: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """The most that each connection can draw [W], raised where most steps of its meter are beyond that.

    A register that names a tenth of the true contracted power must not refuse a month of good readings.
    """
    is_step = (meter[1:] == meter[:-1]) & (np.diff(counter_wh) != 0) & (np.diff(at_us) > 0)
    if not is_step.any():
        return most_w
    which, rate_w = meter[1:][is_step], np.diff(counter_wh)[is_step] / np.diff(at_us)[is_step] * US_PER_H
    order = np.lexsort((rate_w, which))
    which, rate_w = which[order], rate_w[order]
    meters, begin, n = np.unique(which, return_index=True, return_counts=True)
    usual_w = rate_w[begin + (n * (1 - _MOST_STEPS)).astype(np.int64)]  # a spike is half a fall: never most steps
    is_reported = n >= _TOLD_BY
    raised = most_w.copy()
    raised[meters] = np.where(is_reported, np.maximum(most_w[meters], _ABOVE_USUAL * usual_w), most_w[meters])
    return raised


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
