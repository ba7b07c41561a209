"""One instant of a plant: what is true, and what the meters say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Status bits of a lamp node.
RELAY_CLOSED: Final = 1
DRIVER_FAULT: Final = 2
THERMAL_DERATING: Final = 4
THERMAL_SHUTDOWN: Final = 8
RESTARTED: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One instant; lamp arrays are in the plant's order. What a silent meter would say is NaN or 0xFFFFFFFF.

    Attributes:
        at_us: UTC microseconds.
        frequency_hz: one for the whole grid.
        true_voltage_v, true_current_a, true_power_w, true_power_factor: float32 (n_lamps,), 0 without supply.
        is_live: bool (n_lamps,), has supply.
        is_lit: bool (n_lamps,), gives light.
        voltage_v, current_a, power_w, power_factor: float32 (n_lamps,), as metered.
        energy_wh: uint32 (n_lamps,).
        temperature_c: float32 (n_lamps,).
        burning_hours: uint32 (n_lamps,).
        switch_count: uint32 (n_lamps,).
        driven_level: uint8 (n_lamps,), level at which the gear runs [%].
        status: uint8 (n_lamps,), the node's bits; 0 where silent.
        is_silent: bool (n_lamps,), no answer on the bus.
        circuit_voltage_v, circuit_current_a, circuit_power_w: float32 (n_circuits,), metered before the fuse.
        circuit_energy_wh: uint32 (n_circuits,).
        is_circuit_silent: bool (n_circuits,), its meter has no supply or is dead.
        cabinet_voltage_v, cabinet_current_a, cabinet_power_w: float32 (n_cabinets, 3), before the contactor.
        cabinet_energy_wh: uint64 (n_cabinets,).
        is_cabinet_silent: bool (n_cabinets,), its meter has no supply or is dead.
        is_supply_present: bool (n_cabinets,).
        is_contactor_closed: bool (n_cabinets,), feedback contact.
        is_door_open: bool (n_cabinets,).
    """

    at_us: int
    frequency_hz: float
    true_voltage_v: NDArray[np.float32]
    true_current_a: NDArray[np.float32]
    true_power_w: NDArray[np.float32]
    true_power_factor: NDArray[np.float32]
    is_live: NDArray[np.bool_]
    is_lit: NDArray[np.bool_]
    voltage_v: NDArray[np.float32]
    current_a: NDArray[np.float32]
    power_w: NDArray[np.float32]
    power_factor: NDArray[np.float32]
    energy_wh: NDArray[np.uint32]
    temperature_c: NDArray[np.float32]
    burning_hours: NDArray[np.uint32]
    switch_count: NDArray[np.uint32]
    driven_level: NDArray[np.uint8]
    status: NDArray[np.uint8]
    is_silent: NDArray[np.bool_]
    circuit_voltage_v: NDArray[np.float32]
    circuit_current_a: NDArray[np.float32]
    circuit_power_w: NDArray[np.float32]
    circuit_energy_wh: NDArray[np.uint32]
    is_circuit_silent: NDArray[np.bool_]
    cabinet_voltage_v: NDArray[np.float32]
    cabinet_current_a: NDArray[np.float32]
    cabinet_power_w: NDArray[np.float32]
    cabinet_energy_wh: NDArray[np.uint64]
    is_cabinet_silent: NDArray[np.bool_]
    is_supply_present: NDArray[np.bool_]
    is_contactor_closed: NDArray[np.bool_]
    is_door_open: NDArray[np.bool_]
