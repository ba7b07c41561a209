"""Which runs and lamps have supply, at what voltage: feeder, phases, contactor, fuses, cut cables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical.condition import UNCUT, LampFault
from firmware_sim.electrical.feeder import feeder_voltage

if TYPE_CHECKING:
    from firmware_sim.electrical.condition import Condition
    from firmware_sim.electrical.plant import Plant
    from firmware_sim.electrical.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Supply of one instant.

    Attributes:
        phase_v: float32 (n_cabinets, 3), before the contactor; 0 = dead [V].
        is_present: bool (n_cabinets,).
        is_contactor_closed: bool (n_cabinets,).
        meter_v: float32 (n_circuits,), at the circuit's meter, between contactor and fuse [V].
        run_v: float32 (n_runs,), behind the fuse [V].
        head_v: float32 (n_lamps,), voltage at the head of each lamp's run [V].
        is_live: bool (n_lamps,).
    """

    phase_v: NDArray[np.float32]
    is_present: NDArray[np.bool_]
    is_contactor_closed: NDArray[np.bool_]
    meter_v: NDArray[np.float32]
    run_v: NDArray[np.float32]
    head_v: NDArray[np.float32]
    is_live: NDArray[np.bool_]


def supply_lamps(
    plant: Plant, condition: Condition, state: State, at_us: int, contactor_closed: NDArray[np.bool_]
) -> Supply:
    """Return who has supply.

    Args:
        plant: the lamps.
        condition: causes.
        state: for the feeder's character.
        at_us: UTC microseconds.
        contactor_closed: command to each cabinet's contactor, bool (n_cabinets,).
    """
    phase_v = feeder_voltage(state.feeder, at_us, plant.cabinet_longitude) + condition.feeder_offset_v
    is_dead = condition.is_phase_dead | condition.is_supply_lost[:, None]
    phase_v = np.where(is_dead, np.float32(0.0), np.maximum(phase_v, np.float32(0.0)))
    is_present: NDArray[np.bool_] = np.any(phase_v > 0.0, axis=1)
    # without supply the coil lets go, unless the contacts are welded
    is_closed = contactor_closed & ~condition.is_contactor_stuck_open & is_present
    is_closed |= condition.is_contactor_stuck_closed
    run_v = phase_v[plant.run_cabinet, plant.run_phase]
    run_v = np.where(is_closed[plant.run_cabinet] & (run_v > 0.0), run_v, np.float32(0.0))
    run_v += condition.circuit_offset_v[plant.run_circuit] * (run_v > 0.0)
    meter_v = np.zeros(plant.n_circuits, dtype=np.float32)
    has_lamps = np.flatnonzero(plant.tap_run >= 0)
    meter_v[has_lamps] = run_v[plant.tap_run[has_lamps]]
    run_v = np.where(condition.is_fuse_blown[plant.run_circuit], np.float32(0.0), run_v)
    head_v = run_v[plant.run]
    is_live = head_v > 0.0
    if (condition.cut_after != UNCUT).any():
        is_live &= plant.rank <= condition.cut_after[plant.circuit]
    blown = np.flatnonzero(condition.flags & np.uint32(LampFault.POLE_FUSE_BLOWN))
    is_live[blown] = False
    return Supply(
        phase_v=phase_v,
        is_present=is_present,
        is_contactor_closed=is_closed,
        meter_v=meter_v,
        run_v=run_v,
        head_v=head_v,
        is_live=is_live,
    )
