"""``meterFailure``: a meter that repeats itself to the last digit, or shows what cannot be.

An impossible sample is kept from every other rule; one alone is ignored, five in a row are this fault.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.detection.rules.quiet import Kinds, Quiet, no_bounds
from ingest.detection.rules.rule import Circumstances, Detector, Runs
from ingest.detection.rules.window import QUALITY_IMPLAUSIBLE, Bool, Expected, Float32, RowLimits, Window, number

METER_ERROR = 1.1  # of apparent power
OFFSET_W = 2.0
_ROUNDED = 0.999  # figures are rounded: bounds that are narrower by so much lie certainly inside
_STANDS_STILL = 3  # repetitions
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


def exceeds_current(power_w: Float32, voltage_v: Float32, current_a: Float32, limits: RowLimits) -> Bool:
    """What the current alone makes impossible; bool (n,)."""
    exceeds: Bool = exceeds_apparent(power_w, voltage_v, current_a, limits["I_start"]) | np.isinf(current_a)
    return exceeds


def quiet(kinds: Kinds) -> Quiet:
    """What every meter may show; the power for the current at the lowest voltage that is within limits."""
    limits = kinds.limits
    watts_per_ampere = _ROUNDED * METER_ERROR * kinds.low_voltage_v
    return Quiet(
        least_w=_LEAST_POWER_W,
        most_w_per_a=watts_per_ampere,
        most_w_offset=watts_per_ampere * float(limits["I_start"]) + _ROUNDED * OFFSET_W,
        most_current_a=float(np.finfo(np.float32).max),
        least_power_factor=-limits["impossible_power_factor"],
        most_power_factor=float(limits["impossible_power_factor"]),
        most_voltage_v=float(limits["impossible_voltage"]),
    )


def withholds(window: Window, runs: Runs) -> Bool:
    """A meter that stands still proves nothing, a lost reply between or not."""
    stands_still = runs.is_open | (runs.count >= _STANDS_STILL)
    withheld: Bool = (window.is_frozen | ~window.is_comparable) & stands_still
    return withheld


def waits(_window: Window, _expected: Expected, beside: Circumstances) -> Bool:
    """Two meters do not show the same wrong voltage: it is the supply's, as when a neutral is broken."""
    return beside.is_overvoltage_shared


def _evidence(window: Window, row: int, kind: str) -> dict[str, Any]:
    return {
        "current_a": number(window.current_a[row], 3),
        "power_factor": number(window.power_factor[row], 2),
        "kind": kind,
    }


def is_reversed(window: Window, row: int) -> bool:
    """Of an impossible sample: whether all is right but the sign of the power, as with reversed current terminals."""
    power_w, apparent_va = float(window.power_w[row]), float(window.voltage_v[row]) * float(window.current_a[row])
    is_like = power_w < _LEAST_POWER_W and -power_w <= METER_ERROR * apparent_va + OFFSET_W
    return is_like and not window.power_factor[row] > 0


def evidence_impossible(window: Window, _expected: Expected, row: int) -> dict[str, Any]:
    """The other measured values."""
    return _evidence(window, row, "reversed" if is_reversed(window, row) else "impossible")


def evidence_frozen(window: Window, _expected: Expected, row: int) -> dict[str, Any]:
    """The other measured values."""
    return _evidence(window, row, "frozen")


IMPOSSIBLE = Detector(
    code="meterFailure",
    name="impossible",
    holds=is_impossible,
    judges=_judges_all,
    quiet=quiet,
    samples="absurd_samples",
    clear_samples="absurd_samples",
    exceeds_current=exceeds_current,
    spoils=is_impossible,
    waits=waits,
    closes_with_neutral=True,
    refused_quality=QUALITY_IMPLAUSIBLE,
    evidence=evidence_impossible,
)
FROZEN = Detector(
    code="meterFailure",
    name="frozen",
    holds=holds_frozen,
    judges=judges_frozen,
    quiet=no_bounds,
    samples="frozen_samples",
    clear_samples="absurd_samples",
    is_repetition=True,
    is_time_dependent=True,
    withholds=withholds,
    closes_with_neutral=True,
    evidence=evidence_frozen,
)
