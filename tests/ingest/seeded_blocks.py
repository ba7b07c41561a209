"""Blocks of made-up records for the telemetry stores, from a seed, with their received ranges."""

from dataclasses import dataclass, fields

import numpy as np

from benchmarks.filled_batch import filled_batch
from ingest.model.batch import UNKNOWN_UINT32, UNKNOWN_UINT64, Batch
from ingest.model.block import Block
from ingest.model.good_values import with_good_values
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import StoredRanges

T0_US = 1_790_000_000_000_000
EPOCH = 0xFEDC_BA98_7654_3210  # above what an int64 holds


@dataclass
class TownPlaces:
    lamp_index: dict[str, int]
    lamp_controller: np.ndarray
    controller_index: dict[str, int]
    controller_circuit_index: dict[tuple[str, str], int]
    home_cabinet: np.ndarray

    @property
    def n_circuits(self) -> int:
        return len(self.controller_circuit_index)


def town(
    n_controllers: int, n_lamps: int, controller_name: str = "PJU-{:03d}", lamp_name: str = "L-{:06d}"
) -> Directory:
    n = n_controllers * n_lamps
    controllers = {controller_name.format(c): c for c in range(n_controllers)}
    return Directory(
        TownPlaces(
            {lamp_name.format(i): i for i in range(n)},
            np.repeat(np.arange(n_controllers, dtype=np.int32), n_lamps),
            controllers,
            {(name, str(q + 1)): c * 2 + q for name, c in controllers.items() for q in range(2)},
            np.arange(n_controllers, dtype=np.int32)[::-1],
        )
    )


def block_of(
    directory: Directory,
    *,
    sequence: int = 1,
    at_us: int = T0_US,
    seed: int = 1,
    epoch: int = EPOCH,
    is_historical: bool = False,
    controllers: list[int] | None = None,
    unknown_share: float = 0.2,
) -> Block:
    """One record of each controller, all of its lamps and circuits, with some of everything unknown."""
    places = directory.places
    rng = np.random.default_rng(seed * 1_000_003 + sequence)
    who = np.arange(len(places.controller_index), dtype=np.int32)
    who = who if controllers is None else np.array(controllers, np.int32)
    n_lamps = len(places.lamp_index) // len(places.controller_index)
    r, n, m = len(who), len(who) * n_lamps, len(who) * 2

    def floats(middle: float, spread: float, *shape: int) -> np.ndarray:
        values = rng.normal(middle, spread, shape).round(1).astype(np.float32)
        values[rng.random(shape) < unknown_share] = np.nan
        return values

    def counts(top: int, size: int) -> np.ndarray:
        values = rng.integers(0, top, size).astype(np.uint32)
        values[rng.random(size) < unknown_share] = UNKNOWN_UINT32
        return values

    quality = rng.choice(np.array([0, 0, 0, 1, 4], np.uint8), n)
    energy = rng.integers(0, 1 << 40, r).astype(np.uint64)
    energy[rng.random(r) < unknown_share] = UNKNOWN_UINT64
    lamp = (who[:, None] * n_lamps + np.arange(n_lamps, dtype=np.int32)).ravel().astype(np.int32)
    circuit = (who[:, None] * 2 + np.arange(2, dtype=np.int32)).ravel().astype(np.int32)
    batch = filled_batch(
        controller=who,
        at_us=np.full(r, at_us),
        is_historical=np.full(r, is_historical),
        is_clock_synchronised=rng.random(r) < 0.9,
        interval_s=rng.choice(np.array([0, 60, 300], np.uint32), r),
        epoch=np.full(r, epoch, np.uint64),
        sequence=np.full(r, sequence, np.uint64),
        lamp_start=np.arange(r + 1) * n_lamps,
        first_lamp=(who * n_lamps).astype(np.int32),
        lamp=lamp,
        voltage_v=floats(225, 3, n),
        current_a=floats(0.4, 0.1, n),
        power_w=floats(90, 5, n),
        power_factor=floats(0.9, 0.1, n),
        temperature_c=floats(40, 9, n),
        energy_wh=counts(UNKNOWN_UINT32, n),
        burning_hours=counts(90_000, n),
        switch_count=counts(9_000, n),
        level=rng.choice(np.array([0, 50, 100, 255], np.uint8), n),
        status=np.where(quality == 0, rng.integers(0, 32, n), 0).astype(np.uint8),
        quality=quality,
        circuit_start=np.arange(r + 1) * 2,
        circuit=circuit,
        circuit_voltage_v=floats(225, 3, m),
        circuit_current_a=floats(9, 3, m),
        circuit_power_w=floats(900, 90, m),
        circuit_energy_wh=counts(1_000_000, m),
        cabinet_voltage_v=floats(225, 3, r, 3),
        cabinet_current_a=floats(9, 3, r, 3),
        cabinet_power_w=floats(900, 90, r, 3),
        cabinet_energy_wh=energy,
        is_door_open=rng.integers(-1, 2, r).astype(np.int8),
        is_contactor_closed=rng.integers(-1, 2, r).astype(np.int8),
        is_supply_present=rng.integers(-1, 2, r).astype(np.int8),
        has_cabinet=rng.random(r) < 0.8,
    )
    received = tuple(StoredRanges(directory.controllers[c], epoch, sequence) for c in who.tolist())
    return Block(with_good_values(batch), directory, lamp, circuit, received)


def rows_of(batches: list[Batch]) -> list[dict[str, object]]:
    """Every record as plain values, its lamps and circuits in the order of their numbers; NaN as None."""
    rows = []
    for batch in batches:
        for i in range(batch.n_records):
            row: dict[str, object] = {}
            lamps = slice(int(batch.lamp_start[i]), int(batch.lamp_start[i + 1]))
            circuits = slice(int(batch.circuit_start[i]), int(batch.circuit_start[i + 1]))
            by_lamp = np.argsort(batch.lamp[lamps], kind="stable")
            by_circuit = np.argsort(batch.circuit[circuits], kind="stable")
            for column in fields(Batch):
                values = getattr(batch, column.name)
                if column.name in {"lamp_start", "circuit_start", "first_lamp"}:
                    continue
                if column.name.startswith("circuit"):
                    row[column.name] = plain(values[circuits][by_circuit])
                elif len(values) == batch.n_records and column.name in RECORD_COLUMNS:
                    row[column.name] = plain(values[i])
                else:
                    row[column.name] = plain(values[lamps][by_lamp])
            rows.append(row)
    return rows


def plain(values: np.ndarray) -> object:
    if isinstance(values, np.ndarray):
        return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124  # NaN
    return values.item()


RECORD_COLUMNS = {
    "controller",
    "at_us",
    "is_historical",
    "is_clock_synchronised",
    "interval_s",
    "epoch",
    "sequence",
    "cabinet_voltage_v",
    "cabinet_current_a",
    "cabinet_power_w",
    "cabinet_energy_wh",
    "is_door_open",
    "is_contactor_closed",
    "is_supply_present",
    "has_cabinet",
}
