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


class DarkStrikes:
    """Arrays over sums.

    Attributes:
        judged_s: int64 (n,) when each was last judged; lit_from_s when its arcs struck; struck_s when ``do_all_strike``
            last said so.
        n_silent: uint8 (n,) sweeps since the sum's meter answered.
    """

    def __init__(self, sums: SumTable, table: LimitTable) -> None:
        """Nothing has struck yet."""
        self._sums = sums
        self._dip_v, self._no_voltage = table.scalar("dip_voltage"), table.scalar("no_voltage")
        self.judged_s, self.lit_from_s, self.struck_s = (np.zeros(sums.n, np.int64) for _ in range(3))
        self.n_silent = np.zeros(sums.n, np.uint8)

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
    ) -> None:
        """When discharge lamps strike anew: switched on, after a dip, after their meter was silent with them."""
        self.n_silent[item] = np.where(np.isfinite(power_w), 0, np.minimum(self.n_silent[item].astype(int) + 1, 255))
        is_out = ~commands.is_on | is_starved | sweep.is_dipped | (sweep.batch.is_contactor_closed == 0)
        strikes = is_out[record] | (self.n_silent[item] >= _SILENT_SWEEPS)
        strikes |= (voltage_v > self._no_voltage) & (voltage_v < self._dip_v)
        self._strike(item[strikes], sweep.at_s[record[strikes]])

    def _strike(self, item: Int64, at_s: Int64) -> None:
        """The arcs of some sums went out, and strike again as soon as they are cold enough."""
        warm_up_s = self._sums.warm_up_s[item]
        is_hot = at_s - self.judged_s[item] < _COOL * warm_up_s
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
