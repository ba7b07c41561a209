"""The live picture's columns, drawn from the state in register order."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.cabinet_context import CabinetContext
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.outage.balance import Balance
from ingest.model.fleet import Fleet
from ingest.schema.live import (
    COLUMNS,
    DUE_LIT,
    DUE_OFF,
    DUE_UNKNOWN,
    STATE_DARK,
    STATE_LIT,
    STATE_OFF,
    STATE_UNKNOWN,
)

_LIT_SHARE = 0.2  # of the expected power: from here on people call it lit
_LIT_W = 6.0  # where nothing is expected
_LEVEL_KEPT_S = 1800  # what an agent reported stands for so long after its newest record, then the schedule counts


def draw(
    fleet: Fleet, state: LampState, context: CabinetContext, balance: Balance, now_us: int
) -> dict[str, npt.NDArray[Any]]:
    """Every column of ``ingest.schema.live.COLUMNS``, (L,) each; ``now_us`` is detection's present time."""
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
        "due": _due(fleet, state, context, now_us),
    }
    for name in ("power_w", "voltage_v", "current_a", "power_factor", "temperature_c"):
        columns[name] = np.where(is_good, getattr(state, name), np.nan)
    order = np.empty(n, np.int64)
    order[fleet.register_row] = np.arange(n)
    return {name: columns[name][order].astype(dtype) for name, dtype in COLUMNS.items()}


def _due(fleet: Fleet, state: LampState, context: CabinetContext, now_us: int) -> npt.NDArray[np.uint8]:
    """Whether each lamp should be lit, uint8 (L,) DUE_…; unknown where no cabinet feeds it, and before any data."""
    due = np.full(fleet.n_lamps, DUE_UNKNOWN, np.uint8)
    now_us = max(now_us, int(context.at_s.max(initial=0)) * 1_000_000)
    if not now_us:
        return due
    has_cabinet = fleet.lamp_cabinet >= 0
    due[has_cabinet] = np.where(context.scheduled_levels(now_us) > 0, DUE_LIT, DUE_OFF)[fleet.lamp_cabinet[has_cabinet]]
    has_controller = fleet.lamp_controller >= 0
    is_recent = np.zeros(fleet.n_lamps, np.bool_)
    is_heard = (context.at_s > 0) & (context.at_s >= now_us // 1_000_000 - _LEVEL_KEPT_S)  # by controller
    is_recent[has_controller] = is_heard[fleet.lamp_controller[has_controller]]
    is_reported = is_recent & state.is_listed & (state.level <= 100)
    due[is_reported] = np.where(state.level[is_reported] > 0, DUE_LIT, DUE_OFF)
    return due
