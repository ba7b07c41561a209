"""``powerFactorTooLow``: lit with a poor power factor for its level; most often a failed capacitor."""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.detection.rules.quiet import Kinds, Quiet, only
from ingest.detection.rules.rule import Cause, Detector
from ingest.detection.rules.window import Bool, Expected, Float32, RowLimits, Window, number

_LEAST_LEVEL = 25  # below it no limit is defined


def least_power_factor(level: Float32, limits: RowLimits) -> Float32:
    """Limit at a level: 0.80 from 75 % on, 0.65 at 50, 0.50 at 25, linear between."""
    at_25, at_50, at_75 = limits["power_factor_25"], limits["power_factor_50"], limits["power_factor_75"]
    lower = at_25 + (at_50 - at_25) * np.clip((level - 25) / 25, 0, 1)
    least: Float32 = np.asarray(lower + (at_75 - at_50) * np.clip((level - 50) / 25, 0, 1), np.float32)
    return least


def judges(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """Lit at 25 % or more, at a voltage within limits, with a power factor reported."""
    is_known = np.isfinite(expected.power_w)
    least = np.where(is_known, limits["lamp_failure_power"] * expected.power_w, limits["relay_failure_power"])
    is_lit = expected.is_on & (window.power_w >= least) & (expected.level >= _LEAST_LEVEL)
    return is_lit & expected.is_voltage_ok & np.isfinite(window.power_factor)


def holds(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """The power factor's magnitude (some meters sign it) below the limit of the level."""
    least = least_power_factor(expected.level.astype(np.float32), limits)
    return judges(window, expected, limits) & (np.abs(window.power_factor) < least)


def quiet(kinds: Kinds) -> Quiet:
    """From the limit of the level on."""
    least = least_power_factor(kinds.level.astype(np.float32), kinds.limits)
    return Quiet(least_power_factor=only(kinds.is_on, least))


def evidence(window: Window, _expected: Expected, row: int) -> dict[str, Any]:
    """The power factor."""
    return {"power_factor": number(window.power_factor[row], 2)}


DETECTOR = Detector(
    code="powerFactorTooLow",
    name="powerFactorTooLow",
    holds=holds,
    judges=judges,
    quiet=quiet,
    seconds="power_factor_time",
    clear_seconds="power_factor_time",
    is_level_dependent=True,
    explained_by=(
        Cause("supplyVoltageTooLow"),
        Cause("supplyVoltageTooHigh"),
        Cause("communicationFailure"),
        Cause("lampFailure"),
    ),
    evidence=evidence,
)
