"""A lamp's own power: whether it has ever fitted its register entry, what it draws by itself, and its quiet band.

Nothing is learned from a sample that any power rule holds on, nor from one within the switching guard or warm-up.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.detectors import Expected, Window
from ingest.detectors.power_factor import least_power_factor
from ingest.expected import IS_DISCHARGE, level_share, voltage_share
from ingest.fleet import Fleet
from ingest.judgement.lamp_state import LEARNING_BIT, LampState
from ingest.judgement.limit_table import LampLimits, LimitTable
from ingest.judgement.sample import Electric, rated_power

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_SAMPLES = 5  # good settled samples that tell a lamp's own power
_HIGH_LEVEL = 80  # learned above this level alone: the dim curve of a driver is its own


def fits_register(window: Window, expected: Expected, limits: LampLimits) -> Bool:
    """Lit samples at a voltage within limits that draw about what the register says; bool (n,)."""
    is_fit = (window.power_w >= limits["lamp_power_low"] * expected.power_w) & (
        window.power_w <= limits["lamp_power_high"] * expected.power_w
    )
    is_fit |= np.isnan(expected.power_w) & (window.power_w > limits["relay_failure_power"])
    return expected.is_on & expected.is_voltage_ok & is_fit


def learn_own(  # measured columns, in the order of the rule
    fleet: Fleet,
    state: LampState,
    lamp: Int64,
    window: Window,
    expected: Expected,
    is_settled: Bool,
    limits: LampLimits,
) -> None:
    """Take settled samples of lamps whose own power is not known yet."""
    bit = np.uint32(1 << LEARNING_BIT)
    is_wanted = ((state.flags[lamp] & bit) != 0) & is_settled & fits_register(window, expected, limits)
    rows = np.flatnonzero(is_wanted)
    if not len(rows):
        return
    lamps = lamp[rows]
    state.fit_samples[lamps] = np.minimum(state.fit_samples[lamps], _SAMPLES) + 1
    has_fitted = state.fit_samples[lamps] >= _SAMPLES
    state.has_fitted[lamps] |= has_fitted
    state.is_register_suspect[lamps] &= ~has_fitted
    is_high = expected.level[rows] > _HIGH_LEVEL
    rows, lamps = rows[is_high], lamps[is_high]
    share = level_share(fleet.technology[lamps], expected.level[rows]) * expected.voltage_share[rows]
    state.own_sum_w[lamps] += window.power_w[rows] / share
    state.own_samples[lamps] = np.minimum(state.own_samples[lamps], _SAMPLES) + 1
    done = lamps[state.own_samples[lamps] >= _SAMPLES]
    state.own_w[done] = state.own_sum_w[done] / state.own_samples[done]
    state.flags[done] &= ~bit


def set_bands(  # measured columns, in the order of the rule
    fleet: Fleet, state: LampState, electric: Electric, table: LimitTable, lamp: Int64, level: npt.NDArray[np.uint8]
) -> None:
    """The power band in which no lamp rule can hold at these levels, whatever the voltage within limits."""
    technology = fleet.technology[lamp]
    limits = table.of(technology)
    rated, exponent = rated_power(fleet, state, lamp), electric.exponent[lamp]
    n = len(lamp)
    at_low = voltage_share(np.full(n, electric.low_v, np.float32), exponent, electric.nominal_v)
    at_high = voltage_share(np.full(n, electric.high_v, np.float32), exponent, electric.nominal_v)
    share = level_share(technology, level)
    expected = rated * share
    least = np.maximum(limits["lamp_power_low"], limits["lamp_failure_clear_power"]) * expected * at_high
    most = limits["lamp_power_high"] * expected * at_low
    own = state.own_w[lamp]
    full = np.where(np.isnan(own), rated, own)
    is_dimming = fleet.is_dimmable[lamp] & ~IS_DISCHARGE[technology]
    is_low = level <= table.scalar("dimming_level")
    own_level = full * share
    midway = (own_level + full) / 2
    most = np.where(is_dimming & is_low & (level > 0), np.fmin(most, midway), most)
    for dim in electric.dim_levels.tolist():
        between = (full * level_share(technology, np.full(n, dim, np.uint8)) + own_level) / 2
        least = np.where(is_dimming & ~is_low & (between < own_level), np.fmax(least, between), least)
    least = np.where(is_dimming & (exponent != 0), np.inf, least)  # its bands would move with the voltage
    is_unrated = np.isnan(rated)
    least = np.where(is_unrated, np.fmax(least, limits["relay_failure_power"]), least)
    most = np.where(is_unrated & np.isnan(most), np.inf, most)
    off_w = min(table.scalar("unexpected_on_power"), table.scalar("relay_failure_power"))
    state.low_w[lamp] = np.where(level > 0, least, -1.0)
    state.high_w[lamp] = np.where(level > 0, most, off_w)
    pf = least_power_factor(level.astype(np.float32), limits)
    state.least_pf[lamp] = np.where(level > 0, pf, -np.inf)
