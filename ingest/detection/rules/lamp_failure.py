"""``lampFailure``: commanded on, supply in order, and next to no power. Daylight proves nothing, so it latches."""

from __future__ import annotations

import numpy as np

from ingest.detection.rules.window import Bool, Detector, Expected, RowLimits, Window


def holds(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """P below the dark share of the expected power (Echelon CPD 3000: 20 %)."""
    return expected.is_on & expected.is_voltage_ok & (window.power_w < limits["lamp_failure_power"] * expected.power_w)


def judges(window: Window, expected: Expected, _limits: RowLimits) -> Bool:
    """On, with power and expected power known and the voltage within limits."""
    return expected.is_on & expected.is_voltage_ok & np.isfinite(window.power_w) & np.isfinite(expected.power_w)


def heals(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """Draws at least half of what it should."""
    return expected.is_on & (window.power_w >= limits["lamp_failure_clear_power"] * expected.power_w)


DETECTOR = Detector("lampFailure", "lampFailure", holds, judges, heals, is_level_dependent=True)
