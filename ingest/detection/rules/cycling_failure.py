"""``cyclingFailure``: goes on and off by itself: a discharge lamp at the end of its life, or a loose contact."""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.detection.rules.quiet import Kinds, Quiet, only
from ingest.detection.rules.rule import Detector
from ingest.detection.rules.window import Bool, Expected, Float32, RowLimits, Window


def holds(window: Window, _expected: Expected, limits: RowLimits) -> Bool:
    """Enough uncommanded changes within the window, seen in the power or counted by the node."""
    return window.n_changes >= limits["cycling_changes"]


def lit_powers(expected: Expected, limits: RowLimits) -> tuple[Float32, Float32]:
    """The least power of a lamp that is lit, and of one that is not dark; between them it is what it was; (n,) each."""
    is_rated = np.isfinite(expected.power_w)
    on_w = np.where(is_rated, limits["lamp_failure_clear_power"] * expected.power_w, limits["relay_failure_power"])
    off_w = np.where(is_rated, limits["lamp_failure_power"] * expected.power_w, limits["relay_failure_power"] / 3)
    return on_w, off_w


def _is_lit(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    least, _ = lit_powers(expected, limits)
    return expected.is_on & (window.power_w >= least)


def judges(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """Lit, or changing at this very moment."""
    return window.is_change | _is_lit(window, expected, limits) | holds(window, expected, limits)


def heals(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """Lit without a change; lit time adds up over nights."""
    return _is_lit(window, expected, limits) & ~window.is_change


def quiet(kinds: Kinds) -> Quiet:
    """Lit: no lamp changes between lit and dark there."""
    share = kinds.limits["lamp_failure_clear_power"] * kinds.share * kinds.high_voltage_share
    return Quiet(
        least_rated_share=only(kinds.is_on, share),
        least_unrated_w=only(kinds.is_on, kinds.limits["relay_failure_power"]),
    )


def turns(expected: Expected, limits: RowLimits) -> list[tuple[str, Float32]]:
    """Where a lamp goes from dark to lit: what is kept of it changes there, if no mask does."""
    return [("power_w", turn) for turn in lit_powers(expected, limits)]


def evidence(window: Window, _expected: Expected, row: int) -> dict[str, Any]:
    """How many changes."""
    return {"changes": int(window.n_changes[row])}


DETECTOR = Detector(
    code="cyclingFailure",
    name="cyclingFailure",
    holds=holds,
    judges=judges,
    heals=heals,
    quiet=quiet,
    samples=1,
    clear_samples=1,
    clear_seconds="cycling_clear",
    is_time_dependent=True,
    begins_with_change=True,
    turns=turns,
    evidence=evidence,
)
