"""A block as Arrow tables with the columns of ``ingest.schema.telemetry``, and back.

Pure. Unknown becomes null; a column without any unknown is declared so, which makes its Parquet encoding four times
cheaper (no definition levels). Ids are dictionary-encoded against only those that occur, lamps' where they recur.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.model.batch import CONTACT_UNKNOWN, UNKNOWN_UINT64
from ingest.model.block import Block
from ingest.schema.telemetry import CIRCUIT_VALUES, CONTACTS, LAMP_VALUES, PHASE_VALUES, QuantityColumn, phase_column

# Putting an id into Parquet's dictionary costs 250 ns, writing it out 25 ns.
_WORTH_A_DICTIONARY: Final = 8
_WORTH_A_SLICE: Final = 1024  # ids one after another: a slice costs what looking up some hundred ids does

Columns = dict[str, pa.Array | pa.ChunkedArray]
Spread = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


def lamp_table(block: Block) -> pa.Table:
    """One row per lamp reading."""
    batch = block.batch
    counts = np.diff(batch.lamp_start)
    columns = _record_columns(block, counts)
    columns["lamp_id"] = _lamp_ids(block)
    for column in LAMP_VALUES:
        columns[column.name] = _values(column, getattr(batch, column.name))
    return _table(columns)


def circuit_table(block: Block) -> pa.Table:
    """One row per circuit reading."""
    batch = block.batch
    columns = _record_columns(block, np.diff(batch.circuit_start))
    columns["circuit"] = _ids(block.circuit_name, pa.array(block.directory.circuit_names, pa.string()))
    for column in CIRCUIT_VALUES:
        columns[column.name] = _values(column, getattr(batch, f"circuit_{column.name}"))
    return _table(columns)


def cabinet_table(block: Block) -> pa.Table:
    """One row per record, cabinet meter or not.

    What is not repeated with each reading of a record stands here alone: ``is_historical``, ``interval_s``,
    ``is_clock_synchronised`` and ``has_cabinet``.
    """
    batch = block.batch
    columns = _record_columns(block, None)
    columns["is_historical"] = pa.array(batch.is_historical)
    for column in PHASE_VALUES:
        phases = getattr(batch, f"cabinet_{column.name}")
        for i, phase in enumerate("rst"):
            columns[phase_column(column.name, phase)] = _known_floats(np.ascontiguousarray(phases[:, i]))
    columns["energy_wh"] = _known(batch.cabinet_energy_wh, UNKNOWN_UINT64)
    for name in CONTACTS:
        values = getattr(batch, name)
        columns[name] = pa.array(values == 1, mask=values == CONTACT_UNKNOWN)
    columns["has_cabinet"] = pa.array(batch.has_cabinet)
    columns["interval_s"] = pa.array(batch.interval_s)
    columns["is_clock_synchronised"] = pa.array(batch.is_clock_synchronised)
    return _table(columns)


def _record_columns(block: Block, counts: npt.NDArray[np.int64] | None) -> Columns:
    """What tells a row's record, each value as often as the record has rows."""
    batch = block.batch

    def spread(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values if counts is None else np.repeat(values, counts)

    return {
        "at_us": pa.array(spread(batch.at_us)),
        "controller_id": _ids(batch.controller, block.directory.controllers.column(), spread),
        "epoch": pa.array(spread(batch.epoch)),
        "sequence": pa.array(spread(batch.sequence)),
    }


def _ids(numbers: npt.NDArray[np.int32], names: pa.StringArray, spread: Spread = lambda values: values) -> pa.Array:
    """A dictionary column over only the names that occur; ``spread`` repeats what was found for each number."""
    is_used = np.zeros(len(names), np.bool_)
    is_used[numbers] = True
    if is_used.all():
        return pa.DictionaryArray.from_arrays(pa.array(spread(numbers)), names)
    used = np.flatnonzero(is_used)
    place = np.empty(len(names), np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(spread(place[numbers])), names.take(pa.array(used)))


def _lamp_ids(block: Block) -> pa.Array | pa.ChunkedArray:
    """Lamp ids of rows; a dictionary only where each id stands so often that making one costs less than it saves."""
    batch, names = block.batch, block.directory.lamps.column()
    n_lamps = np.zeros(int(batch.controller.max(initial=-1)) + 1, np.int64)
    np.maximum.at(n_lamps, batch.controller, np.diff(batch.lamp_start))  # a record names each of its lamps once
    if len(block.lamp_name) > _WORTH_A_DICTIONARY * int(n_lamps.sum()):
        return _ids(block.lamp_name, names)
    edges = np.flatnonzero(np.diff(block.lamp_name) != 1) + 1
    if len(edges) * _WORTH_A_SLICE > len(block.lamp_name):
        return names.take(pa.array(block.lamp_name))
    # cabinet after cabinet as the register has them, as they come when all of them send
    stretches = zip([0, *edges.tolist()], [*edges.tolist(), len(block.lamp_name)], strict=True)
    parts = [names.slice(int(block.lamp_name[start]), end - start) for start, end in stretches if end > start]
    return pa.chunked_array(parts, pa.string())


def _values(column: QuantityColumn, values: npt.NDArray[Any]) -> pa.Array:
    """A quantity's values, null where unknown."""
    if column.is_float:
        return _known_floats(values)
    return pa.array(values) if column.unknown is None else _known(values, column.unknown)


def _known_floats(values: npt.NDArray[np.float32]) -> pa.Array:
    is_unknown = np.isnan(values)
    return pa.array(values, mask=is_unknown) if is_unknown.any() else pa.array(values)


def _known(values: npt.NDArray[Any], unknown: int) -> pa.Array:
    is_unknown = values == unknown
    return pa.array(values, mask=is_unknown) if is_unknown.any() else pa.array(values)


def _table(columns: Columns) -> pa.Table:
    schema = pa.schema([pa.field(name, c.type, nullable=bool(c.null_count)) for name, c in columns.items()])
    return pa.Table.from_arrays(list(columns.values()), schema=schema)
