"""A lamp's own power: whether it has ever fitted its register entry, and what it draws by itself.

Nothing is learned from a sample that any power rule holds on, nor from one within the switching guard or warm-up.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LampLimits
from ingest.detection.memory.own_curves import HIGHEST
from ingest.detection.rules import Expected, Window
from ingest.detection.rules.dimming_failure import follows
from ingest.lighting.expected_power import level_share
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_SAMPLES = 5  # good settled samples that tell a lamp's own power
STUCK: Final = ("suspected", "dimming")  # what the evidence of a power fault may claim
MISREGISTERED: Final = ("suspected_register_error", True)


def fits_register(window: Window, expected: Expected, limits: LampLimits) -> Bool:
    """Lit samples at a voltage within limits that draw about what the register says; bool (n,)."""
    is_fit = (window.power_w >= limits["lamp_power_low"] * expected.power_w) & (
        window.power_w <= limits["lamp_power_high"] * expected.power_w
    )
    is_fit |= np.isnan(expected.power_w) & (window.power_w > limits["relay_failure_power"])
    return expected.is_on & expected.is_voltage_ok & is_fit


def note_steps(state: LampState, lamp: Int64, window: Window, expected: Expected, is_settled: Bool) -> Int64:
    """Note which lamps draw another power since the last step of their level, and return them; int64 (m,)."""
    rows = np.flatnonzero(expected.was_wrong & is_settled)
    followed = lamp[rows[follows(window, expected)[rows]]] if len(rows) else lamp[:0]
    state.was_wrong[followed] = False
    return followed


def learn_own(  # measured columns, in the order of the rule
    fleet: Fleet,
    state: LampState,
    lamp: Int64,
    window: Window,
    expected: Expected,
    is_settled: Bool,
    limits: LampLimits,
) -> Int64:
    """Take settled samples of lamps whose own power is not known yet; returns those that prove their register right."""
    bit = state.bits.learning
    is_wanted = ((state.flags[lamp] & bit) != 0) & is_settled & fits_register(window, expected, limits)
    rows = np.flatnonzero(is_wanted)
    if not len(rows):
        return lamp[:0]
    lamps = lamp[rows]
    state.fit_samples[lamps] = np.minimum(state.fit_samples[lamps], _SAMPLES) + 1
    has_fitted = state.fit_samples[lamps] >= _SAMPLES
    state.has_fitted[lamps] |= has_fitted
    proved = lamps[has_fitted & state.is_register_suspect[lamps]]
    state.is_register_suspect[proved] = False
    is_high = expected.level[rows] > HIGHEST  # below, a driver's curve is its own
    rows, lamps = rows[is_high], lamps[is_high]
    share = level_share(fleet.technology[lamps], expected.level[rows]) * expected.voltage_share[rows]
    state.own_sum_w[lamps] += window.power_w[rows] / share
    state.own_samples[lamps] = np.minimum(state.own_samples[lamps], _SAMPLES) + 1
    done = lamps[state.own_samples[lamps] >= _SAMPLES]
    state.own_w[done] = state.own_sum_w[done] / state.own_samples[done]
    state.flags[done] &= ~bit
    return proved
