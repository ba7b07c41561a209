"""The quiet band of every lamp: the powers at which no lamp rule can hold, whatever the voltage within limits.

All its bounds are shares of what a lamp draws at 100 % and nominal voltage. They are reckoned once for every technology
and level, so that a lamp's band is a few products.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.lamp.sample import Electric, rated_power
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.rules.power_factor import least_power_factor
from ingest.lighting.expected_power import CURVES, IS_DISCHARGE, level_share, voltage_share
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
Rows = slice | Int64

_LEVELS: Final = 256
_HAIR: Final = np.float32(1e-6)  # products are rounded: a band that is narrower by so much is certainly inside


class Bands:
    """Shares by (technology, whether the lamp can be dimmed, level), float32 (technologies * 2 * 256,) each.

    Attributes:
        strictest_pf: float32 (256,) the largest ``least_pf`` that any lamp has at a level; -inf at 0.
    """

    def __init__(self, fleet: Fleet, table: LimitTable, electric: Electric) -> None:
        """Reckon the shares."""
        self._fleet = fleet
        self._row = (fleet.technology.astype(np.int32) * 2 + fleet.is_dimmable) * _LEVELS  # of level 0
        technology = np.repeat(np.arange(len(CURVES), dtype=np.uint8), 2 * _LEVELS)
        can_dim = np.tile(np.repeat([False, True], _LEVELS), len(CURVES))
        level = np.tile(np.arange(_LEVELS, dtype=np.uint8), 2 * len(CURVES))
        limits = table.of(technology)
        exponent = table.by_technology("ballast_exponent")[technology]

        def share_at(volts: float) -> Float32:
            return voltage_share(np.full(len(level), volts, np.float32), exponent, electric.nominal_v)

        share = level_share(technology, level)
        least = np.maximum(limits["lamp_power_low"], limits["lamp_failure_clear_power"])
        self._least = (least * share * share_at(electric.high_v) * (1 + _HAIR)).astype(np.float32)
        self._most = (limits["lamp_power_high"] * share * share_at(electric.low_v) * (1 - _HAIR)).astype(np.float32)
        # of its own power: halfway to another level's
        is_dimming, is_low = can_dim & ~IS_DISCHARGE[technology], level <= table.scalar("dimming_level")
        unbound = np.full(len(level), np.nan, np.float32)
        self._most_own = np.where(is_dimming & is_low, (share + 1) / 2 * (1 - _HAIR), unbound)
        self._least_own = unbound
        for dim in electric.dim_levels.tolist():
            halfway = (level_share(technology, np.full(len(level), dim, np.uint8)) + share) / 2
            is_between = is_dimming & ~is_low & (halfway < share)
            nearest = np.fmax(self._least_own, halfway * (1 + _HAIR))
            self._least_own = np.where(is_between, nearest, self._least_own)
        self._moves = is_dimming & (exponent != 0)  # with the voltage: such a lamp is never quiet
        self._may_move = bool(self._moves.any())
        self._least_pf = least_power_factor(level.astype(np.float32), limits)
        self.strictest_pf = self._least_pf.reshape(-1, _LEVELS).max(axis=0)
        self.strictest_pf[0] = -np.inf
        self._least_unrated_w = float(limits["relay_failure_power"])
        self._off_w = min(table.scalar("unexpected_on_power"), table.scalar("relay_failure_power"))

    def set(self, state: LampState, lamp: Rows, level: UInt8, is_wanted: Bool | None = None) -> None:
        """Set the bands of n lamps [W], from what they are rated at and known to draw.

        Args:
            state: where they are set.
            lamp: int64 (n,), or a slice of n.
            level: uint8 (n,) commanded %.
            is_wanted: bool (n,) whose are set; the others stay as they are. None = all.
        """
        row = (self._row[lamp] + level).astype(np.intp)  # as which it is needed five times
        rated, own = rated_power(self._fleet, state, lamp), state.own_w[lamp]
        full = np.where(np.isnan(own), rated, own)
        low = np.fmax(self._least.take(row) * rated, self._least_own.take(row) * full)
        high = np.fmin(self._most.take(row) * rated, self._most_own.take(row) * full)
        unrated = np.flatnonzero(np.isnan(rated))
        low[unrated] = np.fmax(low[unrated], self._least_unrated_w)
        high[unrated[np.isnan(high[unrated])]] = np.inf
        if self._may_move:
            low[self._moves[row]] = np.inf
        off = np.flatnonzero(level == 0)
        low[off], high[off] = -1.0, self._off_w
        least_pf = self._least_pf.take(row)
        least_pf[off] = -np.inf
        others = np.zeros(0, np.int64) if is_wanted is None else np.flatnonzero(~is_wanted)
        kept = others + lamp.start if isinstance(lamp, slice) else lamp[others]
        for values, new in ((state.low_w, low), (state.high_w, high), (state.least_pf, least_pf)):
            new[others] = values[kept]  # few: a whole ``where`` takes ten times as long
            values[lamp] = new
