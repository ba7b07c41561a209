"""The active physical causes of each lamp, circuit and cabinet.

Owns causes only: a fault sets causes here, and every consequence (dark neighbours, silent meters, lost load)
follows from :mod:`firmware_sim.electrical.step`. Knows no fault codes and no time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from firmware_sim.electrical.plant import Plant

#: ``cut_after`` of a whole cable.
UNCUT: Final = 2**31 - 1
#: ``stuck_level`` of a driver that obeys.
OBEYS: Final = 255


class LampFault(IntFlag):
    """Physical causes on one lamp; several may hold at once."""

    DEAD = 1 << 0  # lamp burnt out or LED module open: gear stays on the mains
    DRIVER_FAULT = 1 << 1  # the gear failed and says so in the status bits
    RELAY_STUCK_CLOSED = 1 << 2  # contacts welded: burns although the relay is open by status
    RELAY_STUCK_OPEN = 1 << 3  # dark although the relay is closed by status
    FORCED_ON = 1 << 4  # photocell or by-pass: relay closed and lamp lit at any command
    CYCLING = 1 << 5  # goes out when hot and comes back: cycle_on_s, cycle_off_s
    DIMMING_STUCK = 1 << 6  # lit at stuck_level whatever the command
    CAPACITOR_FAILED = 1 << 7  # power factor falls to that of the bare choke or rectifier
    POLE_FUSE_BLOWN = 1 << 8  # lamp and its meter without supply
    METER_FROZEN = 1 << 9  # repeats its last values to the last digit
    METER_SILENT = 1 << 10  # meter or node does not answer; the lamp is well
    METER_IMPOSSIBLE = 1 << 11  # answers with values no lamp can have: impossible_kind


class Impossible(IntEnum):
    """The kinds of wrong values of a broken meter."""

    POWER = 0  # more power than voltage times current allows
    POWER_FACTOR = 1  # power factor above 1.05
    VOLTAGE = 2  # voltage above 300 V


@dataclass(slots=True, kw_only=True)
class Condition:
    """Mutable arrays of causes; a new one is a plant in perfect health.

    Attributes:
        flags: uint32 (n_lamps,), ``LampFault`` bits.
        power_scale: float32 (n_lamps,), true power / rated power of the lamp (ageing, wrong wattage).
        temperature_offset_c: float32 (n_lamps,), blocked cooling [K].
        stuck_level: uint8 (n_lamps,), level of ``DIMMING_STUCK`` [%]; 255 = 100.
        cycle_on_s: float32 (n_lamps,), lit part of a cycle [s].
        cycle_off_s: float32 (n_lamps,), dark part of a cycle [s].
        impossible_kind: uint8 (n_lamps,), ``Impossible``.
        is_fuse_blown: bool (n_circuits,).
        cut_after: int32 (n_circuits,), lamps with a higher ``Plant.rank`` are cut off; 0 = all of them.
        tap_w: float32 (n_circuits,), illegal load on the cable, behind the contactor [W].
        circuit_offset_v: float32 (n_circuits,), bad joint at the circuit's head [V].
        is_circuit_meter_silent: bool (n_circuits,).
        is_supply_lost: bool (n_cabinets,).
        is_phase_dead: bool (n_cabinets, 3).
        feeder_offset_v: float32 (n_cabinets, 3), brown-out or overvoltage [V].
        is_contactor_stuck_open: bool (n_cabinets,).
        is_contactor_stuck_closed: bool (n_cabinets,).
        cabinet_tap_w: float32 (n_cabinets,), illegal load before the contactor, day and night, on phase R [W].
        is_cabinet_meter_silent: bool (n_cabinets,).
        is_door_open: bool (n_cabinets,).
    """

    flags: NDArray[np.uint32]
    power_scale: NDArray[np.float32]
    temperature_offset_c: NDArray[np.float32]
    stuck_level: NDArray[np.uint8]
    cycle_on_s: NDArray[np.float32]
    cycle_off_s: NDArray[np.float32]
    impossible_kind: NDArray[np.uint8]
    is_fuse_blown: NDArray[np.bool_]
    cut_after: NDArray[np.int32]
    tap_w: NDArray[np.float32]
    circuit_offset_v: NDArray[np.float32]
    is_circuit_meter_silent: NDArray[np.bool_]
    is_supply_lost: NDArray[np.bool_]
    is_phase_dead: NDArray[np.bool_]
    feeder_offset_v: NDArray[np.float32]
    is_contactor_stuck_open: NDArray[np.bool_]
    is_contactor_stuck_closed: NDArray[np.bool_]
    cabinet_tap_w: NDArray[np.float32]
    is_cabinet_meter_silent: NDArray[np.bool_]
    is_door_open: NDArray[np.bool_]

    def set_fault(self, lamps: int | NDArray[np.int64], fault: LampFault) -> None:
        """Make a cause hold on some lamps."""
        self.flags[lamps] |= np.uint32(fault)

    def clear_fault(self, lamps: int | NDArray[np.int64], fault: LampFault) -> None:
        """Take a cause away from some lamps."""
        self.flags[lamps] &= np.uint32(~int(fault) & 0xFFFFFFFF)


def healthy(plant: Plant) -> Condition:
    """Return the condition of a plant in perfect health."""
    lamps, circuits, cabinets = plant.n_lamps, plant.n_circuits, plant.n_cabinets
    return Condition(
        flags=np.zeros(lamps, np.uint32),
        power_scale=np.ones(lamps, np.float32),
        temperature_offset_c=np.zeros(lamps, np.float32),
        stuck_level=np.full(lamps, OBEYS, np.uint8),
        cycle_on_s=np.full(lamps, 600.0, np.float32),
        cycle_off_s=np.full(lamps, 180.0, np.float32),
        impossible_kind=np.zeros(lamps, np.uint8),
        is_fuse_blown=np.zeros(circuits, np.bool_),
        cut_after=np.full(circuits, UNCUT, np.int32),
        tap_w=np.zeros(circuits, np.float32),
        circuit_offset_v=np.zeros(circuits, np.float32),
        is_circuit_meter_silent=np.zeros(circuits, np.bool_),
        is_supply_lost=np.zeros(cabinets, np.bool_),
        is_phase_dead=np.zeros((cabinets, 3), np.bool_),
        feeder_offset_v=np.zeros((cabinets, 3), np.float32),
        is_contactor_stuck_open=np.zeros(cabinets, np.bool_),
        is_contactor_stuck_closed=np.zeros(cabinets, np.bool_),
        cabinet_tap_w=np.zeros(cabinets, np.float32),
        is_cabinet_meter_silent=np.zeros(cabinets, np.bool_),
        is_door_open=np.zeros(cabinets, np.bool_),
    )
