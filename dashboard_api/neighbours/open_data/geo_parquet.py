"""Data sets as Parquet; those with places as GeoParquet 1.1 (points in WKB, longitude before latitude, CRS84)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PARQUET: Final = "application/vnd.apache.parquet"
_ROWS: Final = 50_000  # of a row group
_PIECE: Final = 1 << 18
_TYPES: Final[Mapping[str, Any]] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
}
_POINT: Final = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])  # little-endian WKB

Place = tuple[float | None, float | None]


def geo_parquet(columns: Mapping[str, str], rows: Iterable[tuple[Sequence[Any], Place]]) -> Iterator[bytes]:
    """A GeoParquet file in pieces; it is written to a temporary file first, for its index stands at the end.

    Args:
        columns: name -> ``string``, ``integer``, ``number``, ``boolean`` or ``time`` [us].
        rows: values in the order of the columns, with longitude and latitude, None = no place.
    """
    names = list(columns)
    schema = pa.schema([(name, _TYPES[kind]) for name, kind in columns.items()]).append(
        pa.field("geometry", pa.binary())
    )
    bounds: list[float] = []
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by who reads it
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        source = iter(rows)
        while part := list(islice(source, _ROWS)):
            values = list(zip(*(row for row, _place in part), strict=True))
            arrays = [pa.array(column, schema.field(name).type) for name, column in zip(names, values, strict=True)]
            places = [place for _row, place in part]
            arrays.append(_wkb(places))
            bounds = _widened(bounds, places)
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        geometry: dict[str, Any] = {"encoding": "WKB", "geometry_types": ["Point"]}
        if bounds:
            geometry["bbox"] = bounds
        about = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geometry}}
        writer.add_key_value_metadata({"geo": json.dumps(about)})
    return _pieces(file)


def parquet(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[bytes]:
    """A small Parquet file without places; the types are those of the values."""
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    table = pa.table({name: pa.array(list(column)) for name, column in zip(columns, values, strict=True)})
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by who reads it
    pq.write_table(table, file, compression="zstd")
    return _pieces(file)


def _wkb(places: Sequence[Place]) -> pa.Array:
    points = np.zeros(len(places), _POINT)
    points["order"], points["kind"] = 1, 1
    points["x"] = [np.nan if x is None else x for x, _y in places]
    points["y"] = [np.nan if y is None else y for _x, y in places]
    is_known = np.isfinite(points["x"]) & np.isfinite(points["y"])
    size = _POINT.itemsize
    raw = points.tobytes()
    return pa.array(
        [raw[row * size : (row + 1) * size] if known else None for row, known in enumerate(is_known.tolist())],
        pa.binary(),
    )


def _widened(bounds: list[float], places: Sequence[Place]) -> list[float]:
    xs = [x for x, y in places if x is not None and y is not None]
    ys = [y for x, y in places if x is not None and y is not None]
    if not xs:
        return bounds
    west, south, east, north = bounds or [xs[0], ys[0], xs[0], ys[0]]
    return [min(west, *xs), min(south, *ys), max(east, *xs), max(north, *ys)]


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece
