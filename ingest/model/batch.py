"""A micro-batch: decoded records as columns, between intake, detection and the telemetry stores.

Pure data; knows nothing of MQTT, of files or of faults. Rows of all records stand one after another; ``lamp_start`` and
``circuit_start`` say where each record's rows begin. Among the live records of one batch a controller stands at most
once, so that a batch is one sample for each of its lamps. What a record did not carry is filled with its unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

CONTACT_UNKNOWN: Final = -1
UNKNOWN_UINT32: Final = 0xFFFFFFFF
UNKNOWN_UINT64: Final = 0xFFFFFFFFFFFFFFFF
LEVEL_UNKNOWN: Final = 255


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one micro-batch; R records, N lamp rows, M circuit rows. Indices are those of the fleet.

    Attributes:
        controller: int32 (R,).
        at_us: int64 (R,) UTC microseconds, the sweep's end.
        is_historical: bool (R,).
        is_clock_synchronised: bool (R,).
        interval_s: uint32 (R,) the agent's present sweep interval, 0 = not told.
        epoch: uint64 (R,).
        sequence: uint64 (R,).
        lamp_start: int64 (R + 1,).
        first_lamp: int32 (R,): a record's lamps are this one and those after it, in order; -1 = they are not.
        lamp: int32 (N,), -1 for an id that the register does not hold (kept in telemetry, judged nowhere).
        voltage_v: float32 (N,), NaN unknown; so current_a, power_w, power_factor, temperature_c.
        energy_wh: uint32 (N,), 0xFFFFFFFF unknown; so burning_hours, switch_count.
        level: uint8 (N,) commanded %, 255 unknown.
        status: uint8 (N,) status bits.
        quality: uint8 (N,).
        circuit_start: int64 (R + 1,).
        circuit: int32 (M,), -1 for one that the register does not hold.
        circuit_voltage_v: float32 (M,); so circuit_current_a, circuit_power_w.
        circuit_energy_wh: uint32 (M,).
        cabinet_voltage_v: float32 (R, 3) phases R, S, T; so cabinet_current_a, cabinet_power_w.
        cabinet_energy_wh: uint64 (R,), all ones unknown.
        is_door_open: int8 (R,) 0, 1 or -1 unknown; so is_contactor_closed, is_supply_present.
        has_cabinet: bool (R,) the record carried any cabinet quantity.
    """

    controller: npt.NDArray[np.int32]
    at_us: npt.NDArray[np.int64]
    is_historical: npt.NDArray[np.bool_]
    is_clock_synchronised: npt.NDArray[np.bool_]
    interval_s: npt.NDArray[np.uint32]
    epoch: npt.NDArray[np.uint64]
    sequence: npt.NDArray[np.uint64]

    lamp_start: npt.NDArray[np.int64]
    first_lamp: npt.NDArray[np.int32]
    lamp: npt.NDArray[np.int32]
    voltage_v: npt.NDArray[np.float32]
    current_a: npt.NDArray[np.float32]
    power_w: npt.NDArray[np.float32]
    power_factor: npt.NDArray[np.float32]
    temperature_c: npt.NDArray[np.float32]
    energy_wh: npt.NDArray[np.uint32]
    burning_hours: npt.NDArray[np.uint32]
    switch_count: npt.NDArray[np.uint32]
    level: npt.NDArray[np.uint8]
    status: npt.NDArray[np.uint8]
    quality: npt.NDArray[np.uint8]

    circuit_start: npt.NDArray[np.int64]
    circuit: npt.NDArray[np.int32]
    circuit_voltage_v: npt.NDArray[np.float32]
    circuit_current_a: npt.NDArray[np.float32]
    circuit_power_w: npt.NDArray[np.float32]
    circuit_energy_wh: npt.NDArray[np.uint32]

    cabinet_voltage_v: npt.NDArray[np.float32]
    cabinet_current_a: npt.NDArray[np.float32]
    cabinet_power_w: npt.NDArray[np.float32]
    cabinet_energy_wh: npt.NDArray[np.uint64]
    is_door_open: npt.NDArray[np.int8]
    is_contactor_closed: npt.NDArray[np.int8]
    is_supply_present: npt.NDArray[np.int8]
    has_cabinet: npt.NDArray[np.bool_]

    @property
    def n_records(self) -> int:
        """R."""
        return len(self.controller)

    @property
    def n_readings(self) -> int:
        """N, lamp readings."""
        return len(self.lamp)


def first_lamps(lamp: npt.NDArray[np.int32], lamp_start: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """The batch's ``first_lamp`` from its lamps; int32 (R,). A record without lamps has none."""
    n_lamps = np.diff(lamp_start)
    first = np.full(len(n_lamps), -1, np.int32)
    filled = np.flatnonzero(n_lamps > 0)
    if len(filled):
        first[filled] = lamp[lamp_start[filled]]
        is_next = lamp == np.repeat(first, n_lamps) + (np.arange(len(lamp)) - np.repeat(lamp_start[:-1], n_lamps))
        first[filled[~np.logical_and.reduceat(is_next, lamp_start[filled])]] = -1
    return first


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """A controller's session began (NBIRTH) or ended (NDEATH), at its payload's time; 0 = at "now"."""

    controller: int
    is_birth: bool
    at_us: int


def turns(controller: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """How many earlier rows each row's controller has; int64 (n,)."""
    order = np.argsort(controller, kind="stable")
    ordered = controller[order]
    is_first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    start = np.maximum.accumulate(np.where(is_first, np.arange(len(ordered)), 0))
    turn = np.empty(len(ordered), np.int64)
    turn[order] = np.arange(len(ordered)) - start
    return turn
