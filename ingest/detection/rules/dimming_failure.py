"""``dimmingFailure``: draws what belongs to another level than the commanded one.

Where the lamp's own power is known it is judged against that rather than its rating: a rating 8 % off and 10 % of
ageing
together look like a dim step otherwise. And then only a power that fits the other level is its: a lamp with half its
modules dead is nearer to some dim level too, but seldom at it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.detection.rules.quiet import Kinds, Quiet, only
from ingest.detection.rules.rule import Cause, Circumstances, Detector, Evidence
from ingest.detection.rules.window import Bool, Expected, Float32, RowLimits, Window, number

_FITS = 0.015  # of full power: this near to another level's own power
_FITS_FULL = (0.08, 0.05)  # below and above: this near to full power
_FITS_RATED = 0.15  # the same where full power is known from the rating alone
_PLAUSIBLE = 0.15  # a lamp never seen to fit its rating may be called stuck at 100 % if it is this near to it
_NEAR = 0.9  # a dim level that draws more than this share of the commanded one's power cannot be told from it


def _is_too_bright(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    is_low = expected.level <= limits["dimming_level"]
    above = window.power_w - expected.own_full_w
    below_share = np.where(expected.is_own_known, _FITS_FULL[0], _FITS_RATED)
    above_share = np.where(expected.is_own_known, _FITS_FULL[1], _FITS_RATED)
    is_at_full = (above <= above_share * expected.own_full_w) & (above >= -below_share * expected.own_full_w)
    is_nearer = np.abs(above) < np.abs(window.power_w - expected.own_level_w)
    result: Bool = is_low & is_at_full & is_nearer
    return result


def _is_stuck_dim(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    is_high = (expected.level > limits["dimming_level"]) & expected.is_own_known
    distance = np.abs(window.power_w - expected.own_level_w)
    is_nearer = np.abs(window.power_w - expected.own_dim_w) < distance
    is_at_dim = np.abs(window.power_w - expected.own_dim_w) <= _FITS * expected.own_full_w
    is_at_dim |= np.abs(window.power_w - expected.before_w) <= _FITS * expected.own_full_w  # it did not follow a step
    is_apart = expected.own_dim_w < _NEAR * expected.own_level_w
    result: Bool = is_high & (is_nearer & is_apart & is_at_dim).any(axis=0)
    return result


def turning_powers(expected: Expected) -> Float32:
    """Where the band around what a lamp drew before is cut: half way from a dim level to the commanded one.

    float32 (D, n), NaN where the cut does not lie in that band. So narrow as what is left of it no other band is.
    """
    half_way = (expected.own_dim_w + expected.own_level_w) / 2
    is_cut = np.abs(half_way - expected.before_w) <= _FITS * expected.own_full_w
    turns: Float32 = np.where(is_cut, half_way, np.float32(np.nan))
    return turns


def _is_alight(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    return window.power_w >= limits["lamp_failure_power"] * expected.own_level_w


def holds(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """P nearer to 100 % than to a low level, or nearer to a scheduled dim level than to a high one."""
    is_wrong = _is_too_bright(window, expected, limits) | _is_stuck_dim(window, expected, limits)
    return expected.is_on & expected.is_dimming & _is_alight(window, expected, limits) & is_wrong


def judges(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """On, able to dim, alight, at a voltage within limits."""
    is_judged = expected.is_on & expected.is_dimming & expected.is_voltage_ok
    return is_judged & _is_alight(window, expected, limits)


def quiet(kinds: Kinds) -> Quiet:
    """Below half way to full power at a low level, above half way to the next dim level at a high one."""
    is_low = kinds.level <= kinds.limits["dimming_level"]
    is_judged = kinds.is_on & kinds.is_dimming
    least = np.full(len(kinds.level), np.nan, np.float32)
    for dim_share in kinds.dim_shares:
        half_way = (dim_share + kinds.share) / 2
        is_between = is_judged & ~is_low & (half_way < kinds.share)
        least[is_between] = np.fmax(least, half_way)[is_between]
    return Quiet(
        least_own_share=least,
        most_own_share=only(is_judged & is_low, (kinds.share + np.float32(1)) / np.float32(2)),
        is_never=is_judged & kinds.follows_voltage,  # half way moves with the voltage
    )


def is_plausible(window: Window, expected: Expected, has_fitted: Bool) -> Bool:
    """Lamps whose full power is known well enough to call them stuck: they have fitted, or draw just that."""
    is_near_full = np.abs(window.power_w - expected.own_full_w) < _PLAUSIBLE * expected.own_full_w
    result: Bool = has_fitted | is_near_full
    return result


def waits(window: Window, expected: Expected, beside: Circumstances) -> Bool:
    """Where the register may be wrong, no power proves another level."""
    return beside.is_register_suspect | ~is_plausible(window, expected, beside.has_fitted)


def turns(expected: Expected, _limits: RowLimits) -> list[tuple[str, Float32]]:
    """The ends of its narrowest bands."""
    return [("power_w", turn) for turn in turning_powers(expected)]


def evidence(_window: Window, expected: Expected, row: int) -> dict[str, Any]:
    """The lamp's own power at this level and at 100 %."""
    return {
        "expected_power_w": number(expected.own_level_w[row]),
        "expected_power_at_100_w": number(expected.own_full_w[row]),
    }


def _is_register_error(power_evidence: Evidence, _evidence: Evidence) -> bool:
    """A register error hides dimming; a plain power fault does not explain it."""
    return bool(power_evidence.get("suspected_register_error"))


DETECTOR = Detector(
    code="dimmingFailure",
    name="dimmingFailure",
    holds=holds,
    judges=judges,
    quiet=quiet,
    samples="dimming_samples",
    clear_samples="dimming_samples",
    is_level_dependent=True,
    turns=turns,
    explained_by=(
        Cause("supplyVoltageTooLow"),
        Cause("supplyVoltageTooHigh"),
        Cause("communicationFailure"),
        Cause("lampFailure"),
        Cause("lampPowerTooLow", explains=_is_register_error),  # it opened at a level where no other level fitted
        Cause("lampPowerTooHigh", explains=_is_register_error),
    ),
    waits=waits,
    evidence=evidence,
)
