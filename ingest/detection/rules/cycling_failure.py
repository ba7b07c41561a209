"""``cyclingFailure``: goes on and off by itself: a discharge lamp at the end of its life, or a loose contact."""

from __future__ import annotations

import numpy as np

from ingest.detection.rules.window import Bool, Detector, Expected, RowLimits, Window


def holds(window: Window, _expected: Expected, limits: RowLimits) -> Bool:
    """Enough uncommanded changes within the window, seen in the power or counted by the node."""
    return window.n_changes >= limits["cycling_changes"]


def _is_lit(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    least = np.where(
        np.isfinite(expected.power_w),
        limits["lamp_failure_clear_power"] * expected.power_w,
        limits["relay_failure_power"],
    )
    return expected.is_on & (window.power_w >= least)


def judges(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """Lit, or changing at this very moment."""
    return window.is_change | _is_lit(window, expected, limits) | holds(window, expected, limits)


def heals(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """Lit without a change; lit time adds up over nights."""
    return _is_lit(window, expected, limits) & ~window.is_change


DETECTOR = Detector(
    "cyclingFailure", "cyclingFailure", holds, judges, heals, samples=1, clear_samples=1, clear_seconds="cycling_clear"
)
