"""What the sum of a circuit's lamps draws when all of them burn: learned by itself, with its uncertainty.

The logarithm of (power / what the ratings say) is a constant of the dim level plus a slope over the logarithm of the
voltage: gear of real lamps does not follow its nominal exponent. Both are learned from healthy samples. The slope is
found with the sample before as instrument, since the voltage is measured with noise that would flatten it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

BLOCK: Final = 10  # samples whose mean shows slow scatter
FAR: Final = 60  # samples whose mean shows a wander, as of a phase whose voltage nobody measures
_SLOTS: Final = 8  # dim levels that are remembered of one sum
_NO_LEVEL: Final = 255
_LEAST_SAMPLES: Final = 5  # before a level is believed
_SLOWEST: Final = 1 / 600  # of one sample in a level's mean: one night at a sample a minute
_FORGET: Final = 1 - 1 / 3000  # of the slope's sums
_SLOPE_DOUBT: Final = 0.25  # of the ballasts' exponent before anything is learned, as a standard deviation
_FLAT_DOUBT: Final = 0.03  # the same for drivers that hold their power
_LEVEL_DOUBT: Final = 0.02  # of the power at a level that was never seen, reckoned from another one
_FIRST_NOISE: Final = 0.008
_FIRST_WEIGHT: Final = 6  # samples that the first guess of the noise counts for
_YOUNG_SAMPLES: Final = 12
_NOISE_SAMPLES: Final = 300
_NOISE_BLOCKS: Final = 60
_NOISE_FAR: Final = 30
_WILD: Final = 16  # times the variance: no single step says more of the scatter
_SMALL: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Expectation:
    """What m sums should show; float64 (m,) all, as natural logarithms.

    Attributes:
        mean: of power / rated shape, NaN where nothing is learned.
        sigma: uncertainty of that mean by what was learned (not of a single sample).
        noise: scatter of a single sample.
        slow: scatter of the mean of ``BLOCK`` samples; far of ``FAR`` samples.
        is_young: bool (m,) so few samples were learned that the scatter itself is not known yet.
    """

    mean: Float64
    sigma: Float64
    noise: Float64
    slow: Float64
    far: Float64
    is_young: Bool

    def at(self, positions: Int64) -> Expectation:
        """Those at some positions, int64 (k,)."""
        return Expectation(*(getattr(self, field.name)[positions] for field in fields(self)))

    def of_mean(self, n_samples: Float64) -> Float64:
        """Standard deviation of the mean of n samples less the expectation."""
        own = np.maximum(self.noise / np.sqrt(n_samples), self.slow / np.sqrt(np.maximum(1, n_samples / BLOCK)))
        own = np.maximum(own, self.far / np.sqrt(np.maximum(1, n_samples / FAR)))
        return np.hypot(own, self.sigma)


class FormerRatios:
    """What earlier versions kept of n sums, read from their snapshots: power / shape at each dim level."""

    def __init__(self, n: int) -> None:
        """Nothing was kept."""
        self.ratio = np.full((101, n), np.nan, np.float32)
        self.samples = np.zeros((101, n), np.uint16)
        self.noise = np.full(n, np.nan, np.float32)


class DarkBaseline:
    """Arrays over n sums."""

    def __init__(self, n: int) -> None:
        """Nothing is learned yet."""
        self.slot_level = np.full((_SLOTS, n), _NO_LEVEL, np.uint8)
        self.slot_samples = np.zeros((_SLOTS, n), np.uint16)
        self.slot_mean = np.zeros((_SLOTS, n), np.float32)
        self.slot_volts = np.zeros((_SLOTS, n), np.float32)
        self.volts_cross = np.zeros(n)  # of the voltage with the one before
        self.volts_square = np.zeros(n)  # of the one before
        self.power_cross = np.zeros(n)  # of the power with the voltage before
        self.volts_before = np.full(n, np.nan)
        self.off_before, self.block_before = np.full(n, np.nan), np.full(n, np.nan)
        self.variance = np.full(n, _FIRST_NOISE**2)
        self.n_variance = np.full(n, _FIRST_WEIGHT, np.uint16)
        self.block_sum = np.zeros(n)
        self.block_n = np.zeros(n, np.uint8)
        self.block_variance = np.full(n, _FIRST_NOISE**2 / BLOCK)
        self.n_blocks = np.full(n, 2, np.uint16)
        self.far_sum, self.far_before = np.zeros(n), np.full(n, np.nan)  # of the blocks of a stretch of FAR samples
        self.far_n = np.zeros(n, np.uint8)
        self.far_variance = np.full(n, _FIRST_NOISE**2 / FAR)
        self.n_far = np.full(n, 2, np.uint16)

    def forget(self, item: Int64) -> None:
        """Other lamps may hang there now."""
        fresh = DarkBaseline(1)
        for name, values in vars(self).items():
            values[..., item] = getattr(fresh, name)

    def take_over(self, former: FormerRatios) -> None:
        """Go on with what an earlier version had learned."""
        best = np.argsort(former.samples, axis=0)[::-1][:_SLOTS]
        samples = np.take_along_axis(former.samples, best, axis=0)
        ratio = np.take_along_axis(former.ratio, best, axis=0)
        is_known = (samples > 0) & (ratio > 0)
        self.slot_level[:] = np.where(is_known, best, _NO_LEVEL)
        self.slot_samples[:] = np.where(is_known, np.minimum(samples, 1 / _SLOWEST), 0)
        self.slot_mean[:] = np.log(np.where(is_known, ratio, 1))
        self.slot_volts[:] = 0
        noise = np.where(former.noise > 0, former.noise, _FIRST_NOISE).astype(np.float64)
        self.variance[:], self.block_variance[:], self.far_variance[:] = noise**2, noise**2 / BLOCK, noise**2 / FAR
        self.n_variance[:] = np.where(is_known.any(axis=0), _FIRST_WEIGHT + _YOUNG_SAMPLES, _FIRST_WEIGHT)

    def expect(
        self, item: Int64, level: Int64, volts: Float64, slow_share: Float64, is_of_one_phase: Bool
    ) -> Expectation:
        """What healthy lamps would show.

        Args:
            item: int64 (m,) sums, each once.
            level: int64 (m,) commanded %.
            volts: float64 (m,) logarithm of voltage / nominal.
            slow_share: float64 (m,) share of the power that passes ballasts.
            is_of_one_phase: bool (m,) the voltage is that of one phase of several.
        """
        slot, is_own = self._slot(item, level)
        n = self.slot_samples[slot, item].astype(np.float64)
        slope, slope_variance = self._slope(item, slow_share, is_of_one_phase)
        away = volts - self.slot_volts[slot, item]
        mean = self.slot_mean[slot, item] + slope * away
        variance = self.block_variance[item] * BLOCK / np.maximum(n, 1) + away**2 * slope_variance
        variance += np.where(is_own, 0.0, _LEVEL_DOUBT**2)
        is_known = n >= _LEAST_SAMPLES
        return Expectation(
            np.where(is_known, mean, np.nan),
            np.sqrt(variance),
            np.sqrt(self.variance[item]),
            np.sqrt(self.block_variance[item]),
            np.sqrt(self.far_variance[item]),
            self.n_variance[item] < _FIRST_WEIGHT + _YOUNG_SAMPLES,
        )

    def _slot(self, item: Int64, level: Int64) -> tuple[Int64, Bool]:
        """Where each sum's level stands, or else its best known one; int64 (m,), and whether it is its own."""
        samples = self.slot_samples[:, item]
        is_level = (self.slot_level[:, item] == level) & (samples >= _LEAST_SAMPLES)
        is_own = is_level.any(axis=0)
        slot = np.where(is_own, np.argmax(is_level, axis=0), np.argmax(samples, axis=0))
        return slot.astype(np.int64), is_own

    def _slope(self, item: Int64, slow_share: Float64, is_of_one_phase: Bool) -> tuple[Float64, Float64]:
        """Slope over the logarithm of the voltage beyond the nominal exponent, and its variance; float64 (m,) each.

        Nothing is learned from a voltage that is one phase's: where that moves alone all night, the sum hardly follows,
        and would be expected to stay as it is when the voltage of all phases falls in the evening.
        """
        first = (_SLOPE_DOUBT * slow_share) ** 2 + _FLAT_DOUBT**2
        cross = np.maximum(self.volts_cross[item], _SMALL)
        with np.errstate(over="ignore"):
            precision = cross**2 / (self.variance[item] * np.maximum(self.volts_square[item], _SMALL))
        precision = np.where(is_of_one_phase, 0.0, precision)
        found = self.power_cross[item] / cross
        total = precision + 1 / first
        limit = 4 * np.sqrt(first)
        return np.clip(precision * found / total, -limit, limit), 1 / total

    def learn(self, item: Int64, level: Int64, seen: Float64, volts: Float64) -> None:
        """Take one sample of each of m sums.

        It must not be left out because it does not fit, but only where it is known that lamps are missing: were learned
        only what fits, a wrong beginning would never be mended.

        Args:
            item: int64 (m,) sums, each once.
            level: int64 (m,) commanded %.
            seen: float64 (m,) logarithm of power / shape.
            volts: float64 (m,) logarithm of voltage / nominal.
        """
        if not len(item):
            return
        is_level = self.slot_level[:, item] == level
        is_own = is_level.any(axis=0)
        spare = np.argmin(self.slot_samples[:, item], axis=0)
        slot = np.where(is_own, np.argmax(is_level, axis=0), spare)
        n = np.where(is_own, self.slot_samples[slot, item], 0).astype(np.float64)
        mean = np.where(n > 0, self.slot_mean[slot, item], seen)
        middle = np.where(n > 0, self.slot_volts[slot, item], volts)
        is_next = np.isfinite(self.volts_before[item]) & (n > 0)
        before = np.where(is_next, self.volts_before[item] - middle, 0.0)
        keep = np.where(is_next, _FORGET, 1.0)
        self.volts_cross[item] = keep * self.volts_cross[item] + before * (volts - middle)
        self.power_cross[item] = keep * self.power_cross[item] + before * (seen - mean)
        self.volts_square[item] = keep * self.volts_square[item] + before**2
        self.volts_before[item] = volts
        weight = np.maximum(_SLOWEST, 1 / (n + 1))
        self.slot_level[slot, item] = level
        self.slot_mean[slot, item] = mean + weight * (seen - mean)
        self.slot_volts[slot, item] = middle + weight * (volts - middle)
        self.slot_samples[slot, item] = np.minimum(n + 1, 1 / _SLOWEST).astype(np.uint16)

    def note(self, item: Int64, off: Float64) -> None:
        """Take what m sums are off the expectation, healthy or not: the scatter shows in the steps between samples."""
        _take_step(item, off, self.off_before, self.variance, self.n_variance, _NOISE_SAMPLES)
        known = np.flatnonzero(np.isfinite(off))
        self.block_sum[item[known]] += off[known]
        self.block_n[item[known]] += 1
        full = item[self.block_n[item] >= BLOCK]
        mean = self.block_sum[full] / BLOCK
        _take_step(full, mean, self.block_before, self.block_variance, self.n_blocks, _NOISE_BLOCKS)
        self.block_sum[full], self.block_n[full] = 0.0, 0
        self._note_far(full, mean)

    def _note_far(self, item: Int64, block: Float64) -> None:
        """The same of the means of whole stretches: ``block`` float64 (m,) is one more block of each of m sums."""
        self.far_sum[item] += block
        self.far_n[item] += 1
        is_full = self.far_n[item] >= FAR // BLOCK
        full = item[is_full]
        mean = self.far_sum[full] / (FAR // BLOCK)
        _take_step(full, mean, self.far_before, self.far_variance, self.n_far, _NOISE_FAR)
        self.far_sum[full], self.far_n[full] = 0.0, 0

    def shift(self, item: Int64, by: Float64) -> None:
        """All levels of some sums lie higher by so much than was learned: a lamp that had always been dark burns."""
        self.slot_mean[:, item] += by.astype(np.float32)

    def break_off(self, item: Int64) -> None:
        """What comes next of these sums does not follow what was before."""
        self.volts_before[item] = self.off_before[item] = self.block_before[item] = np.nan
        self.block_sum[item], self.block_n[item] = 0.0, 0
        self.far_before[item] = np.nan
        self.far_sum[item], self.far_n[item] = 0.0, 0


def _take_step(
    item: Int64, value: Float64, before: Float64, variance: Float64, n_steps: npt.NDArray[np.uint16], most: int
) -> None:
    """Learn the variance of m series from the step of each to its next value: half the square is one sample of it.

    Args:
        item: int64 (m,) series, each once.
        value: float64 (m,) the next value of each, NaN where there is none.
        before: float64 (n,) the value before, NaN at a beginning; written.
        variance: float64 (n,) what is learned; written.
        n_steps: uint16 (n,) steps that it stands on; written.
        most: the weight of a step falls no further than to 1 / most.
    """
    step = (value - before[item]) ** 2 / 2
    known = np.flatnonzero(np.isfinite(step))
    chosen, n = item[known], n_steps[item[known]].astype(np.float64)
    step = np.minimum(step[known], _WILD * variance[chosen])
    variance[chosen] += (step - variance[chosen]) / (n + 1)
    n_steps[chosen] = np.minimum(n + 1, most).astype(np.uint16)
    before[item] = value
