"""``meterFailure``: a meter that repeats itself to the last digit, or shows what cannot be.

An impossible sample is kept from every other rule; one alone is ignored, five in a row are this fault.
"""

from __future__ import annotations

import numpy as np

from ingest.detection.rules.window import Bool, Detector, Expected, Float32, RowLimits, Window

METER_ERROR = 1.1  # of apparent power
OFFSET_W = 2.0
_LEAST_POWER_W = -2.0  # below it a power is no rounding


def exceeds_apparent(power_w: Float32, voltage_v: Float32, current_a: Float32, start_a: Float32 | np.float32) -> Bool:
    """Power above apparent power, with the meter's error; bool (n,). ``start_a``: a current that no meter sees."""
    exceeds: Bool = power_w > METER_ERROR * voltage_v * (current_a + start_a) + OFFSET_W
    return exceeds


def is_impossible(window: Window, _expected: Expected, limits: RowLimits) -> Bool:
    """Power above apparent power, power factor above 1, voltage beyond any grid's; infinite or negative figures."""
    is_wild = np.isinf(window.power_w) | np.isinf(window.voltage_v) | np.isinf(window.current_a)
    is_wild |= exceeds_apparent(window.power_w, window.voltage_v, window.current_a, limits["I_start"])
    is_wild |= window.power_w < _LEAST_POWER_W
    is_wild |= (np.abs(window.power_factor) > limits["impossible_power_factor"]) | (window.voltage_v < 0)
    return is_wild | (window.voltage_v > limits["impossible_voltage"])


def _judges_all(window: Window, _expected: Expected, _limits: RowLimits) -> Bool:
    return np.isfinite(window.power_w) | np.isfinite(window.voltage_v) | np.isinf(window.power_w)


def holds_frozen(window: Window, expected: Expected, _limits: RowLimits) -> Bool:
    """V, I and P as in the sample before, while lit."""
    return expected.is_on & window.is_frozen & (window.power_w > 0)


def judges_frozen(window: Window, expected: Expected, _limits: RowLimits) -> Bool:
    """Lit, and the sample before was good."""
    return expected.is_on & (window.power_w > 0) & window.is_comparable


IMPOSSIBLE = Detector(
    "meterFailure",
    "impossible",
    is_impossible,
    _judges_all,
    samples="absurd_samples",
    clear_samples="absurd_samples",
)
FROZEN = Detector(
    "meterFailure",
    "frozen",
    holds_frozen,
    judges_frozen,
    samples="frozen_samples",
    clear_samples="absurd_samples",
)
