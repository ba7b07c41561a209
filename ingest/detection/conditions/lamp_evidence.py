"""What is reported of a verdict on one lamp: measured beside expected, in JSON numbers with units in their names."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ingest.detection.memory.lamp_state import LampState
from ingest.detection.rules import Detector, Expected, Window
from ingest.detection.rules.window import number

__all__ = ["WATTS", "lamp_evidence", "number", "watts"]
WATTS: Final = ("power_w", "expected_power_w")


def watts(power_w: float, expected_w: float) -> dict[str, Any]:
    """What a meter shows of some lamps beside what they would draw; empty where either is unknown."""
    shown = dict(zip(WATTS, (number(power_w), number(expected_w)), strict=True))
    return {} if None in shown.values() else shown


def lamp_evidence(  # measured columns, in the order of the rule
    rule: Detector,
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
    reported: dict[str, Any] = {
        "power_w": number(window.power_w[row]),
        "expected_power_w": number(expected.power_w[row]),
        "voltage_v": number(window.voltage_v[row]),
        "level": int(expected.level[row]),
    }
    if is_opened:
        reported["samples"] = samples
    if rule.evidence is not None:
        reported |= rule.evidence(window, expected, row)
    if rule.suspects_register and is_opened and state.is_register_suspect[lamp]:
        reported["suspected_register_error"] = True
    if np.isfinite(state.baseline_w[lamp]):
        reported["learned_power_w"] = number(state.baseline_w[lamp])
    return {name: value for name, value in reported.items() if value is not None}
