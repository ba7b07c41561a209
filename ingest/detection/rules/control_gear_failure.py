"""``controlGearFailure``: the node reports a driver fault."""

from __future__ import annotations

from typing import Any

from ingest.detection.rules.quiet import no_bounds
from ingest.detection.rules.rule import Detector, Proof
from ingest.detection.rules.window import STATUS_DRIVER_FAULT, Bool, Expected, RowLimits, Window


def _is_reported(window: Window) -> Bool:
    mask: Bool = window.is_status_reported & ((window.status & STATUS_DRIVER_FAULT) != 0)
    return mask


def holds(window: Window, _expected: Expected, _limits: RowLimits) -> Bool:
    """The driver-fault bit."""
    return _is_reported(window)


def judges(window: Window, _expected: Expected, _limits: RowLimits) -> Bool:
    """The lamp's node tells its status."""
    mask: Bool = window.is_status_reported
    return mask


def attends(window: Window, _expected: Expected) -> Bool:
    """The bit, whatever the lamp draws."""
    return _is_reported(window)


def is_about_to_explain(window: Window, is_open: Bool) -> Bool:
    """The bit is there and this rule is not open yet: a dark lamp's reason is about to be known."""
    return _is_reported(window) & ~is_open


def evidence(window: Window, _expected: Expected, row: int) -> dict[str, Any]:
    """The status bits."""
    return {"status": int(window.status[row])}


DETECTOR = Detector(
    code="controlGearFailure",
    name="controlGearFailure",
    holds=holds,
    judges=judges,
    quiet=no_bounds,
    attends=attends,
    evidence=evidence,
    proof=Proof.ANY,
)
