"""``dimmingFailure``: the lamp does not follow its commanded level: it draws the same power at two of them.

A lamp with half its modules dead draws what belongs to some other level too, but goes on following: its power scales
with every step, and so does that of one whose ballast is shorted. So a power that fits another level is only suspected
(``suspects_dimming``) before a step was seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.detection.rules.quiet import Kinds, Quiet, only
from ingest.detection.rules.rule import Cause, Circumstances, Detector, Evidence
from ingest.detection.rules.window import Bool, Expected, Float32, RowLimits, Window, number

_APART = 0.12  # levels whose powers differ by less of the earlier one's cannot be told from each other
_SAME = 0.025  # of the earlier power, a meter's noise: this near to it the power is the same
_NEAR = 0.06  # the same once it is known to be stuck, to tell that it still is
_RESOLUTION_W = 0.5  # but never less than what meters that show whole watts can tell
_SAME_LEVEL = 0.10  # the same where the levels are not apart: to tell that it is stuck no more
_FOLLOWED = 0.25  # and no more than this share of the change that the step should have made
_OFF = 0.08  # of the power at this level: nearer to it than that, the lamp is not known to be wrong
_FITS = 0.04  # of full power: this near to another level's power
_FOLLOWS = (0.75, 1.30)  # of the power at this level: a lamp that is mended draws between them


def _tolerance(expected: Expected, same: float) -> tuple[Float32, Bool]:
    """What the same power may differ by [W], and whether the step since is large enough to tell; (n,) each.

    ``same``: what it may differ by where the step is large enough, of the earlier power.
    """
    change = np.abs(expected.step_share - 1)
    is_apart = change > _APART
    share = np.where(is_apart, np.minimum(same, _FOLLOWED * change), _SAME_LEVEL).astype(np.float32)
    tolerance: Float32 = np.maximum(share * expected.before_w, np.float32(_RESOLUTION_W))
    return tolerance, is_apart


def _is_off(window: Window, expected: Expected) -> Bool:
    off: Bool = np.abs(window.power_w - expected.own_level_w) > _OFF * expected.own_level_w
    return off


def follows(window: Window, expected: Expected) -> Bool:
    """Lamps that draw another power than before the last step, which should have changed it; bool (n,)."""
    tolerance, is_apart = _tolerance(expected, _NEAR)
    has_moved: Bool = expected.is_on & is_apart & (np.abs(window.power_w - expected.before_w) > tolerance)
    return has_moved


def _is_same(window: Window, expected: Expected) -> Bool:
    """As before the last step, which should have changed it."""
    tolerance, is_apart = _tolerance(expected, _SAME)
    same: Bool = is_apart & (np.abs(window.power_w - expected.before_w) <= tolerance)
    return same


def _is_alight(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    alight: Bool = window.power_w >= limits["lamp_failure_power"] * expected.own_level_w
    return alight & expected.is_on & expected.is_dimming


def holds(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """The same power at two commanded levels, of which it does not belong to this one, or did not to the one before.

    A step down proves it at ``dimming_level`` or below only: some drivers dim little near full light.
    """
    is_proof = (expected.level <= limits["dimming_level"]) | (expected.step_share > 1)
    is_stuck = _is_same(window, expected) & is_proof
    return _is_alight(window, expected, limits) & is_stuck & (_is_off(window, expected) | expected.was_wrong)


def judges(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """Alight, able to dim, at a voltage within limits; at a level that its stuck power fits, nothing is proved."""
    is_judged = _is_alight(window, expected, limits) & expected.is_voltage_ok
    return is_judged & (holds(window, expected, limits) | ~_is_same(window, expected))


def heals(window: Window, expected: Expected, limits: RowLimits) -> Bool:
    """Draws another power than it was stuck at, and one that belongs to the level or has scaled with the step."""
    tolerance, is_apart = _tolerance(expected, _NEAR)
    has_moved = np.where(
        np.isnan(expected.before_w), ~_is_off(window, expected), np.abs(window.power_w - expected.before_w) > tolerance
    )
    least, most = (share * expected.own_level_w for share in _FOLLOWS)
    fits = (window.power_w >= least) & (window.power_w <= most)
    scaled_w = expected.before_w * expected.step_share
    scales = is_apart & (np.abs(window.power_w - scaled_w) <= _NEAR * scaled_w)
    return has_moved & (fits | scales) & ~holds(window, expected, limits)


def suspects_dimming(window: Window, expected: Expected) -> Bool:
    """Lamps whose power does not belong to the commanded level, but to 100 % or a scheduled one; bool (n,)."""
    others = np.concatenate([expected.own_dim_w, expected.own_full_w[None]])
    is_apart = np.abs(others - expected.own_level_w) > _APART * expected.own_level_w
    is_near = np.abs(window.power_w - others) <= _FITS * expected.own_full_w
    suspected: Bool = expected.is_dimming & _is_off(window, expected) & (is_apart & is_near).any(axis=0)
    return suspected


def quiet(kinds: Kinds) -> Quiet:
    """Near what it draws at this level."""
    is_judged = kinds.is_on & kinds.is_dimming
    return Quiet(
        least_own_share=only(is_judged, kinds.share * np.float32(1 - _OFF)),
        most_own_share=only(is_judged, kinds.share * np.float32(1 + _OFF)),
        is_never=is_judged & kinds.follows_voltage,  # what it draws at this level moves with the voltage
    )


def waits(window: Window, expected: Expected, beside: Circumstances) -> Bool:
    """Where the register may be wrong, a power that fits no level proves nothing."""
    return beside.is_register_suspect & ~suspects_dimming(window, expected)


def turns(expected: Expected, _limits: RowLimits) -> list[tuple[str, Float32]]:
    """The ends of the band around the earlier power, and what may cut it."""
    ends = []
    for same in (_SAME, _NEAR):
        tolerance, _ = _tolerance(expected, same)
        ends += [expected.before_w - tolerance, expected.before_w + tolerance]
    ends += [expected.own_level_w * np.float32(share) for share in (1 - _OFF, 1 + _OFF, *_FOLLOWS)]
    ends += [expected.before_w * expected.step_share * np.float32(share) for share in (1 - _NEAR, 1 + _NEAR)]
    return [("power_w", np.where(expected.is_dimming, end, np.float32(np.nan))) for end in ends]


def evidence(_window: Window, expected: Expected, row: int) -> dict[str, Any]:
    """The lamp's own power at this level and at 100 %, and what it drew before the last step."""
    return {
        "expected_power_w": number(expected.own_level_w[row]),
        "expected_power_at_100_w": number(expected.own_full_w[row]),
        "power_before_step_w": number(expected.before_w[row]),
    }


def is_register_error(evidence: Evidence) -> bool:
    """A power fault put down to the register alone, which no other level would explain."""
    return bool(evidence.get("suspected_register_error")) and evidence.get("suspected") != "dimming"


def _by_register(power_evidence: Evidence, _evidence: Evidence) -> bool:
    """A register error hides dimming; a plain power fault does not explain it."""
    return is_register_error(power_evidence)


DETECTOR = Detector(
    code="dimmingFailure",
    name="dimmingFailure",
    holds=holds,
    judges=judges,
    heals=heals,
    quiet=quiet,
    samples="dimming_samples",
    clear_samples="dimming_samples",
    is_level_dependent=True,
    turns=turns,
    explained_by=(
        Cause("supplyVoltageTooLow"),
        Cause("supplyVoltageTooHigh"),
        Cause("communicationFailure"),
        Cause("lampFailure"),
        Cause("lampPowerTooLow", hides=False, explains=_by_register),
        Cause("lampPowerTooHigh", hides=False, explains=_by_register),
    ),
    waits=waits,
    evidence=evidence,
)
