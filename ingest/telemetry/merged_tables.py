"""Joins, sorts and thins the tables of Parquet segments. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ingest.schema.telemetry import LAMP_VALUES

THIN_US: Final = 900_000_000  # 15 minutes
_SORT: Final = {
    "lamps": [("lamp_id", "ascending"), ("at_us", "ascending")],
    "circuits": [("controller_id", "ascending"), ("circuit", "ascending"), ("at_us", "ascending")],
    "cabinets": [("controller_id", "ascending"), ("at_us", "ascending")],
}
_MEANS: Final = frozenset(column.name for column in LAMP_VALUES if column.is_mean)


def joined_tables(tables: Sequence[pa.Table], name: str, *, is_thinned: bool) -> pa.Table:
    """The rows of several tables in one, sorted.

    Args:
        tables: of one kind, with the columns of ``ingest.schema.telemetry``.
        name: the kind: ``lamps``, ``circuits`` or ``cabinets``.
        is_thinned: replace the lamps' readings by means of a quarter of an hour.
    """
    table = pa.concat_tables([_with_plain_ids(table) for table in tables], promote_options="permissive")
    if is_thinned and name == "lamps":
        table = _thinned(table)
    table = table.sort_by(_SORT[name]).combine_chunks()
    if name == "lamps":  # sorted by them, so each stands often
        place = table.schema.get_field_index("lamp_id")
        table = table.set_column(place, "lamp_id", table.column(place).dictionary_encode())
    fields = [
        pa.field(f.name, f.type, nullable=bool(c.null_count)) for f, c in zip(table.schema, table.columns, strict=True)
    ]
    return pa.Table.from_arrays([c.combine_chunks() for c in table.columns], schema=pa.schema(fields))


def _with_plain_ids(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(pa.string()))
    return table


def _thinned(table: pa.Table) -> pa.Table:
    """Quarter-hour means of what was measured; the last value of counters and states."""
    slot = pc.multiply(pc.floor(pc.divide(table.column("at_us").cast(pa.float64()), float(THIN_US))), float(THIN_US))
    order = table.schema.names
    table = table.append_column("slot", slot.cast(pa.int64())).sort_by("at_us")
    keys = ["lamp_id", "controller_id", "epoch", "slot"]
    rest = [name for name in order if name not in keys]
    grouped = table.group_by(keys, use_threads=False).aggregate(
        [(name, "mean" if name in _MEANS else "last") for name in rest]
    )
    renamed = {f"{name}_{'mean' if name in _MEANS else 'last'}": name for name in rest}
    grouped = grouped.rename_columns([renamed.get(name, name) for name in grouped.schema.names])
    return grouped.select(order).cast(pa.schema([table.schema.field(name).with_nullable(True) for name in order]))
