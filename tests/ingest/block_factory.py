"""Blocks of telemetry for tests of the stores: seeded values, any records."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.filled_batch import filled_batch
from ingest.model.batch import LEVEL_UNKNOWN, UNKNOWN_UINT32, UNKNOWN_UINT64
from ingest.model.block import Block
from ingest.model.good_values import with_good_values
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import ReceivedRangesTable

T0_US = 1_790_000_000_000_000  # 2026-09-21


@dataclass(frozen=True)
class Row:
    controller: int
    sequence: int
    at_us: int = T0_US
    is_historical: bool = False
    epoch: int = (1 << 63) + 5


class TownPlaces:
    """A register of controllers with as many lamps each, and one circuit."""

    def __init__(self, n_controllers: int = 3, n_lamps: int = 4) -> None:
        self.n_lamps = n_lamps
        self.lamp_index = {f"L-{c}-{i}": c * n_lamps + i for c in range(n_controllers) for i in range(n_lamps)}
        self.lamp_controller = np.repeat(np.arange(n_controllers, dtype=np.int32), n_lamps)
        self.controller_index = {f"PJU-{c}": c for c in range(n_controllers)}
        self.controller_circuit_index = {(f"PJU-{c}", "1"): c for c in range(n_controllers)}
        self.n_circuits = n_controllers


def make_directory(n_controllers: int = 3, n_lamps: int = 4) -> Directory:
    return Directory(TownPlaces(n_controllers, n_lamps))


def make_block(
    directory: Directory, rows: Sequence[Row], received: ReceivedRangesTable | None = None, seed: int = 1
) -> Block:
    rng = np.random.default_rng(seed)
    places = directory.places
    assert isinstance(places, TownPlaces)
    n, r = places.n_lamps, len(rows)
    controller = np.array([row.controller for row in rows], np.int32)
    lamp = (np.repeat(controller, n) * n + np.tile(np.arange(n), r)).astype(np.int32)

    def floats(mean: float, *, n_rows: int = r * n) -> np.ndarray:
        values = rng.normal(mean, 1, n_rows).round(1).astype(np.float32)
        values[rng.random(n_rows) < 0.1] = np.nan
        return values

    def counts(n_rows: int, unknown: int, dtype: type) -> np.ndarray:
        values = rng.integers(0, 1000, n_rows).astype(dtype)
        values[rng.random(n_rows) < 0.3] = unknown
        return values

    batch = filled_batch(
        controller=controller,
        at_us=np.array([row.at_us for row in rows], np.int64),
        is_historical=np.array([row.is_historical for row in rows], np.bool_),
        is_clock_synchronised=rng.random(r) < 0.9,
        interval_s=np.full(r, 60, np.uint32),
        epoch=np.array([row.epoch for row in rows], np.uint64),
        sequence=np.array([row.sequence for row in rows], np.uint64),
        lamp_start=np.arange(r + 1, dtype=np.int64) * n,
        first_lamp=controller * n,
        lamp=lamp,
        voltage_v=floats(225),
        current_a=floats(1),
        power_w=floats(90),
        power_factor=floats(1),
        temperature_c=np.full(r * n, np.nan, np.float32),
        energy_wh=counts(r * n, UNKNOWN_UINT32, np.uint32),
        burning_hours=np.full(r * n, UNKNOWN_UINT32, np.uint32),
        switch_count=counts(r * n, UNKNOWN_UINT32, np.uint32),
        level=np.where(rng.random(r * n) < 0.1, LEVEL_UNKNOWN, 70).astype(np.uint8),
        status=np.ones(r * n, np.uint8),
        quality=(rng.random(r * n) < 0.1).astype(np.uint8),
        circuit_start=np.arange(r + 1, dtype=np.int64),
        circuit=controller.copy(),
        circuit_voltage_v=floats(225, n_rows=r),
        circuit_current_a=floats(5, n_rows=r),
        circuit_power_w=floats(900, n_rows=r),
        circuit_energy_wh=counts(r, UNKNOWN_UINT32, np.uint32),
        cabinet_voltage_v=floats(225, n_rows=r * 3).reshape(r, 3),
        cabinet_current_a=floats(9, n_rows=r * 3).reshape(r, 3),
        cabinet_power_w=floats(999, n_rows=r * 3).reshape(r, 3),
        cabinet_energy_wh=counts(r, UNKNOWN_UINT64, np.uint64),
        is_door_open=rng.integers(-1, 2, r).astype(np.int8),
        is_contactor_closed=rng.integers(-1, 2, r).astype(np.int8),
        is_supply_present=rng.integers(-1, 2, r).astype(np.int8),
        has_cabinet=np.ones(r, np.bool_),
    )
    held = received if received is not None else ReceivedRangesTable()
    for row in rows:
        ranges = held.open(f"PJU-{row.controller}", row.epoch, 0)
        if not ranges.holds(row.sequence):
            ranges.take(row.sequence)
    states = tuple(held.state(f"PJU-{row.controller}", row.epoch) for row in rows)
    return Block(with_good_values(batch), directory, lamp, controller.copy(), states)
