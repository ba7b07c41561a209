"""``relayFailure``: the node says its relay is open, and the lamp draws power: the contacts are welded."""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.detection.rules.quiet import Kinds, Quiet, only
from ingest.detection.rules.rule import Detector
from ingest.detection.rules.window import STATUS_RELAY_CLOSED, Bool, Expected, RowLimits, Window


def holds(window: Window, _expected: Expected, limits: RowLimits) -> Bool:
    """P above the relay rule's power (Echelon CPD 3000: 6 W) with the relay open by status."""
    is_open = (window.status & STATUS_RELAY_CLOSED) == 0
    mask: Bool = is_open & (window.power_w > limits["relay_failure_power"])
    return mask


def judges(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """The node has a relay bit that can be trusted; a closed one of a lamp that does not burn proves nothing."""
    is_open = (window.status & STATUS_RELAY_CLOSED) == 0
    mask: Bool = window.is_status_reported & window.is_relay_reported & np.isfinite(window.power_w)
    mask &= is_open | _burns_as_commanded(window, expected, limits)
    return mask


def _burns_as_commanded(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """The relay is closed by status, and the lamp on."""
    is_closed = (window.status & STATUS_RELAY_CLOSED) != 0
    mask: Bool = is_closed & expected.is_on & (window.power_w > limits["relay_failure_power"])
    return mask


def quiet(kinds: Kinds) -> Quiet:
    """Off, and below the rule's power; of a lamp that is on, see ``attends``."""
    return Quiet(most_w=only(~kinds.is_on, kinds.limits["relay_failure_power"]))


def attends(window: Window, expected: Expected) -> Bool:
    """An open relay of a lamp that is on."""
    mask: Bool = window.is_status_reported & ((window.status & STATUS_RELAY_CLOSED) == 0) & (expected.level > 0)
    return mask


def evidence(window: Window, _expected: Expected, row: int) -> dict[str, Any]:
    """The status bits."""
    return {"status": int(window.status[row])}


DETECTOR = Detector(
    code="relayFailure",
    name="relayFailure",
    holds=holds,
    judges=judges,
    quiet=quiet,
    attends=attends,
    evidence=evidence,
)
