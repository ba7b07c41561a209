"""The lamp-level rules: one file each, one row here, one row in the fault catalogue (``docs/add_a_fault.md``)."""

from __future__ import annotations

from typing import Final

from ingest.detection.rules import (
    control_gear_failure,
    cycling_failure,
    dimming_failure,
    high_temperature,
    lamp_failure,
    lamp_power,
    lamp_unexpected_on,
    meter_failure,
    power_factor,
    relay_failure,
)
from ingest.detection.rules.rule import Detector
from ingest.detection.rules.rule_set import RuleSet
from ingest.detection.rules.window import Expected, RowLimits, Window

DETECTORS: Final[tuple[Detector, ...]] = (
    meter_failure.IMPOSSIBLE,  # these two first: samples are kept from those after them
    meter_failure.FROZEN,
    lamp_failure.DETECTOR,
    lamp_unexpected_on.DETECTOR,
    relay_failure.DETECTOR,
    cycling_failure.DETECTOR,
    dimming_failure.DETECTOR,
    lamp_power.TOO_LOW,
    lamp_power.TOO_HIGH,
    power_factor.DETECTOR,
    high_temperature.DETECTOR,
    control_gear_failure.DETECTOR,
)

DARK: Final = lamp_failure.DETECTOR  # opened also on a lamp that is known to be dark though it does not answer

__all__ = ["DARK", "DETECTORS", "Detector", "Expected", "RowLimits", "RuleSet", "Window"]
