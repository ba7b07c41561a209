"""The quiet band of every lamp: the readings at which no lamp rule can hold, whatever the voltage within limits.

Made of the bounds that the rules declare (``ingest.detection.rules.quiet``), reckoned once for every technology and
level, so that a lamp's band is a few products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.lamp.sample import Electric, rated_power
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.rules.quiet import Kinds, Quiet
from ingest.detection.rules.rule_set import RuleSet
from ingest.lighting.expected_power import CURVES, IS_DISCHARGE, level_share, voltage_share
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
Rows = slice | Int64

_LEVELS: Final = 256
_HAIR: Final = np.float32(1e-6)  # products are rounded: a band that is narrower by so much is certainly inside
_ANY: Final = np.float32(np.inf)


class Bands:
    """Bounds by kind: (technology, whether the lamp can be dimmed, level), float32 (technologies * 2 * 256,) each.

    Attributes:
        strictest_pf: float32 (256,) the largest least power factor that any lamp has at a level.
        most_pf: greatest power factor; below_c what temperatures stay below; most_v greatest voltage; most_a greatest
            current; of every lamp, infinite without a bound.
        per_ampere: (W per A, W) of each rule that bounds the power by the current.
    """

    def __init__(self, fleet: Fleet, table: LimitTable, electric: Electric, rules: RuleSet) -> None:
        """Ask the rules."""
        self._fleet = fleet
        self._row = (fleet.technology.astype(np.int32) * 2 + fleet.is_dimmable) * _LEVELS  # of level 0
        kinds = _kinds(table, electric)
        quiet = [rule.quiet(kinds) for rule in rules]
        n = len(kinds.level)

        def least(name: str) -> Float32:
            return _merged(quiet, name, n, np.fmax, 1 + _HAIR)

        def most(name: str) -> Float32:
            return _merged(quiet, name, n, np.fmin, 1 - _HAIR)

        self._least, self._most = least("least_rated_share"), most("most_rated_share")
        self._least_own, self._most_own = least("least_own_share"), most("most_own_share")
        self._least_w, self._most_w = least("least_w"), most("most_w")
        self._least_unrated_w = least("least_unrated_w")
        self._least_pf = np.fmax(_merged(quiet, "least_power_factor", n, np.fmax, 1), -_ANY)
        self.strictest_pf = self._least_pf.reshape(-1, _LEVELS).max(axis=0)
        never = np.zeros(n, np.bool_)
        for bounds in quiet:
            never |= bounds.is_never
        self._is_never, self._may_be_never = never, bool(never.any())
        self.most_pf = _smallest(bounds.most_power_factor for bounds in quiet)
        self.below_c = float(np.fmin.reduce(_merged(quiet, "below_temperature_c", n, np.fmin, 1), initial=_ANY))
        self.most_v = _smallest(bounds.most_voltage_v for bounds in quiet)
        self.most_a = _smallest(bounds.most_current_a for bounds in quiet)
        self.per_ampere = [(b.most_w_per_a, b.most_w_offset) for b in quiet if b.most_w_per_a is not None]

    def least_pf(self, lamp: Int64, level: UInt8) -> Float32:
        """The least power factor of n lamps at their levels, int64 and uint8 (n,), -inf without a bound; float32."""
        least: Float32 = self._least_pf.take(self._row[lamp] + level)
        return least

    def is_never(self, lamp: Int64, level: UInt8) -> Bool:
        """Lamps that some rule wants to judge in every sweep at these levels; bool (n,)."""
        never: Bool = self._is_never.take(self._row[lamp] + level)
        return never

    def set(self, state: LampState, lamp: Rows, level: UInt8, is_wanted: Bool | None = None) -> None:
        """Set the bands of n lamps [W], from what they are rated at and known to draw.

        Args:
            state: where they are set.
            lamp: int64 (n,), or a slice of n.
            level: uint8 (n,) commanded %.
            is_wanted: bool (n,) whose are set; the others stay as they are. None = all.
        """
        row = (self._row[lamp] + level).astype(np.intp)  # as which it is needed many times
        rated, own = rated_power(self._fleet, state, lamp), state.own_w[lamp]
        full = np.where(np.isnan(own), rated, own)
        curve = state.curves.factor(lamp, level)  # every bound by the power follows the lamp's own
        rated, full = rated * curve, full * curve
        low = np.fmax(self._least.take(row) * rated, self._least_own.take(row) * full)
        high = np.fmin(self._most.take(row) * rated, self._most_own.take(row) * full)
        low, high = np.fmax(low, self._least_w.take(row)), np.fmin(high, self._most_w.take(row))
        unrated = np.flatnonzero(np.isnan(rated))
        low[unrated] = np.fmax(low[unrated], self._least_unrated_w[row[unrated]])
        low[np.isnan(low)], high[np.isnan(high)] = -_ANY, _ANY
        if self._may_be_never:
            low[self._is_never[row]] = _ANY
        least_pf = self._least_pf.take(row)
        others = np.zeros(0, np.int64) if is_wanted is None else np.flatnonzero(~is_wanted)
        kept = others + lamp.start if isinstance(lamp, slice) else lamp[others]
        for values, new in ((state.low_w, low), (state.high_w, high), (state.least_pf, least_pf)):
            new[others] = values[kept]  # few: a whole ``where`` takes ten times as long
            values[lamp] = new


def _kinds(table: LimitTable, electric: Electric) -> Kinds:
    """Every technology, dimmable or not, at every level."""
    technology = np.repeat(np.arange(len(CURVES), dtype=np.uint8), 2 * _LEVELS)
    can_dim = np.tile(np.repeat([False, True], _LEVELS), len(CURVES))
    level = np.tile(np.arange(_LEVELS, dtype=np.uint8), 2 * len(CURVES))
    exponent = table.by_technology("ballast_exponent")[technology]

    def share_at(volts: float) -> Float32:
        return voltage_share(np.full(len(level), volts, np.float32), exponent, electric.nominal_v)

    dims = [level_share(technology, np.full(len(level), dim, np.uint8)) for dim in electric.dim_levels.tolist()]
    return Kinds(
        technology=technology,
        level=level,
        is_on=level > 0,
        is_dimming=can_dim & ~IS_DISCHARGE[technology],
        follows_voltage=exponent != 0,
        share=level_share(technology, level),
        dim_shares=np.array(dims, np.float32).reshape(len(dims), len(level)),
        low_voltage_share=share_at(electric.low_v),
        high_voltage_share=share_at(electric.high_v),
        low_voltage_v=electric.low_v,
        limits=table.of(technology),
    )


def _merged(
    quiet: Sequence[Quiet], name: str, n: int, narrower: Callable[[Float32, Float32], Float32], hair: float | np.float32
) -> Float32:
    """The narrowest bound of all rules, a hair narrower; float32 (n,), NaN = none."""
    merged = np.full(n, np.nan, np.float32)
    for bounds in quiet:
        bound = getattr(bounds, name)
        if bound is not None:
            merged = narrower(merged, np.broadcast_to(np.asarray(bound, np.float32), n))
    is_negative = merged < 0
    result: Float32 = np.where(is_negative, merged / hair, merged * hair).astype(np.float32)
    return result


def _smallest(bounds: Iterable[float | None]) -> float:
    return min((bound for bound in bounds if bound is not None), default=float("inf"))
