"""Reads batches from InfluxDB: first pointers to records, then their rows, a bounded number at once.

Knows the measurements (``ingest.schema.influx``) and how to ask; nothing of writing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.model.batch import Batch
from ingest.model.id_directory import Directory
from ingest.schema.influx import (
    CABINETS,
    CIRCUITS,
    LAMPS,
    NS_PER_US,
    RECORD_FIELDS,
    Series,
    id_of,
    literal,
    select,
    tag_text,
)
from ingest.schema.telemetry import CABINET_COLUMNS, CIRCUIT_COLUMNS, LAMP_COLUMNS, Column
from ingest.telemetry.reading_back import batches_of

RECORDS_AT_ONCE: Final = 512
_APART_NS: Final = 3_600_000_000_000  # records further apart than this are asked for separately
_TYPES: Final = {
    "<f4": pa.float32(),
    "<f8": pa.float64(),
    "<u2": pa.uint16(),
    "<u4": pa.uint32(),
    "<u8": pa.uint64(),
    "|u1": pa.uint8(),
    "?": pa.bool_(),
    "str": pa.string(),
}
_RECORD: Final = (
    Column("controller_id", "str"),
    Column("epoch", "<i8"),
    Column("sequence", "<u8"),
    Column("is_historical", "?"),
    Column("interval_s", "<u4"),
    Column("is_clock_synchronised", "?"),
    Column("has_cabinet", "?"),
)
_OWNER: Final = Column("controller_id", "str")
_KEYS: Final = ["controller_id", "time"]

Ask = Callable[[str], list[Series]]


def batches(ask: Ask, pointers: pa.Table, directory: Directory) -> Iterator[Batch]:
    """The batches of some records in the order of ``pointers`` (``controller_id``, ``time`` in ns)."""
    for first in range(0, pointers.num_rows, RECORDS_AT_ONCE):
        wanted = pointers.slice(first, RECORDS_AT_ONCE)
        wanted = wanted.append_column("place", pa.array(np.arange(wanted.num_rows)))
        where = [*_conditions(wanted)]
        cabinets = _rows(ask, CABINETS, (*_RECORD, *CABINET_COLUMNS), where)
        if cabinets is None:
            continue
        cabinets = _with_numbers(cabinets).join(wanted, _KEYS, join_type="inner").sort_by("place")
        numbers = cabinets.select([*_KEYS, "epoch", "sequence"])
        lamps, circuits = (
            None if rows is None else rows.join(numbers, _KEYS, join_type="inner").sort_by("time")
            for rows in (
                _rows(ask, LAMPS, (_OWNER, *LAMP_COLUMNS), where),
                _rows(ask, CIRCUITS, (_OWNER, *CIRCUIT_COLUMNS), where),
            )
        )
        yield from batches_of(lamps, circuits, cabinets, directory)


def pointers_between(ask: Ask, start_ns: int, end_ns: int) -> pa.Table:
    """``controller_id`` and ``time`` of every record in a span, by time."""
    during = f"time >= {start_ns} AND time < {end_ns}"
    found = ask(select(CABINETS, ("sequence", "controller_id"), during))
    times = [time for series in found for time in series.columns["time"]]
    owners = [id_of(tag) for series in found for tag in series.columns["controller_id"]]
    return pointer_table(owners, times).sort_by("time")


def pointer_table(owners: list[str], times: list[int]) -> pa.Table:
    """Pointers as ``batches`` takes them."""
    return pa.table({"controller_id": pa.array(owners, pa.string()), "time": pa.array(times, pa.int64())})


def count_between(ask: Ask, start_ns: int, end_ns: int) -> int:
    """How many records lie in a span."""
    found = ask(select(CABINETS, ('count("sequence")',), f"time >= {start_ns} AND time < {end_ns}"))
    return sum(series.columns["count"][0] for series in found)


def _conditions(pointers: pa.Table) -> Iterator[str]:
    """Spans of time with the controllers that have records in them."""
    times = np.sort(pointers.column("time").to_numpy())
    owners = sorted(set(pointers.column("controller_id").to_pylist()))
    who = " OR ".join(f'"controller_id" = {literal(tag_text(owner))}' for owner in owners)
    for part in np.split(times, np.flatnonzero(np.diff(times) > _APART_NS) + 1):
        yield f"time >= {part[0]} AND time <= {part[-1]} AND ({who})"


def _rows(ask: Ask, measurement: str, columns: tuple[Column, ...], where: list[str]) -> pa.Table | None:
    """Rows under some conditions; None where there are none."""
    wanted = [column.name for column in columns]
    if measurement == CIRCUITS:
        wanted.append("sequence")  # a row is only found by a field that it has
    parts = [_table(series, columns) for condition in where for series in ask(select(measurement, wanted, condition))]
    return pa.concat_tables(parts) if parts else None


def _table(series: Series, columns: tuple[Column, ...]) -> pa.Table:
    arrays: dict[str, Any] = {"time": pa.array(series.columns["time"], pa.int64())}
    for column in columns:
        values = series.columns[column.name]
        if column.dtype == "str":
            values = [id_of(tag) for tag in values]
        elif column.dtype == "<f4":
            arrays[column.name] = _floats(values)
            continue
        arrays[column.name] = pa.array(values, _TYPES.get(column.dtype, pa.int64()))
    return pa.table(arrays)


def _floats(values: list[float | None]) -> pa.Array:
    """The float32 whose shortest text was written, from the float64 that the server makes of it."""
    wide = np.array(values, np.float64)  # None becomes NaN
    narrow: npt.NDArray[np.float32] = wide.astype(np.float32)
    return pa.array(narrow, mask=np.isnan(narrow))


def _with_numbers(cabinets: pa.Table) -> pa.Table:
    """``at_us``, and ``epoch`` as the uint64 that it is."""
    at_us = cabinets.column("time").to_numpy() // NS_PER_US
    epoch = cabinets.column("epoch").to_numpy().astype(np.int64).view(np.uint64)
    place = cabinets.schema.get_field_index("epoch")
    return cabinets.set_column(place, "epoch", pa.array(epoch)).append_column("at_us", pa.array(at_us))


assert {column.name for column in _RECORD[1:]} == set(RECORD_FIELDS)
