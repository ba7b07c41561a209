"""``highTemperature``: the luminaire is too hot, or its driver has shut down for heat."""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.detection.rules.quiet import Kinds, Quiet
from ingest.detection.rules.rule import Detector, Proof
from ingest.detection.rules.window import STATUS_THERMAL_SHUTDOWN, Bool, Expected, RowLimits, Window, number


def _is_shut_down(window: Window) -> Bool:
    mask: Bool = window.is_status_reported & ((window.status & STATUS_THERMAL_SHUTDOWN) != 0)
    return mask


def holds(window: Window, _expected: Expected, limits: RowLimits) -> Bool:
    """Above the limit, or the thermal shutdown bit."""
    mask: Bool = (window.temperature_c > limits["temperature_high"]) | _is_shut_down(window)
    return mask


def judges(window: Window, _expected: Expected, _limits: RowLimits) -> Bool:
    """Temperature reported in this sweep, the bit set, or a node that knows no temperature at all."""
    mask: Bool = np.isfinite(window.temperature_c) | _is_shut_down(window) | ~window.has_temperature
    return mask


def heals(window: Window, _expected: Expected, limits: RowLimits) -> Bool:
    """Below the clearing limit, the bit gone."""
    is_cool = (window.temperature_c < limits["temperature_clear"]) | ~window.has_temperature
    mask: Bool = is_cool & ~_is_shut_down(window)
    return mask


def quiet(kinds: Kinds) -> Quiet:
    """Below the clearing limit."""
    return Quiet(below_temperature_c=kinds.limits["temperature_clear"])


def attends(window: Window, _expected: Expected) -> Bool:
    """The thermal shutdown bit."""
    return _is_shut_down(window)


def is_about_to_explain(window: Window, is_open: Bool) -> Bool:
    """The bit is there and this rule is not open yet: a dark lamp's reason is about to be known."""
    return _is_shut_down(window) & ~is_open


def evidence(window: Window, _expected: Expected, row: int) -> dict[str, Any]:
    """The temperature and the status bits."""
    return {"temperature_c": number(window.temperature_c[row]), "status": int(window.status[row])}


DETECTOR = Detector(
    code="highTemperature",
    name="highTemperature",
    holds=holds,
    judges=judges,
    heals=heals,
    quiet=quiet,
    attends=attends,
    samples="temperature_samples",
    clear_samples="temperature_samples",
    evidence=evidence,
    proof=Proof.ANY,
)
