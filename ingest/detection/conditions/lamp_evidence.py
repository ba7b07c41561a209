"""What is told of a verdict on one lamp: measured beside expected, in JSON numbers with units in their names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ingest.detection.memory.lamp_state import LampState
from ingest.detection.rules import Expected, Window


def number(value: Any, digits: int = 1) -> float | None:
    """A measured value as a JSON number, None where it is unknown or no number."""
    plain = float(value)
    return round(plain, digits) if math.isfinite(plain) else None


def lamp_evidence(  # measured columns, in the order of the rule
    rule: str,
    state: LampState,
    lamp: int,
    window: Window,
    expected: Expected,
    row: int,
    samples: int,
    *,
    is_opened: bool,
) -> dict[str, Any]:
    """Evidence of one lamp's verdict at the sample in ``row``; unknown quantities are left out."""
    told: dict[str, Any] = {
        "power_w": number(window.power_w[row]),
        "expected_power_w": number(expected.power_w[row]),
        "voltage_v": number(window.voltage_v[row]),
        "level": int(expected.level[row]),
    }
    if is_opened:
        told["samples"] = samples
    if rule == "powerFactorTooLow":
        told["power_factor"] = number(window.power_factor[row], 2)
    elif rule == "highTemperature":
        told["temperature_c"] = number(window.temperature_c[row])
    elif rule in {"impossible", "frozen"}:
        told |= {"current_a": number(window.current_a[row], 3), "power_factor": number(window.power_factor[row], 2)}
        told["kind"] = rule
    elif rule == "cyclingFailure":
        told["changes"] = int(window.n_changes[row])
    elif rule == "dimmingFailure":
        told["expected_power_at_100_w"] = number(expected.own_full_w[row])
        told["expected_power_w"] = number(expected.own_level_w[row])
    if rule in {"controlGearFailure", "relayFailure", "highTemperature"}:
        told["status"] = int(window.status[row])
    if rule in {"lampPowerTooLow", "lampPowerTooHigh"} and is_opened and state.is_register_suspect[lamp]:
        told["suspected_register_error"] = True
    if np.isfinite(state.baseline_w[lamp]):
        told["learned_power_w"] = number(state.baseline_w[lamp])
    return {name: value for name, value in told.items() if value is not None}
