"""How many lamps are dark when a share of a sum is missing, where its lamps are of several sizes.

Three of 280 W and one of 170 W draw about as much as six of 170 W. Which number is likely follows from the share of
all choices of so many lamps that fit what is missing; how few and how many it may be, from the largest and the
smallest lamps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

_SAME_SIZE: Final = 0.03  # lamps whose powers are nearer than that are of one size
_LAMP_ERROR: Final = 0.06  # of a lamp's power, each for itself
_SIZE_ERROR: Final = 0.03  # of what is missing: lamps of one size together
_LIMIT_SIGMAS: Final = 2.0
_FAR_SIGMAS: Final = 5.0  # beyond it no choice fits
_CLEAR_OFF: Final = 0.5  # lamps by which the former number must be farther off
_CLEAR_WEIGHT: Final = 0.1  # of the likely number's, which the former one's must be below
_STEPS_PER_SIGMA: Final = 3
_MOST_STEPS: Final = 512
_MOST_WORK: Final = 6_000_000  # products; beyond it the mean of all lamps has to do


@dataclass(frozen=True, slots=True)
class DarkNumber:
    """How many lamps are dark.

    Attributes:
        likely: the likely number.
        doubt: its standard deviation.
        least: the smallest number that it may be; most the largest.
        off: how far what is missing is off that number of lamps, in lamps.
        weight: float64 (m,) how well each number fits, where the lamps are of several sizes.
    """

    likely: int
    doubt: float
    least: int
    most: int
    off: float = 0.0
    weight: Float64 | None = None

    def replaces(self, number: int) -> bool:
        """Whether this is another number than one that was reported, and clearly."""
        if self.weight is None:
            return abs(self.likely - number) - 2 * self.off > _CLEAR_OFF
        of_former = self.weight[number] if number < len(self.weight) else 0.0
        return bool(of_former < _CLEAR_WEIGHT * self.weight[self.likely])


def dark_number(lamp_w: Float64, missing_w: float, sigma_w: float) -> DarkNumber:
    """How many of some lamps are dark.

    Args:
        lamp_w: float64 (n,) what each lamp of the sum draws, n >= 1, all > 0.
        missing_w: what the sum lacks.
        sigma_w: standard deviation of that.
    """
    size_w, count = _sizes(lamp_w)
    if len(size_w) == 1:
        return _of_one_size(len(lamp_w), missing_w / size_w[0], sigma_w / size_w[0])
    mean_w = float(lamp_w.mean())
    missing_w = float(np.clip(missing_w, 0.5 * size_w[0], lamp_w.sum()))
    own_w = _LAMP_ERROR * np.sqrt(missing_w * mean_w)
    sigma_w = float(np.sqrt(sigma_w**2 + own_w**2 + (_SIZE_ERROR * missing_w) ** 2))
    least, most = _limits(size_w, count, missing_w, _LIMIT_SIGMAS * sigma_w)
    weight = _weights(size_w, count, missing_w, sigma_w)
    if weight is None or not weight.any():
        likely = int(np.clip(round(missing_w / mean_w), least, most))
        spread_w = float(np.sqrt(likely) * lamp_w.std())
        doubt = float(np.hypot(sigma_w, spread_w)) / mean_w
        return DarkNumber(likely, doubt, least, most, abs(missing_w / mean_w - likely))
    likely = int(np.argmax(weight))
    square = float((weight * (np.arange(len(weight)) - likely) ** 2).sum() / weight.sum())
    return DarkNumber(likely, square**0.5, min(least, likely), max(most, likely), weight=weight)


def _of_one_size(n: int, missing: float, sigma: float) -> DarkNumber:
    """The same of n equal lamps; ``missing`` and ``sigma`` in lamps."""
    likely = int(np.clip(np.round(missing), 1, n))
    reach = _LIMIT_SIGMAS * sigma - 0.5
    least, most = max(1, int(np.floor(likely - reach))), min(n, int(np.ceil(likely + reach)))
    return DarkNumber(likely, sigma, least, most, abs(missing - likely))


def _sizes(lamp_w: Float64) -> tuple[Float64, Int64]:
    """The sizes of some lamps, ascending, and how many are of each; float64 (g,) and int64 (g,)."""
    ordered = np.sort(lamp_w)
    size = np.floor(np.log(ordered / ordered[0]) / _SAME_SIZE + 1e-9).astype(np.int64)
    first = np.flatnonzero(np.diff(size, prepend=-1))
    count = np.diff(np.append(first, len(ordered)))
    return np.add.reduceat(ordered, first) / count, count.astype(np.int64)


def _limits(size_w: Float64, count: Int64, missing_w: float, reach_w: float) -> tuple[int, int]:
    """How few of the largest lamps and how many of the smallest fit what is missing."""
    rising = np.cumsum(np.repeat(size_w, count))
    falling = rising[-1] - np.append(0.0, rising)[-2::-1]
    least = int(np.searchsorted(falling, missing_w - reach_w)) + 1
    most = int(np.searchsorted(rising, missing_w + reach_w, side="right"))
    return min(least, len(rising)), max(1, most)


def _weights(size_w: Float64, count: Int64, missing_w: float, sigma_w: float) -> Float64 | None:
    """How well each number of dark lamps fits, float64 (most + 1,); None where that takes too long.

    Every lamp is dark with the same chance, which makes the joint distribution of number and power; of each number the
    share of its choices that fits is what counts.
    """
    top_w = missing_w + _FAR_SIGMAS * sigma_w
    _, most = _limits(size_w, count, missing_w, _FAR_SIGMAS * sigma_w)
    step_w = max(sigma_w / _STEPS_PER_SIGMA, top_w / _MOST_STEPS)
    n_steps = int(top_w / step_w) + 1
    reach = np.minimum(count, (top_w / size_w).astype(np.int64))
    if (reach + 1).sum() * (most + 1) * n_steps > _MOST_WORK:
        return None
    n = int(count.sum())
    log_factorial = np.append(0.0, np.cumsum(np.log(np.arange(1, n + 1))))
    chance = float(np.clip(missing_w / (size_w * count).sum(), 0.5 / n, 0.95))

    def binomial(of: int, up_to: int) -> Float64:
        k = np.arange(up_to + 1)
        ways = log_factorial[of] - log_factorial[k] - log_factorial[of - k]
        weights: Float64 = np.exp(ways + k * np.log(chance) + (of - k) * np.log1p(-chance))
        return weights

    joint = np.zeros((most + 1, n_steps))
    joint[0, 0] = 1.0
    for watt, of, up_to in zip(size_w.tolist(), count.tolist(), reach.tolist(), strict=True):
        before, joint = joint, np.zeros_like(joint)
        for k, weight in enumerate(binomial(of, up_to).tolist()[: most + 1]):
            shift = round(k * watt / step_w)
            if shift < n_steps:
                joint[k:, shift:] += weight * before[: most + 1 - k, : n_steps - shift]
    off = (np.arange(n_steps) * step_w - missing_w) / sigma_w
    fits = joint @ np.exp(-0.5 * off**2) / np.maximum(binomial(n, most), 1e-300)
    fits[0] = 0.0
    return np.asarray(fits)
