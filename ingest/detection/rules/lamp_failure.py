"""``lampFailure``: commanded on, supply in order, and next to no power. Daylight proves nothing, so it latches."""

from __future__ import annotations

import numpy as np

from ingest.detection.rules import control_gear_failure, high_temperature
from ingest.detection.rules.quiet import Kinds, Quiet, only
from ingest.detection.rules.rule import Cause, Circumstances, Detector
from ingest.detection.rules.window import Bool, Expected, RowLimits, Window


def holds(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """P below the dark share of the expected power (Echelon CPD 3000: 20 %)."""
    return expected.is_on & expected.is_voltage_ok & (window.power_w < limits["lamp_failure_power"] * expected.power_w)


def judges(window: Window, expected: Expected, _limits: RowLimits) -> Bool:
    """On, with power and expected power known and the voltage within limits."""
    return expected.is_on & expected.is_voltage_ok & np.isfinite(window.power_w) & np.isfinite(expected.power_w)


def heals(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """Draws at least half of what it should."""
    return expected.is_on & (window.power_w >= limits["lamp_failure_clear_power"] * expected.power_w)


def quiet(kinds: Kinds) -> Quiet:
    """Above the dark share."""
    share = kinds.limits["lamp_failure_power"] * kinds.share * kinds.high_voltage_share
    return Quiet(least_rated_share=only(kinds.is_on, share))


def waits(window: Window, _expected: Expected, beside: Circumstances) -> Bool:
    """The node is about to say why."""
    is_reported = control_gear_failure.is_about_to_explain(window, beside.is_open(control_gear_failure.DETECTOR.name))
    return is_reported | high_temperature.is_about_to_explain(window, beside.is_open(high_temperature.DETECTOR.name))


DETECTOR = Detector(
    code="lampFailure",
    name="lampFailure",
    holds=holds,
    judges=judges,
    heals=heals,
    quiet=quiet,
    is_level_dependent=True,
    explained_by=(
        Cause("cyclingFailure", hides=False),
        Cause("controlGearFailure", hides=False),
        Cause("highTemperature", hides=False),
    ),
    waits=waits,
    closes_with_cause=True,
    is_new_lamp_when_clear=True,
)
