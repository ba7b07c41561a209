"""The live picture's columns, drawn from the state in register order."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.cabinet_context import CabinetContext
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.outage.balance import Balance
from ingest.model.fleet import Fleet
from ingest.schema.live import COLUMNS, STATE_DARK, STATE_LIT, STATE_OFF, STATE_UNKNOWN

_LIT_SHARE = 0.2  # of the expected power: from here on people call it lit
_LIT_W = 6.0  # where nothing is expected


def draw(fleet: Fleet, state: LampState, context: CabinetContext, balance: Balance) -> dict[str, npt.NDArray[Any]]:
    """Every column of ``ingest.schema.live.COLUMNS``, (L,) each."""
    n = fleet.n_lamps
    is_good = state.quality == 0
    is_good &= state.is_listed
    expected = balance.expected_w(np.arange(n)).astype(np.float32)
    power = np.abs(state.power_w)  # current terminals the wrong way round: the lamp burns all the same
    is_lit = np.where(np.isfinite(expected) & (expected > 0), power >= _LIT_SHARE * expected, power >= _LIT_W)
    is_on = (state.level > 0) & (state.level <= 100)
    shown = np.where(is_lit, STATE_LIT, np.where(is_on, STATE_DARK, STATE_OFF))
    shown = np.where(is_good & np.isfinite(power), shown, STATE_UNKNOWN)
    at_us = np.zeros(n, np.int64)
    has_controller = fleet.lamp_controller >= 0
    at_us[has_controller] = context.at_s[fleet.lamp_controller[has_controller]] * 1_000_000
    at_us[~state.is_listed] = 0
    columns: dict[str, npt.NDArray[Any]] = {
        "state": shown,
        "at_us": at_us,
        "expected_power_w": expected,
        "level": state.level,
        "quality": state.quality,
        "status": state.status,
    }
    for name in ("power_w", "voltage_v", "current_a", "power_factor", "temperature_c"):
        columns[name] = np.where(is_good, getattr(state, name), np.nan)
    order = np.empty(n, np.int64)
    order[fleet.register_row] = np.arange(n)
    return {name: columns[name][order].astype(dtype) for name, dtype in COLUMNS.items()}
