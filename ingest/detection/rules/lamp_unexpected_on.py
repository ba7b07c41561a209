"""``lampUnexpectedOn``: commanded off and drawing power. Commanded on it is no more, whatever the next day brings."""

from __future__ import annotations

import numpy as np

from ingest.detection.rules.quiet import Kinds, Quiet, only
from ingest.detection.rules.rule import Cause, Circumstances, Detector, Proof
from ingest.detection.rules.window import Bool, Expected, RowLimits, Window


def holds(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """P above the larger of a fixed power and a share of the rating."""
    least = np.maximum(limits["unexpected_on_power"], limits["unexpected_on_share"] * expected.rated_w)
    mask: Bool = expected.is_off & (window.power_w > least)
    return mask


def judges(window: Window, expected: Expected, _limits: RowLimits) -> Bool:
    """Off or on, with power and rating known."""
    mask: Bool = (expected.is_off | expected.is_on) & np.isfinite(window.power_w) & np.isfinite(expected.rated_w)
    return mask


def quiet(kinds: Kinds) -> Quiet:
    """Off, and below the fixed power."""
    return Quiet(most_w=only(~kinds.is_on, kinds.limits["unexpected_on_power"]))


def waits(_window: Window, _expected: Expected, beside: Circumstances) -> Bool:
    """It is the contactor's fault, if the contactor's own run ends so, or photocells burn in dark weather."""
    mask: Bool = beside.is_contactor_suspect | beside.is_weather_dark
    return mask


DETECTOR = Detector(
    code="lampUnexpectedOn",
    name="lampUnexpectedOn",
    holds=holds,
    judges=judges,
    quiet=quiet,
    seconds="unexpected_on_time",
    is_level_dependent=True,
    explained_by=(Cause("relayFailure"),),
    waits=waits,
    proof=Proof.OFF,
)
