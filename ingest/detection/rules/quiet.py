"""The bounds inside which a rule can never hold, as the rule itself declares them. Pure data.

The first look at a sweep (``ingest.detection.screen.screen``) passes every reading that lies inside the bounds of all
rules, so a rule whose bounds are too wide misses faults. ``tests/ingest/detection/test_fast_path.py`` compares with all
rules on all readings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.detection.rules.window import Bool, Float32, RowLimits, UInt8

Bound = Float32 | np.float32 | float | None


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds of lamps that bounds are declared for: one technology, dimmable or not, at one level. (n,) each.

    Attributes:
        technology: uint8 index into ``ingest.schema.limits.TECHNOLOGIES``.
        level: uint8 commanded %; ``is_on`` bool, it is above 0.
        is_dimming: bool the lamp can dim and its technology's power follows the level.
        follows_voltage: bool its power depends on the voltage.
        share: float32 power at this level, of that at 100 %; ``dim_shares`` float32 (D, n) at each scheduled dim level.
        low_voltage_share: float32 (V / nominal)^k at the lowest voltage within the limits of the supply;
            ``high_voltage_share`` at the highest.
        low_voltage_v: that lowest voltage.
        limits: thresholds of these kinds.
    """

    technology: UInt8
    level: UInt8
    is_on: Bool
    is_dimming: Bool
    follows_voltage: Bool
    share: Float32
    dim_shares: Float32
    low_voltage_share: Float32
    high_voltage_share: Float32
    low_voltage_v: float
    limits: RowLimits


@dataclass(frozen=True, slots=True)
class Quiet:
    """Readings at which a rule can never begin to hold, whatever the voltage within the limits of the supply.

    All quantities of a good sample lie inside, its status is not one that the rule attends to, and V, I and P do not
    all repeat the sample before. A bound is one number or float32 (n,) by kind; None, or NaN for a kind, is no bound.

    Attributes:
        least_rated_share: P of at least this share of the lamp's power at 100 % and nominal voltage, learned or rated;
            ``most_rated_share`` at most.
        least_own_share: the same of what the lamp itself was seen to draw at 100 %; so ``most_own_share``.
        least_w: P of at least so many watts; so ``most_w``.
        least_unrated_w: P of at least so many watts, of a lamp without a rating.
        most_w_per_a: one number: P at most so many watts per ampere, and ``most_w_offset`` watts.
        most_current_a: one number, inclusive.
        least_power_factor: inclusive, or not reported; ``most_power_factor`` one number, inclusive.
        below_temperature_c: one number for each kind: below it, or not reported.
        most_voltage_v: one number, where it is less than the limit of the supply.
        is_never: the rule may hold at any reading of this kind: each is judged. Also for a condition on what has no
            bound here (a current, a counter); such a rule costs time in every sweep.
    """

    least_rated_share: Bound = None
    most_rated_share: Bound = None
    least_own_share: Bound = None
    most_own_share: Bound = None
    least_w: Bound = None
    most_w: Bound = None
    least_unrated_w: Bound = None
    most_w_per_a: float | None = None
    most_w_offset: float = 0.0
    most_current_a: float | None = None
    least_power_factor: Bound = None
    most_power_factor: float | None = None
    below_temperature_c: Bound = None
    most_voltage_v: float | None = None
    is_never: npt.NDArray[np.bool_] | bool = False


def only(where: Bool, bound: Bound) -> Float32:
    """A bound for some kinds, none for the others: float32 (n,)."""
    bounds: Float32 = np.where(where, np.float32(np.nan) if bound is None else bound, np.float32(np.nan))
    return bounds.astype(np.float32)


def no_bounds(_kinds: Kinds) -> Quiet:
    """For a rule that holds by its status alone, or only on samples that repeat the one before."""
    return Quiet()
