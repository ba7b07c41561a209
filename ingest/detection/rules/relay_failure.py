"""``relayFailure``: the node says its relay is open, and the lamp draws power: the contacts are welded."""

from __future__ import annotations

import numpy as np

from ingest.detection.rules.window import STATUS_RELAY_CLOSED, Bool, Detector, Expected, RowLimits, Window


def holds(window: Window, _expected: Expected, limits: RowLimits) -> Bool:
    """P above the relay rule's power (Echelon CPD 3000: 6 W) with the relay open by status."""
    is_open = (window.status & STATUS_RELAY_CLOSED) == 0
    mask: Bool = is_open & (window.power_w > limits["relay_failure_power"])
    return mask


def judges(window: Window, _expected: Expected, _limits: RowLimits) -> Bool:
    """The node has a relay bit that can be trusted, and it is open: a closed one proves nothing about its contacts."""
    is_open = (window.status & STATUS_RELAY_CLOSED) == 0
    mask: Bool = window.is_status_told & window.is_relay_told & is_open & np.isfinite(window.power_w)
    return mask


DETECTOR = Detector("relayFailure", "relayFailure", holds, judges)
