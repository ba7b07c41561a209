"""Converts stored rows to batches: for recovery after a restart and for replay.

Pure; numpy and Arrow in, ``Batch`` out. Rows may come in any order: records are found again by (controller, epoch,
sequence). Live records are cut into batches in which a controller stands once, as they were when they came.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.model.batch import CONTACT_UNKNOWN, UNKNOWN_UINT64, Batch, first_lamps, turns
from ingest.model.block import Block, take_records
from ingest.model.id_directory import Directory
from ingest.schema.telemetry import (
    CABINET_VALUES,
    CIRCUIT_VALUES,
    CONTACTS,
    LAMP_VALUES,
    PHASE_VALUES,
    QuantityColumn,
    phase_column,
)

_NOT_MINE: Final = -1
_SLOT_US: Final = 60_000_000  # controllers of different pace keep step: a batch spans a minute at most
Numbers = npt.NDArray[np.int64]


def batches_of(
    lamps: pa.Table | None, circuits: pa.Table | None, cabinets: pa.Table, directory: Directory
) -> Iterator[Batch]:
    """The batches of some records, live ones minute by minute; records of unknown controllers are left out."""
    if not cabinets.num_rows:
        return
    block = block_of(lamps, circuits, cabinets, directory)
    batch = block.batch
    is_known = batch.controller >= 0
    live = np.flatnonzero(is_known & ~batch.is_historical)
    if len(live):
        minute = batch.at_us[live] // _SLOT_US
        for slot in np.unique(minute):
            during = live[minute == slot]
            turn = turns(batch.controller[during])
            for number in range(int(turn.max()) + 1):
                yield take_records(block, during[turn == number]).batch
    history = np.flatnonzero(is_known & batch.is_historical)
    if len(history):
        yield take_records(block, history).batch


def block_of(lamps: pa.Table | None, circuits: pa.Table | None, cabinets: pa.Table, directory: Directory) -> Block:
    """One block of all rows; ids that the register does not hold are -1."""
    places = directory.places
    tables = [table for table in (cabinets, lamps, circuits) if table is not None]
    keys = _record_keys(tables)
    record_key, record_order = np.unique(keys[0], return_index=True)
    names = cabinets.column("controller_id").to_pylist()
    controller = np.array([places.controller_index.get(name, _NOT_MINE) for name in names], np.int32)
    rows = iter(keys[1:])
    lamp_start, lamp_table = _grouped(lamps, rows, record_key, record_order, len(names))
    circuit_start, circuit_table = _grouped(circuits, rows, record_key, record_order, len(names))
    lamp = _lamp_numbers(lamp_table, np.repeat(controller, np.diff(lamp_start)), directory)
    circuit = _circuit_numbers(
        circuit_table, np.repeat(np.arange(len(names)), np.diff(circuit_start)), names, directory
    )
    columns: dict[str, Any] = {
        **{column.name: _quantity(lamp_table, column) for column in LAMP_VALUES},
        **{f"circuit_{column.name}": _quantity(circuit_table, column) for column in CIRCUIT_VALUES},
        **{f"cabinet_{column.name}": _phases(cabinets, column) for column in PHASE_VALUES},
        **{f"cabinet_{c.name}": _values(cabinets, c.name, UNKNOWN_UINT64, np.uint64) for c in CABINET_VALUES},
        **{name: _contact(cabinets, name) for name in CONTACTS},
    }
    batch = Batch(
        controller=controller,
        at_us=_values(cabinets, "at_us", 0, np.int64),
        is_historical=_values(cabinets, "is_historical", False, np.bool_),
        is_clock_synchronised=_values(cabinets, "is_clock_synchronised", True, np.bool_),
        interval_s=_values(cabinets, "interval_s", 0, np.uint32),
        epoch=_values(cabinets, "epoch", 0, np.uint64),
        sequence=_values(cabinets, "sequence", 0, np.uint64),
        lamp_start=lamp_start,
        first_lamp=first_lamps(lamp, lamp_start),
        lamp=lamp,
        circuit_start=circuit_start,
        circuit=circuit,
        has_cabinet=_values(cabinets, "has_cabinet", True, np.bool_),
        **columns,
    )
    return Block(batch, directory, lamp, circuit)


def _record_keys(tables: list[pa.Table]) -> list[Numbers]:
    """One number per row that is the same for the same (controller, epoch, sequence), over all tables."""
    joined = pa.concat_tables(
        [
            pa.table(
                {
                    "controller_id": table.column("controller_id").cast(pa.string()),
                    "epoch": table.column("epoch").cast(pa.uint64()),
                    "sequence": table.column("sequence").cast(pa.uint64()),
                }
            )
            for table in tables
        ]
    ).combine_chunks()
    code = joined.column("controller_id").chunk(0).dictionary_encode().indices.to_numpy()
    for name in ("epoch", "sequence"):
        _, number = np.unique(joined.column(name).to_numpy(), return_inverse=True)
        _, code = np.unique(code.astype(np.int64) * (int(number.max()) + 1) + number, return_inverse=True)
    ends = np.cumsum([table.num_rows for table in tables])
    return np.split(code, ends[:-1])


def _grouped(
    table: pa.Table | None, keys: Iterator[Numbers], record_key: Numbers, record_order: Numbers, n_records: int
) -> tuple[Numbers, pa.Table | None]:
    """The rows of a table sorted by record, and where each record's begin."""
    start = np.zeros(n_records + 1, np.int64)
    if table is None:
        return start, None
    key = next(keys)
    place = np.searchsorted(record_key, key)
    is_known = (place < len(record_key)) & (record_key[np.minimum(place, len(record_key) - 1)] == key)
    record = np.where(is_known, record_order[np.minimum(place, len(record_key) - 1)], n_records)
    order = np.argsort(record, kind="stable")[: int(is_known.sum())]
    np.cumsum(np.bincount(record[is_known], minlength=n_records), out=start[1:])
    if len(order) == table.num_rows and bool((np.diff(order) == 1).all()):
        return start, table
    return start, table.take(pa.array(order))


def _lamp_numbers(
    table: pa.Table | None, controller: npt.NDArray[np.int32], directory: Directory
) -> npt.NDArray[np.int32]:
    if table is None or not table.num_rows:
        return np.empty(0, np.int32)
    places = directory.places
    ids = table.column("lamp_id").combine_chunks().cast(pa.string()).dictionary_encode()
    known = np.array([places.lamp_index.get(name, _NOT_MINE) for name in ids.dictionary.to_pylist()], np.int32)
    number = known[ids.indices.to_numpy()]
    owner = np.append(np.asarray(places.lamp_controller, np.int32), np.int32(-2))[number]
    return np.where(owner == controller, number, np.int32(_NOT_MINE)).astype(np.int32)


def _circuit_numbers(
    table: pa.Table | None, record: Numbers, names: list[str], directory: Directory
) -> npt.NDArray[np.int32]:
    if table is None or not table.num_rows:
        return np.empty(0, np.int32)
    index = directory.places.controller_circuit_index
    circuits = table.column("circuit").to_pylist()
    owners = [names[r] for r in record.tolist()]
    return np.array([index.get(key, _NOT_MINE) for key in zip(owners, circuits, strict=True)], np.int32)


def _quantity(table: pa.Table | None, column: QuantityColumn) -> npt.NDArray[Any]:
    """A quantity's values; one that was declared after the rows were written is unknown in them."""
    return _values(table, column.name, column.absent, np.dtype(column.dtype).type)


def _values(table: pa.Table | None, name: str, unknown: float, dtype: type[np.generic]) -> npt.NDArray[Any]:
    if table is None:
        return np.empty(0, dtype)
    if name not in table.schema.names:
        return np.full(table.num_rows, unknown, dtype)
    column = table.column(name)
    if column.null_count:
        column = pc.fill_null(column, pa.scalar(unknown, column.type))
    values: npt.NDArray[Any] = column.to_numpy().astype(dtype, copy=False)
    return values


def _phases(table: pa.Table, column: QuantityColumn) -> npt.NDArray[Any]:
    names = [phase_column(column.name, phase) for phase in "rst"]
    return np.stack([_values(table, name, column.absent, np.float32) for name in names], axis=1)


def _contact(table: pa.Table, name: str) -> npt.NDArray[np.int8]:
    column = table.column(name).cast(pa.int8())
    known = pc.fill_null(column, pa.scalar(CONTACT_UNKNOWN, pa.int8()))
    values: npt.NDArray[np.int8] = known.to_numpy().astype(np.int8, copy=False)
    return values
