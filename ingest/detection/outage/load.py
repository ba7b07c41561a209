"""Is the load of silent lamps still there? Answered by the meters of their circuit, phase or cabinet.

Every meter gives an equation: what it shows = what the lamps behind it draw. Lamps that answer are known, silent ones
are known in groups (a circuit, a tail of a cable, one lamp), each either burning or gone. The meter decides between the
ways in which the groups can be gone; where several ways fit within its uncertainty, a group's load is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

GONE: Final = "gone"
THERE: Final = "there"
UNKNOWN: Final = "unknown"
_RATING_ERROR: Final = 0.03  # of a lamp's expected power, as a standard deviation
_MOST_GROUPS: Final = 10
_SIGMAS: Final = 2.0  # from the line between gone and there
_LEAST_SIGMAS: Final = 4.0  # what is smaller than so many is beyond the meter


@dataclass(frozen=True, slots=True)
class Reading:
    """One meter's view of some silent groups.

    Attributes:
        seen_w: what it shows beyond the lamps that are known to burn, cable loss taken off.
        sigma_w: standard deviation of that.
    """

    seen_w: float
    sigma_w: float


def judge_groups(reading: Reading, expected_w: Sequence[float], gone_share: float = 0.5) -> list[str]:
    """``GONE``, ``THERE`` or ``UNKNOWN`` for each group.

    Args:
        reading: the meter's balance.
        expected_w: what each group would draw if it burned.
        gone_share: a lone group is gone when the meter is down by this share of its power.
    """
    if not expected_w:
        return []
    powers = np.array(expected_w, np.float64)
    if len(powers) == 1:
        return [_one(reading, float(powers[0]), gone_share)]
    if len(powers) > _MOST_GROUPS:
        return _all_or_nothing(reading, powers)
    ways = np.array(list(product((0.0, 1.0), repeat=len(powers))))
    misses = np.abs(reading.seen_w - ways @ powers)
    spread = np.hypot(_LEAST_SIGMAS * reading.sigma_w, _RATING_ERROR * float(np.sqrt((powers**2).sum())))
    fitting = ways[misses <= misses.min() + spread]
    verdicts = []
    for group in range(len(powers)):
        states = fitting[:, group]
        verdicts.append(GONE if not states.any() else THERE if states.all() else UNKNOWN)
    return verdicts


def _one(reading: Reading, power_w: float, gone_share: float) -> str:
    line_w = (1 - gone_share) * power_w
    is_beyond = power_w < _LEAST_SIGMAS * reading.sigma_w
    if not power_w > 0 or is_beyond or abs(reading.seen_w - line_w) < _SIGMAS * reading.sigma_w:
        return UNKNOWN
    return GONE if reading.seen_w < line_w else THERE


def _all_or_nothing(reading: Reading, powers: npt.NDArray[np.float64]) -> list[str]:
    total = float(powers.sum())
    if reading.seen_w <= 0.1 * total + reading.sigma_w:  # a tenth may be losses and standby
        return [GONE] * len(powers)
    if reading.seen_w >= 0.9 * total - reading.sigma_w:  # likewise
        return [THERE] * len(powers)
    return [UNKNOWN] * len(powers)
