"""The features of a foreign vector file, as texts and points."""

from __future__ import annotations

import json
import math
import struct
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.city.decoded_text import BATCH, cell_text, listed_names, one_line
from ingest.city.decoding_protocol import (
    ABOUT,
    LINE,
    NO_GEOMETRY,
    REASON,
    UnreadableError,
    X,
    Y,
    packed,
)
from ingest.register.csv_rows import MAX_FIELD
from ingest.register.text_table import MAX_COLUMNS
from languages.message import Message, Plain

DRIVERS: Final = frozenset({"GeoJSON", "ESRIJSON", "GPKG", "ESRI Shapefile", "KML", "LIBKML"})
_POINT_SIZES: Final = (21, 29, 37)  # bytes of a point in WKB with two, three and four numbers
_MAX_COUNTED: Final = 32 << 20  # bytes of a GeoJSON whose features are counted besides
_MAX_STRANGERS: Final = 1000
_NO_GEOMETRY: Final = packed(NO_GEOMETRY)
_KINDS: Final = {
    1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon",
    7: "GeometryCollection", 8: "CircularString", 9: "CompoundCurve", 10: "CurvePolygon", 11: "MultiCurve",
    12: "MultiSurface", 15: "PolyhedralSurface", 16: "TIN", 17: "Triangle",
}  # fmt: skip


def point_of(geometry: bytes | None) -> tuple[float, float, str]:
    """``x``, ``y`` of a geometry in WKB; NaN twice and the reason, packed, where it is not one point."""
    if geometry is None or len(geometry) < 5:
        return math.nan, math.nan, _NO_GEOMETRY
    order = "<" if geometry[0] == 1 else ">"
    code = struct.unpack_from(f"{order}I", geometry, 1)[0]
    kind = (code & 0x0FFFFFFF) % 1000
    at = 5
    if kind == 4:
        n_points = struct.unpack_from(f"{order}I", geometry, 5)[0]
        if n_points != 1:
            return math.nan, math.nan, packed(Message("finding.multipoint", n=n_points))
        order, at = "<" if geometry[9] == 1 else ">", 14
    elif kind != 1:
        return math.nan, math.nan, _no_point(kind)
    x, y = struct.unpack_from(f"{order}dd", geometry, at)
    if math.isnan(x) or math.isnan(y):
        return math.nan, math.nan, packed(Message("finding.empty_geometry"))
    return x, y, ""


@cache
def _no_point(kind: int) -> str:
    if kind in _KINDS:
        return packed(Message("finding.no_point", kind=Plain(_KINDS[kind])))
    return packed(Message("finding.unknown_geometry"))


def read_vector(path: Path, layer: str, encoding: str, kind: str) -> Iterator[pa.RecordBatch]:
    """A vector file's features as texts, with `X`, `Y` and the `REASON` where a feature is no point."""
    import pyogrio  # noqa: PLC0415  # GDAL reads its settings from the environment when it is loaded
    import pyogrio.raw  # noqa: PLC0415

    notes: list[str] = []
    if kind == "GeoJSON" and not layer:  # each look opens the file, and GDAL reads a GeoJSON whole to open it
        driver, wanted = "GeoJSON", cast("list[str | None]", [None])
    else:
        driver, wanted = _layers(path, layer, kind, notes)
    options: dict[str, str] = {}
    if driver == "GeoJSON":
        options = {"FLATTEN_NESTED_ATTRIBUTES": "YES", "NESTED_ATTRIBUTE_SEPARATOR": ".", "DATE_AS_STRING": "YES"}
    number = 0
    strangers = strangers_in(path)[:_MAX_STRANGERS] if driver == "GeoJSON" else []
    about = b""
    for name in wanted:
        arguments = {"layer": name, "encoding": encoding or None, "return_fids": True, "batch_size": BATCH}
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                with pyogrio.raw.open_arrow(path, use_pyarrow=True, **arguments, **options) as (meta, reader):
                    for batch in reader:
                        found = _feature_batch(batch, meta, number, driver, notes)
                        about = found.schema.metadata[ABOUT]
                        yield _numbered(found, strangers) if strangers else found
                        number += batch.num_rows
        except (pyogrio.errors.DataSourceError, pyogrio.errors.FeatureError, pa.ArrowException, ValueError) as error:
            raise UnreadableError(Message("terminal.error.breaks_off", reason=one_line(error))) from error
        notes += [packed(Message("finding.reader_says", text=one_line(warning.message))) for warning in said[:20]]
    if strangers and about:
        yield _stranger_batch(strangers).replace_schema_metadata({ABOUT: about})


def _layers(path: Path, layer: str, kind: str, notes: list[str]) -> tuple[str, list[str | None]]:
    """GDAL's name of the format, and the layers to read."""
    import pyogrio  # noqa: PLC0415  # see `read_vector`

    try:
        layers = [(str(name), str(shape)) for name, shape in pyogrio.list_layers(path)]
        driver = pyogrio.read_info(path, layer=layers[0][0])["driver"] if layers else ""
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, UnicodeDecodeError) as error:
        reason = one_line(error)
        raise UnreadableError(Message("terminal.error.no_kind_because", kind=Plain(kind), reason=reason)) from error
    if not layers:
        raise UnreadableError(Message("terminal.error.no_layers", kind=Plain(kind)))
    if driver not in DRIVERS:
        raise UnreadableError(Message("terminal.error.other_driver", kind=Plain(kind), driver=Plain(driver)))
    names = [name for name, _shape in layers]
    if layer:
        if layer not in names:
            raise UnreadableError(Message("terminal.error.no_layer", name=layer, names=listed_names(names)))
        return driver, [layer]
    if driver in {"KML", "LIBKML"}:
        return driver, [*names]  # a folder each: streets or districts
    pointed = [name for name, shape in layers if "Point" in shape]
    if len(pointed) > 1:
        raise UnreadableError(Message("terminal.error.several_layers", n=len(pointed), names=listed_names(pointed)))
    chosen = pointed[0] if pointed else next((name for name, shape in layers if shape not in {"None", "nan"}), names[0])
    if len(names) > 1:
        others = listed_names(name for name in names if name != chosen)
        notes.append(packed(Message("finding.layer", name=chosen, others=others)))
    return driver, [chosen]


def strangers_in(path: Path) -> list[int]:
    """Numbers, from 1, of a GeoJSON's features that are no objects, which GDAL passes over; none for large files."""
    if path.stat().st_size > _MAX_COUNTED:
        return []
    document = json.loads(path.read_bytes())
    features = document.get("features") if isinstance(document, dict) else None
    items = features if isinstance(features, list) else []
    return [number for number, feature in enumerate(items, start=1) if not isinstance(feature, dict)]


def _stranger_batch(strangers: list[int]) -> pa.RecordBatch:
    n = len(strangers)
    columns = {
        LINE: pa.array(strangers, pa.int32()),
        X: pa.nulls(n, pa.float64()).fill_null(math.nan),
        Y: pa.nulls(n, pa.float64()).fill_null(math.nan),
        REASON: pa.array([packed(Message("finding.no_feature"))] * n, pa.string()),
    }
    return pa.record_batch(columns)


def _numbered(batch: pa.RecordBatch, strangers: list[int]) -> pa.RecordBatch:
    """A batch whose features bear their numbers in the file, those that GDAL passes over counted."""
    lines = []
    for line in batch.column(batch.schema.get_field_index(LINE)).to_pylist():
        for stranger in strangers:
            line += stranger <= line  # noqa: PLW2901  # in rising order, each moves the rest by one
        lines.append(line)
    at = batch.schema.get_field_index(LINE)
    return batch.set_column(at, pa.field(LINE, pa.int32()), pa.array(lines, pa.int32()))


def _feature_batch(batch: pa.RecordBatch, meta: Any, number: int, driver: str, notes: list[str]) -> pa.RecordBatch:
    fields = [str(name) for name in meta["fields"]][:MAX_COLUMNS]
    fid, geometry = str(meta["fid_column"] or "OGC_FID"), str(meta["geometry_name"] or "wkb_geometry")
    columns: dict[str, pa.Array] = {LINE: pa.array(range(number + 1, number + batch.num_rows + 1), pa.int32())}
    exact = []
    for name in fields:
        column = batch.column(batch.schema.get_field_index(name))
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            exact.append(name)
        columns[name] = _texts(column)
    if driver == "GeoJSON" and "id" not in columns and fid in batch.schema.names:
        ids = batch.column(batch.schema.get_field_index(fid)).to_pylist()
        if ids != list(range(number, number + len(ids))):  # else GDAL counted the features itself
            columns["id"] = pa.array(map(cell_text, ids), pa.string())
    if geometry in batch.schema.names:
        columns |= _points(batch.column(batch.schema.get_field_index(geometry)))
    for name in fields:
        columns = _without_long(columns, name)
    about = {"crs": meta["crs"] or "", "exact": exact, "driver": driver, "notes": notes}
    return pa.record_batch(columns).replace_schema_metadata({ABOUT: json.dumps(about).encode()})


def _texts(column: pa.Array) -> pa.Array:
    """A column's values as texts without surrounding blanks and null characters."""
    if not pa.types.is_string(column.type):
        column = pa.array(map(cell_text, column.to_pylist()), pa.string())
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:  # a Shapefile without its .cpg hands out whatever bytes it holds
        raise UnreadableError(Message("terminal.error.encoding_of_texts")) from error
    trimmed = pc.utf8_trim_whitespace(column.fill_null(""))
    return pc.replace_substring(trimmed, "\0", "") if pc.any(pc.match_substring(trimmed, "\0")).as_py() else trimmed


def _points(column: pa.Array) -> dict[str, pa.Array]:
    """`X`, `Y` and `REASON` of a column of geometries; all at once where every one is a plain point."""
    sizes = pc.binary_length(column)
    size = sizes[0].as_py() if len(sizes) else None
    if size in _POINT_SIZES and not column.null_count and pc.min_max(sizes).as_py() == {"min": size, "max": size}:
        table = np.frombuffer(b"".join(column.to_pylist()), np.uint8).reshape(-1, size)
        codes = table[:, 1:5].copy().view("<u4").ravel()
        places = table[:, 5:21].copy().view("<f8")
        if (table[:, 0] == 1).all() and ((codes & 0x0FFFFFFF) % 1000 == 1).all() and not np.isnan(places).any():
            return {X: pa.array(places[:, 0]), Y: pa.array(places[:, 1]), REASON: pa.array([""] * len(column))}
    points = [point_of(value) for value in column.to_pylist()]
    kinds = ((X, 0, pa.float64()), (Y, 1, pa.float64()), (REASON, 2, pa.string()))
    return {name: pa.array([point[at] for point in points], kind) for name, at, kind in kinds}


def _without_long(columns: dict[str, pa.Array], name: str) -> dict[str, pa.Array]:
    """Columns in which a feature with a text beyond all measure has its reason, and the text is gone."""
    lengths = pc.utf8_length(columns[name])
    if not len(lengths) or pc.max(lengths).as_py() <= MAX_FIELD:
        return columns
    n_rows = len(lengths)
    reasons = columns[REASON].to_pylist() if REASON in columns else [""] * n_rows
    texts = columns[name].to_pylist()
    for row, length in enumerate(lengths.to_pylist()):
        if length > MAX_FIELD:
            reasons[row] = reasons[row] or packed(Message("finding.long_field_in", n=length, name=name))
            texts[row] = ""
    return {**columns, name: pa.array(texts, pa.string()), REASON: pa.array(reasons, pa.string())}
