"""``dimmingFailure``: draws what belongs to another level than the commanded one.

Where the lamp's own power is known it is judged against that rather than its rating: a rating 8 % off and 10 % of
ageing
together look like a dim step otherwise. And then only a power that fits the other level is its: a lamp with half its
modules dead is nearer to some dim level too, but seldom at it.
"""

from __future__ import annotations

import numpy as np

from ingest.detection.rules.window import Bool, Detector, Expected, Float32, RowLimits, Window

_FITS = 0.015  # of full power: this near to another level's own power
_FITS_FULL = (0.08, 0.05)  # below and above: this near to full power
_FITS_RATED = 0.15  # the same where full power is known from the rating alone
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


DETECTOR = Detector(
    "dimmingFailure",
    "dimmingFailure",
    holds,
    judges,
    samples="dimming_samples",
    clear_samples="dimming_samples",
    is_level_dependent=True,
)
