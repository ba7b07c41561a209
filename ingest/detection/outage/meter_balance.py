"""How far each meter is off its lamps when all is quiet: a share that its cables lose, and watts that no lamp draws.

Learned from every quiet sample on, and robustly from the first one on: what no cable can lose is a load of its own,
which is followed in watts and teaches nothing of losses.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

QUICK_SAMPLES: Final = 10  # up to so many, every sweep is learned from
_SMOOTH: Final = 0.1
_MOST_SHARE: Final = 0.5  # beyond it a balance says nothing of losses
_OUTLIER: Final = 5.0  # times the scatter
_LEAST_OUTLIER: Final = 0.03
_FIRST_OUTLIER: Final = 0.06  # about the loss that the city allows, while nothing is known
_UNRATED_DOUBT: Final = 0.15  # of the power of lamps that are known by their rating alone
_PERSISTS: Final = 48  # quiet samples: four lit hours
_FIRST_NOISE: Final = 0.015  # of the reading, until the scatter is known
_LEAST_NOISE: Final = 0.0005
_JUMP: Final = 4.0  # times the scatter: the watts are taken anew from here
_LEAST_JUMP: Final = 0.008
_EXPLAINED: Final = 0.3  # of a jump: lamps that did not answer may be its cause
_NEVER_SAMPLED: Final = 0.03  # of the reading
_OFFSET_W: Final = 1.0
_TO_SIGMA: Final = 0.886  # mean distance of two samples to the deviation of one


class MeterBalance:
    """Arrays over n meters; ``bias`` and ``noise`` are shares of what the meter shows."""

    def __init__(self, n: int, loss: float) -> None:
        """``loss``: share that is usual."""
        self._loss = loss
        self.bias = np.full(n, loss)
        self.noise = np.full(n, _FIRST_NOISE)
        self.samples = np.zeros(n, np.uint16)
        self.n_off = np.zeros(n, np.uint8)  # quiet samples in a row that did not fit
        self.before = np.full(n, np.nan)  # share of the sample before
        self.recent_w = np.zeros(n)  # what is left when the loss is taken off
        self.recent_n = np.zeros(n, np.uint8)

    def left_w(self, key: Int64, power_w: Float64, lamps_w: Float64) -> Float64:
        """What meters show beyond their lamps, loss and usual rest taken off; float64 (k,)."""
        left: Float64 = power_w * (1 - self.bias[key]) - self.recent_w[key] - lamps_w
        return left

    def sigma_w(self, key: Int64, power_w: Float64, n_samples: int) -> float:
        """Standard deviation of the mean of n such sums over some meters together [W]."""
        noise = self.noise[key]
        of_rest = np.where(self.recent_n[key] > 0, noise / np.sqrt(np.maximum(self.recent_n[key], 1)), _NEVER_SAMPLED)
        share = np.hypot(noise / np.sqrt(n_samples), of_rest)
        return float(np.sqrt(((share * power_w) ** 2).sum() + len(key) * _OFFSET_W**2))

    def take(self, key: Int64, power_w: Float64, lamps_w: Float64, unsure_w: Float64, rated_w: Float64) -> Int64:
        """One quiet sample of k meters; returns those that want the next one soon.

        Args:
            key: int64 (k,) meters, each once.
            power_w: float64 (k,) what they show.
            lamps_w: float64 (k,) what their lamps draw, those that did not answer included.
            unsure_w: float64 (k,) share of it in lamps that did not answer this time.
            rated_w: float64 (k,) share of it in lamps that are known by their rating alone.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            share = 1 - lamps_w / power_w
        good = np.flatnonzero((power_w > 0) & np.isfinite(share))
        key, power_w, lamps_w, share = key[good], power_w[good], lamps_w[good], share[good]
        unsure_w, rated_w = unsure_w[good], rated_w[good]
        is_usable = self._follow_rest(key, power_w, lamps_w, unsure_w)
        is_usable &= np.abs(share) <= _MOST_SHARE
        is_usable &= self._fits(key, share, rated_w / power_w)
        key, share = key[is_usable], share[is_usable]
        n = self.samples[key].astype(np.float64)
        weight = np.maximum(_SMOOTH, 1 / (n + 1))
        step = np.abs(share - self.before[key])
        step = np.minimum(_TO_SIGMA * step, _OUTLIER * self.noise[key])
        moved = self.noise[key] + weight * (step - self.noise[key])
        self.noise[key] = np.where(np.isfinite(step), np.maximum(moved, _LEAST_NOISE), self.noise[key])
        self.before[key] = share
        change = weight * (share - self.bias[key])
        self.bias[key] += change
        self.recent_w[key] -= change * power_w[is_usable]  # the same sum, parted anew
        self.samples[key] = np.minimum(n + 1, 60000).astype(np.uint16)
        return key[self.samples[key] < QUICK_SAMPLES]

    def _follow_rest(self, key: Int64, power_w: Float64, lamps_w: Float64, unsure_w: Float64) -> Bool:
        """Follow what is left beyond the loss; samples that a silent lamp may have spoilt are no use, bool (k,)."""
        rest = power_w * (1 - self.bias[key]) - lamps_w
        n = self.recent_n[key].astype(np.float64)
        off = np.abs(rest - self.recent_w[key])
        jump = np.maximum(_JUMP * self.noise[key], _LEAST_JUMP) * power_w
        is_jump = (off > jump) | (n == 0)
        is_spoilt = (off > jump / 2) & (unsure_w > _EXPLAINED * off)
        weight = np.where(is_jump, 1.0, np.maximum(_SMOOTH, 1 / (n + 1)))
        use = np.flatnonzero(~is_spoilt)
        self.recent_w[key[use]] += weight[use] * (rest - self.recent_w[key])[use]
        self.recent_n[key[use]] = np.where(is_jump, 1, np.minimum(n + 1, 2 / _SMOOTH - 1))[use].astype(np.uint8)
        usable: Bool = ~is_spoilt
        return usable

    def _fits(self, key: Int64, share: Float64, rated_share: Float64) -> Bool:
        """Samples that can be a loss: a tap on the cable is none, unless it stays for hours; bool (k,)."""
        is_known = self.samples[key] >= QUICK_SAMPLES
        limit = np.maximum(_OUTLIER * self.noise[key], _LEAST_OUTLIER)
        limit = np.where(is_known, limit, _FIRST_OUTLIER + _UNRATED_DOUBT * np.clip(rated_share, 0, 1))
        is_off = np.abs(share - np.where(self.samples[key] > 0, self.bias[key], self._loss)) > limit
        self.n_off[key] = np.where(is_off, np.minimum(self.n_off[key].astype(int) + 1, 255), 0)
        is_lasting = is_off & (self.n_off[key] >= _PERSISTS)
        lasting = key[is_lasting]  # it is what this cabinet is like: learned anew
        self.samples[lasting], self.n_off[lasting], self.before[lasting] = 0, 0, np.nan
        fits: Bool = ~is_off | is_lasting
        return fits
