"""``controlGearFailure``: the node reports a driver fault."""

from __future__ import annotations

from ingest.detection.rules.window import STATUS_DRIVER_FAULT, Bool, Detector, Expected, RowLimits, Window


def holds(window: Window, _expected: Expected, _limits: RowLimits) -> Bool:
    """The driver-fault bit."""
    mask: Bool = window.is_status_told & ((window.status & STATUS_DRIVER_FAULT) != 0)
    return mask


def judges(window: Window, _expected: Expected, _limits: RowLimits) -> Bool:
    """The lamp's node tells its status."""
    mask: Bool = window.is_status_told
    return mask


DETECTOR = Detector("controlGearFailure", "controlGearFailure", holds, judges)
