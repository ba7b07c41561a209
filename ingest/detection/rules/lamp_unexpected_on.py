"""``lampUnexpectedOn``: commanded off and drawing power. The night proves nothing: it is judged while off alone."""

from __future__ import annotations

import numpy as np

from ingest.detection.rules.window import Bool, Detector, Expected, RowLimits, Window


def holds(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """P above the larger of a fixed power and a share of the rating."""
    least = np.maximum(limits["unexpected_on_power"], limits["unexpected_on_share"] * expected.rated_w)
    mask: Bool = expected.is_off & (window.power_w > least)
    return mask


def judges(window: Window, expected: Expected, _limits: RowLimits) -> Bool:
    """Off, with power and rating known."""
    mask: Bool = expected.is_off & np.isfinite(window.power_w) & np.isfinite(expected.rated_w)
    return mask


DETECTOR = Detector(
    "lampUnexpectedOn",
    "lampUnexpectedOn",
    holds,
    judges,
    seconds="unexpected_on_time",
    is_level_dependent=True,
)
