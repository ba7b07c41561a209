"""``highTemperature``: the luminaire is too hot, or its driver has shut down for heat."""

from __future__ import annotations

import numpy as np

from ingest.detection.rules.window import STATUS_THERMAL_SHUTDOWN, Bool, Detector, Expected, RowLimits, Window


def _is_shut_down(window: Window) -> Bool:
    mask: Bool = window.is_status_told & ((window.status & STATUS_THERMAL_SHUTDOWN) != 0)
    return mask


def holds(window: Window, _expected: Expected, limits: RowLimits) -> Bool:
    """Above the limit, or the thermal shutdown bit."""
    mask: Bool = (window.temperature_c > limits["temperature_high"]) | _is_shut_down(window)
    return mask


def judges(window: Window, _expected: Expected, _limits: RowLimits) -> Bool:
    """Temperature told in this sweep, the bit set, or a node that knows no temperature at all."""
    mask: Bool = np.isfinite(window.temperature_c) | _is_shut_down(window) | ~window.has_temperature
    return mask


def heals(window: Window, _expected: Expected, limits: RowLimits) -> Bool:
    """Below the clearing limit, the bit gone."""
    is_cool = (window.temperature_c < limits["temperature_clear"]) | ~window.has_temperature
    mask: Bool = is_cool & ~_is_shut_down(window)
    return mask


DETECTOR = Detector(
    "highTemperature",
    "highTemperature",
    holds,
    judges,
    heals,
    samples="temperature_samples",
    clear_samples="temperature_samples",
)
