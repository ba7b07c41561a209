"""When the discharge lamps of a sum strike anew, so that their power says nothing until they are warm."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.cabinet.dark_sums import SumTable
from ingest.detection.memory.command import Commands
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_SILENT_SWEEPS: Final = 2  # one lost reply is a lost reply
_STRIKE_AGAIN_S: Final = 3600
_COOLING: Final = 0.5  # of the warm-up: an arc that goes out hot has to cool before it strikes again
_COOL: Final = 2.0  # warm-ups after which an arc has cooled anyway
_DROP_SHARE: Final = 0.25  # of the discharge lamps: a fifth may be lamps that fail, and is told as before; and
_DROP_LAMPS: Final = 2.5  # of the smallest ones
_LEAST_DROP: Final = 0.05  # of the sum: below it is the noise of a meter
_INTERVALS: Final = 2.5  # between the samples before and after a drop


class DarkStrikes:
    """Arrays over sums.

    Attributes:
        judged_s: int64 (n,) when each was last judged; lit_from_s when its arcs struck; struck_s when ``do_all_strike``
            last said so.
        n_silent: uint8 (n,) sweeps since the sum's meter answered.
        seen: float64 (n,) logarithm of the newest power over that by ratings; seen_level int64 (n,) and seen_s then.
    """

    def __init__(self, sums: SumTable, table: LimitTable) -> None:
        """Nothing has struck yet."""
        self._sums = sums
        self._dip_v, self._no_voltage = table.scalar("dip_voltage"), table.scalar("no_voltage")
        self.judged_s, self.lit_from_s, self.struck_s = (np.zeros(sums.n, np.int64) for _ in range(3))
        self.n_silent = np.zeros(sums.n, np.uint8)
        self.seen = np.full(sums.n, np.nan)
        self.seen_s, self.seen_level = np.zeros(sums.n, np.int64), np.full(sums.n, -1, np.int64)

    def is_cold(self, item: Int64, at_s: Int64) -> Bool:
        """Sums with discharge lamps that are not warm yet; bool (n,)."""
        cold: Bool = (self._sums.slow_share[item] > 0) & (at_s - self.lit_from_s[item] < self._sums.warm_up_s[item])
        return cold

    def note(  # measured columns, in the order of the rule
        self,
        sweep: Sweep,
        commands: Commands,
        is_starved: Bool,
        item: Int64,
        record: Int64,
        power_w: Float64,
        voltage_v: Float64,
        level: Int64,
        shape_w: Float64,
    ) -> None:
        """When discharge lamps strike anew: switched on, after a dip, after their meter or their controller was silent.

        A controller that hangs on the cabinet's supply goes with it, and cannot tell: it may have been an outage.

        ``shape_w`` float64 (n,): what the lamps of each sum draw by their ratings at its ``level`` int64 (n,).
        """
        self.n_silent[item] = np.where(np.isfinite(power_w), 0, np.minimum(self.n_silent[item].astype(int) + 1, 255))
        is_out = ~commands.is_on | is_starved | sweep.is_dipped | (sweep.batch.is_contactor_closed == 0)
        strikes = (is_out | sweep.is_after_gap)[record] | (self.n_silent[item] >= _SILENT_SWEEPS)
        strikes |= (voltage_v > self._no_voltage) & (voltage_v < self._dip_v)
        self._strike(item[strikes], sweep.at_s[record[strikes]])
        drops = self._drops(item, sweep.at_s[record], sweep.dt_s[record], power_w, level, shape_w) & ~strikes
        self._strike(item[drops], sweep.at_s[record[drops]], was_burning=True)
        self.struck_s[item[drops]] = sweep.at_s[record[drops]]

    def _drops(  # measured columns, in the order of the rule
        self, item: Int64, at_s: Int64, dt_s: Int64, power_w: Float64, level: Int64, shape_w: Float64
    ) -> Bool:
        """Sums of which some discharge lamps went out since the sample before: a dip, warm or not; bool (n,).

        What stays dark drops once: it is missing when the others are warm again.
        """
        seen = np.where((power_w >= 0) & (shape_w > 0), np.maximum(power_w, 1e-3 * shape_w), np.nan)
        seen = np.log(seen / np.where(shape_w > 0, shape_w, np.nan))
        sums, slow = self._sums, self._sums.slow_share[item]
        least = np.maximum(np.maximum(_DROP_SHARE * slow, _DROP_LAMPS * sums.least_share[item]), _LEAST_DROP)
        is_next = (level == self.seen_level[item]) & (at_s - self.seen_s[item] <= _INTERVALS * dt_s)
        drops: Bool = is_next & (slow > 0) & (1 - np.exp(seen - self.seen[item]) >= least)
        known = np.isfinite(seen)
        self.seen[item[known]], self.seen_level[item[known]] = seen[known], level[known]
        self.seen_s[item[known]] = at_s[known]
        return drops

    def _strike(self, item: Int64, at_s: Int64, *, was_burning: bool = False) -> None:
        """The arcs of some sums went out, and strike again as soon as they are cold enough."""
        warm_up_s = self._sums.warm_up_s[item]
        is_hot = was_burning | (at_s - self.judged_s[item] < _COOL * warm_up_s)
        self.lit_from_s[item] = at_s + np.where(is_hot, _COOLING * warm_up_s, 0).astype(np.int64)

    def do_all_strike(self, item: Int64, at_s: Int64, missing: Float64, mean: Float64, may_strike: Bool) -> Bool:
        """Sums of which most discharge lamps went out at once: a dip that no meter saw. Told once an hour.

        Args:
            item: int64 (n,) sums.
            at_s: int64 (n,) data time.
            missing: float64 (n,) what is missing of each, as a logarithm.
            mean: float64 (n,) the same, as a mean of the samples before.
            may_strike: bool (n,) no fault of it is open.
        """
        slow = -np.log1p(-0.5 * np.minimum(self._sums.slow_share[item], 0.99))
        strikes = (slow > 0) & (missing > slow) & (mean <= slow / 2) & may_strike
        strikes &= at_s - self.struck_s[item] >= _STRIKE_AGAIN_S
        self.struck_s[item[strikes]] = at_s[strikes]
        self._strike(item[strikes], at_s[strikes])
        found: Bool = strikes
        return found
