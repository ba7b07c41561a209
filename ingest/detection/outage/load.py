"""Is the load of silent lamps still there? Answered by the meters of their circuit or cabinet.

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
_METER_ERROR: Final = 0.005  # of the reading
_RATING_ERROR: Final = 0.04  # of a lamp's expected power, as a standard deviation
_OFFSET_W: Final = 2.0
_MOST_GROUPS: Final = 10


@dataclass(frozen=True, slots=True)
class Reading:
    """One meter's view of some silent groups.

    Attributes:
        power_w: what it shows, cable loss taken off.
        known_w: what the lamps behind it draw that are known to burn.
        noise_w: its own uncertainty beyond the meter's class (scatter of its balance in quiet times).
    """

    power_w: float
    known_w: float
    noise_w: float = 0.0


def judge_groups(reading: Reading, expected_w: Sequence[float], gone_share: float = 0.5) -> list[str]:
    """``GONE``, ``THERE`` or ``UNKNOWN`` for each group.

    Args:
        reading: the meter's balance.
        expected_w: what each group would draw if it burned.
        gone_share: a lone group is gone when the meter is down by this share of its power.
    """
    if not expected_w:
        return []
    seen_w = reading.power_w - reading.known_w
    powers = np.array(expected_w, np.float64)
    sigma_w = np.hypot(_METER_ERROR * abs(reading.power_w) + _OFFSET_W, reading.noise_w)
    if len(powers) == 1:
        return [_one(seen_w, float(powers[0]), sigma_w, gone_share)]
    if len(powers) > _MOST_GROUPS:
        return _all_or_nothing(seen_w, powers, sigma_w)
    ways = np.array(list(product((0.0, 1.0), repeat=len(powers))))
    misses = np.abs(seen_w - ways @ powers)
    spread = np.hypot(2 * sigma_w, _RATING_ERROR * float(np.sqrt((powers**2).sum())))
    fitting = ways[misses <= misses.min() + spread]
    verdicts = []
    for group in range(len(powers)):
        states = fitting[:, group]
        verdicts.append(GONE if not states.any() else THERE if states.all() else UNKNOWN)
    return verdicts


def _one(seen_w: float, power_w: float, sigma_w: float, gone_share: float) -> str:
    line_w = (1 - gone_share) * power_w
    if not power_w > 0 or abs(seen_w - line_w) < 2 * sigma_w:
        return UNKNOWN
    return GONE if seen_w < line_w else THERE


def _all_or_nothing(seen_w: float, powers: npt.NDArray[np.float64], sigma_w: float) -> list[str]:
    total = float(powers.sum())
    if seen_w <= 0.1 * total + sigma_w:  # a tenth may be losses and standby
        return [GONE] * len(powers)
    if seen_w >= 0.9 * total - sigma_w:  # likewise
        return [THERE] * len(powers)
    return [UNKNOWN] * len(powers)
