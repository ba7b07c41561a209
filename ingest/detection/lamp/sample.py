"""From rows of a sweep to what the detectors look at: the commanded level, the expected power, the guards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.suspects import Suspects
from ingest.detection.memory.sweep import Sweep
from ingest.detection.rules.window import STATUS_RELAY_CLOSED, Expected, Window
from ingest.lighting.expected_power import IS_DISCHARGE, level_share, voltage_share
from ingest.model.batch import LEVEL_UNKNOWN
from ingest.model.fleet import SWITCHING_LAMP, Fleet

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

COLDEST_C = -60  # of a luminaire
_LEVEL_KEPT_S = 1800  # a record without levels leaves the last ones standing for this long, without a verdict


@dataclass(frozen=True, slots=True)
class Levels:
    """Commanded levels of n rows: uint8 (n,).

    Attributes:
        is_reported: false where this sample says nothing of it.
        is_guessed: bool (n,) its agent cannot tell; it is the contactor's or the schedule's.
    """

    level: UInt8
    is_reported: Bool
    is_guessed: Bool


def take_levels(  # measured columns, in the order of the rule
    sweep: Sweep, suspects: Suspects, record: Int64, fleet: Fleet, state: LampState, reported_s: Int64, guard_s: int
) -> Levels:
    """Find each row's commanded level, note switchings in the state, and return the levels.

    ``record`` int64 (n,) of each row; ``reported_s`` int64 (R,): when the record's controller last reported any level.
    """
    row, lamp = suspects.row, suspects.lamp
    at_s = sweep.at_s[record]
    raw = sweep.batch.level[row]
    is_raw = raw != LEVEL_UNKNOWN
    fallback = sweep.fallback_level[record]
    fallback = np.where(fleet.is_dimmable[lamp], fallback, np.where(fallback > 0, 100, 0)).astype(np.uint8)
    before = state.level[lamp]
    is_kept = ~is_raw & (state.level_reported[lamp] != LEVEL_UNKNOWN) & (at_s - reported_s[record] < _LEVEL_KEPT_S)
    # a switching overtakes it: no lamp of a cabinet that was switched off answers; clocks differ by the guard
    is_kept &= (
        ((fallback > 0) == (before > 0))
        | (sweep.level_low[record] != LEVEL_UNKNOWN)
        | (reported_s[record] - sweep.step_s[record] >= guard_s)
    )
    level = np.where(is_raw, np.minimum(raw, 100), np.where(is_kept, before, fallback)).astype(np.uint8)

    is_first = before == LEVEL_UNKNOWN
    is_changed = (level != before) & ~is_first
    is_scheduled = is_first & (level == fallback)
    is_missed = sweep.has_missed_step[record] & ~is_first  # the level may have changed there and back while away
    was_settled = at_s - sweep.dt_s[record] - state.switched_s[lamp].astype(np.int64) >= guard_s
    is_by_schedule = is_scheduled | (is_missed & (~is_changed | (level == fallback)))
    since_s = np.where(is_by_schedule, sweep.step_s[record], np.where(is_changed, at_s, 0))
    changed = np.flatnonzero(is_changed | is_by_schedule)
    state.switched_s[lamp[changed]] = since_s[changed]
    turned_on = changed[(level[changed] > 0) & ((before[changed] == 0) | is_first[changed])]
    state.lit_from_s[lamp[turned_on]] = since_s[turned_on]
    state.commanded_on[lamp[turned_on]] = np.minimum(state.commanded_on[lamp[turned_on]], 254) + 1
    stepped = np.flatnonzero(is_changed & (before > 0) & was_settled & np.isfinite(suspects.before_w))
    state.before_w[lamp[stepped]] = suspects.before_w[stepped]
    state.before_level[lamp[stepped]] = before[stepped]
    state.was_wrong[lamp[stepped]] = (state.flags[lamp[stepped]] & state.wrong_bits) != 0
    state.level[lamp] = level
    state.level_reported[lamp[is_raw]] = level[is_raw]
    return Levels(level, ~is_kept, ~is_raw & ~is_kept)


@dataclass(frozen=True, slots=True)
class Electric:
    """Fixed electrical facts of the lamps and the city: exponent k float32 (L,), scheduled dim levels uint8 (D,)."""

    exponent: Float32
    nominal_v: float
    low_v: float
    high_v: float
    dim_levels: UInt8

    @classmethod
    def of(cls, fleet: Fleet, table: LimitTable, dim_levels: npt.NDArray[np.float64]) -> Electric:
        """Read them from the fleet and the limits."""
        exponent = table.by_technology("ballast_exponent")[fleet.technology]
        return cls(
            exponent,
            table.scalar("nominal_voltage"),
            table.scalar("supply_voltage_low"),
            table.scalar("supply_voltage_high"),
            dim_levels.astype(np.uint8),
        )


def rated_power(fleet: Fleet, state: LampState, lamp: slice | Int64) -> Float32:
    """What the lamp draws at 100 % and nominal voltage: learned, else as rated; float32 (n,), NaN unknown."""
    learned = state.baseline_w[lamp]
    rated: Float32 = np.where(np.isnan(learned), fleet.rated_power_w[lamp], learned)
    return rated


def expect(  # measured columns, in the order of the rule
    fleet: Fleet, state: LampState, electric: Electric, lamp: Int64, levels: Levels, voltage_v: Float32
) -> Expected:
    """What n lamps should do at their levels and voltages."""
    level, technology = levels.level, fleet.technology[lamp]
    rated = rated_power(fleet, state, lamp)
    exponent = electric.exponent[lamp]
    at_voltage = voltage_share(voltage_v, exponent, electric.nominal_v)
    at_level = level_share(technology, level) * state.curves.factor(lamp, level)
    own = state.own_w[lamp]
    is_own_known = np.isfinite(own)
    full = np.where(is_own_known, own, rated) * at_voltage
    steps = electric.dim_levels[:, None].repeat(len(lamp), axis=1)
    dims = full * level_share(technology[None], steps)
    for i, step in enumerate(steps):
        dims[i] *= state.curves.factor(lamp, step)
    is_v_out = (voltage_v < electric.low_v) | (voltage_v > electric.high_v)
    return Expected(
        is_on=levels.is_reported & (level > 0),
        is_off=levels.is_reported & (level == 0),
        level=level,
        power_w=rated * at_level * at_voltage,
        rated_w=rated,
        is_voltage_ok=~is_v_out,
        voltage_share=at_voltage,
        own_level_w=full * at_level,
        own_full_w=full,
        is_own_known=is_own_known,
        before_w=state.before_w[lamp],
        was_wrong=state.was_wrong[lamp],
        step_share=_step_share(at_level, technology, lamp, state),
        own_dim_w=dims,
        is_dimming=fleet.is_dimmable[lamp] & ~IS_DISCHARGE[technology],
    )


def _step_share(at_level: Float32, technology: UInt8, lamp: Int64, state: LampState) -> Float32:
    """Power at a level over that at the level before; NaN where there was none."""
    before_level = state.before_level[lamp]
    at_before = level_share(technology, np.minimum(before_level, 100)) * state.curves.factor(lamp, before_level)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = at_level / at_before
    result: Float32 = np.where(before_level == LEVEL_UNKNOWN, np.float32(np.nan), share).astype(np.float32)
    return result


def is_unsupplied(sweep: Sweep, record: Int64, fleet: Fleet, is_dead: Bool) -> Bool:
    """Samples of nodes with a supply of their own while that of their lamp is gone; bool (n,).

    They prove nothing of the lamp, which is dark whatever it is commanded. An open contactor is none. ``is_dead``
    bool (n,): samples without voltage; ``record`` int64 (n,) of each.
    """
    if not is_dead.any():
        return is_dead
    is_gone = sweep.is_supply_gone | sweep.has_dead_phase | (sweep.batch.is_contactor_closed == 1)
    is_gone |= fleet.cabinet_switching[fleet.home_cabinet[sweep.controller]] == SWITCHING_LAMP
    unsupplied: Bool = is_dead & is_gone[record]
    return unsupplied


def is_temperature(temperature_c: Float32) -> Bool:
    """What a luminaire can have, hot or cold; bool (n,)."""
    known: Bool = (temperature_c > COLDEST_C) & (temperature_c < 200)
    return known


def look(  # measured columns, in the order of the rule
    sweep: Sweep,
    row: Int64,
    record: Int64,
    lamp: Int64,
    state: LampState,
    levels: Levels,
    is_frozen: Bool,
    is_comparable: Bool,
) -> Window:
    """The good samples of n rows; what was seen for the first time (status, temperature) is noted in the state."""
    batch = sweep.batch
    status, temperature = batch.status[row], batch.temperature_c[row].copy()
    temperature[~is_temperature(temperature)] = np.nan
    state.is_status_reported[lamp[status != 0]] = True
    state.has_temperature[lamp[np.isfinite(temperature)]] = True
    power, voltage, current = batch.power_w[row], batch.voltage_v[row], batch.current_a[row]
    is_relay_reported = sweep.is_relay_reported(record)
    return Window(
        voltage_v=voltage,
        current_a=current,
        power_w=power,
        power_factor=batch.power_factor[row],
        temperature_c=temperature,
        status=status,
        is_status_reported=state.is_status_reported[lamp],
        is_relay_reported=is_relay_reported | (levels.level == 0) | ((status & STATUS_RELAY_CLOSED) != 0),
        has_temperature=state.has_temperature[lamp],
        switch_count=batch.switch_count[row],
        is_frozen=is_frozen,
        is_comparable=is_comparable,
        is_change=np.zeros(len(row), np.bool_),
        n_changes=np.zeros(len(row), np.uint8),
    )
