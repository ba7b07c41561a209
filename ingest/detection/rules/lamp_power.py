"""``lampPowerTooLow`` and ``lampPowerTooHigh``: lit, but drawing far less or more than it should (EXEDRA 75/130 %)."""

from __future__ import annotations

from ingest.detection.rules.window import Bool, Detector, Expected, RowLimits, Window


def judges(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """Lit, at a voltage within limits; a dark lamp is another rule's."""
    is_lit = window.power_w >= limits["lamp_failure_power"] * expected.power_w
    return expected.is_on & expected.is_voltage_ok & is_lit


def holds_low(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """P between the dark share and the low share of the expected power."""
    is_low = window.power_w < limits["lamp_power_low"] * expected.power_w
    return judges(window, expected, limits) & is_low


def holds_high(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """P above the high share of the expected power."""
    is_high = window.power_w > limits["lamp_power_high"] * expected.power_w
    return judges(window, expected, limits) & is_high


def _detector(code: str, holds: object) -> Detector:
    return Detector(
        code,
        code,
        holds,  # type: ignore[arg-type]  # one of the two masks above
        judges,
        seconds="lamp_power_time",
        clear_seconds="lamp_power_time",
        is_level_dependent=True,
    )


TOO_LOW = _detector("lampPowerTooLow", holds_low)
TOO_HIGH = _detector("lampPowerTooHigh", holds_high)
