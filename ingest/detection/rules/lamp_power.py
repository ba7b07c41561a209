"""``lampPowerTooLow`` and ``lampPowerTooHigh``: lit, but drawing far less or more than it should (EXEDRA 75/130 %)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingest.detection.rules import dimming_failure
from ingest.detection.rules.quiet import Kinds, Quiet, only
from ingest.detection.rules.rule import Cause, Circumstances, Detector, Evidence, Mask
from ingest.detection.rules.window import Bool, Expected, RowLimits, Window


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


def quiet_low(kinds: Kinds) -> Quiet:
    """Above the low share."""
    share = kinds.limits["lamp_power_low"] * kinds.share * kinds.high_voltage_share
    return Quiet(least_rated_share=only(kinds.is_on, share))


def quiet_high(kinds: Kinds) -> Quiet:
    """Below the high share."""
    share = kinds.limits["lamp_power_high"] * kinds.share * kinds.low_voltage_share
    return Quiet(most_rated_share=only(kinds.is_on, share))


def waits(_window: Window, _expected: Expected, beside: Circumstances) -> Bool:
    """It is about to turn out stuck at another level."""
    return beside.is_running(dimming_failure.DETECTOR.name)


def evidence(window: Window, expected: Expected, row: int) -> dict[str, Any]:
    """Whether it may be stuck at another level, which the next dim step will show."""
    is_suspected = dimming_failure.suspects_dimming(window, expected)[row]
    return {"suspected": "dimming"} if is_suspected else {}


def _is_no_register_error(_dimming_evidence: Evidence, evidence: Evidence) -> bool:
    return not dimming_failure.is_register_error(evidence)


def _detector(code: str, holds: Mask, quiet: Callable[[Kinds], Quiet]) -> Detector:
    return Detector(
        code=code,
        name=code,
        holds=holds,
        judges=judges,
        quiet=quiet,
        seconds="lamp_power_time",
        clear_seconds="lamp_power_time",
        is_level_dependent=True,
        explained_by=(
            Cause("supplyVoltageTooLow"),
            Cause("supplyVoltageTooHigh"),
            Cause("communicationFailure"),
            Cause("lampFailure"),
            Cause("dimmingFailure", explains=_is_no_register_error),
        ),
        waits=waits,
        evidence=evidence,
        suspects_register=True,
    )


TOO_LOW = _detector("lampPowerTooLow", holds_low, quiet_low)
TOO_HIGH = _detector("lampPowerTooHigh", holds_high, quiet_high)
