"""The process that opens a foreign vector file or workbook.

``python -m ingest.city.decoding_process KIND FILE OUT NAME ENCODING``. A city's file may be broken or hostile, and the
libraries that read it are large: they run here, with bounded memory and time, and nothing but a table of texts comes
out. ``ingest.city.isolated_reading`` starts it, with GDAL's other drivers
switched off. Messages for a person go to standard error, one line, with exit code 3.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.register.delimited import MAX_FIELD

LINE: Final = "terang.line"
REASON: Final = "terang.reason"
X: Final = "terang.x"
Y: Final = "terang.y"
PART: Final = "terang.part"
PARTS: Final = "parts of "  # before the kind of a file whose sheets or layers are asked for
ABOUT: Final = b"terang.about"
BATCH: Final = 20_000
DRIVERS: Final = frozenset({"GeoJSON", "ESRIJSON", "GPKG", "ESRI Shapefile", "KML", "LIBKML"})
NO_ENCODING: Final = "its texts are not UTF-8, and no encoding is named"
NO_GEOMETRY: Final = "has no geometry; a lamp is a point"
_POINT_SIZES: Final = (21, 29, 37)  # bytes of a point in WKB with two, three and four numbers
_MAX_COUNTED: Final = 32 << 20  # bytes of a GeoJSON whose features are counted besides
_MAX_STRANGERS: Final = 1000
_MAX_COLUMNS: Final = 1000
_MOST_MERGED: Final = 100_000  # cells of a sheet
_KINDS: Final = {
    1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon",
    7: "GeometryCollection", 8: "CircularString", 9: "CompoundCurve", 10: "CurvePolygon", 11: "MultiCurve",
    12: "MultiSurface", 15: "PolyhedralSurface", 16: "TIN", 17: "Triangle",
}  # fmt: skip


class UnreadableError(Exception):
    """The file is not what it seems; the text says why."""


def cell_text(value: Any) -> str:
    """A cell's or property's value as a person would type it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex() if len(value) <= 64 else f"{len(value)} bytes"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def point_of(geometry: bytes | None) -> tuple[float, float, str]:
    """``x``, ``y`` of a geometry in WKB; NaN twice and the reason where it is not one point."""
    if geometry is None or len(geometry) < 5:
        return math.nan, math.nan, NO_GEOMETRY
    order = "<" if geometry[0] == 1 else ">"
    code = struct.unpack_from(f"{order}I", geometry, 1)[0]
    kind = (code & 0x0FFFFFFF) % 1000
    at = 5
    if kind == 4:
        n_points = struct.unpack_from(f"{order}I", geometry, 5)[0]
        if n_points != 1:
            return math.nan, math.nan, f"a MultiPoint of {n_points} points; a lamp is one point"
        order, at = "<" if geometry[9] == 1 else ">", 14
    elif kind != 1:
        return math.nan, math.nan, f"a {_KINDS.get(kind, 'geometry of an unknown kind')}; a lamp is a point"
    x, y = struct.unpack_from(f"{order}dd", geometry, at)
    if math.isnan(x) or math.isnan(y):
        return math.nan, math.nan, "has an empty geometry; a lamp is a point"
    return x, y, ""


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
            raise UnreadableError(f"breaks off: {' '.join(str(error).split())}") from error
        notes += [" ".join(str(warning.message).split()) for warning in said[:20]]
    if strangers and about:
        yield _stranger_batch(strangers).replace_schema_metadata({ABOUT: about})


def _layers(path: Path, layer: str, kind: str, notes: list[str]) -> tuple[str, list[str | None]]:
    """GDAL's name of the format, and the layers to read."""
    import pyogrio  # noqa: PLC0415  # see `read_vector`

    try:
        layers = [(str(name), str(shape)) for name, shape in pyogrio.list_layers(path)]
        driver = pyogrio.read_info(path, layer=layers[0][0])["driver"] if layers else ""
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, UnicodeDecodeError) as error:
        raise UnreadableError(f"is no {kind}: {' '.join(str(error).split())}") from error
    if not layers:
        raise UnreadableError(f"holds no layer of a {kind}")
    if driver not in DRIVERS:
        raise UnreadableError(f"is no {kind} but a file for {driver}")
    names = [name for name, _shape in layers]
    if layer:
        if layer not in names:
            raise UnreadableError(f"no layer {layer!r}; it has {', '.join(map(repr, names[:30]))}")
        return driver, [layer]
    if driver in {"KML", "LIBKML"}:
        return driver, [*names]  # a folder each: streets or districts
    pointed = [name for name, shape in layers if "Point" in shape]
    if len(pointed) > 1:
        listed = ", ".join(map(repr, pointed[:30]))
        raise UnreadableError(f"has {len(pointed)} layers of points: {listed}; name the lamps' as [source] sheet")
    chosen = pointed[0] if pointed else next((name for name, shape in layers if shape not in {"None", "nan"}), names[0])
    if len(names) > 1:
        others = ", ".join(repr(name) for name in names if name != chosen)
        notes.append(f"layer {chosen!r} was read, not {others}; name another as [source] sheet")
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
        REASON: pa.array(["is no GeoJSON feature"] * n, pa.string()),
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
    fields = [str(name) for name in meta["fields"]][:_MAX_COLUMNS]
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
        raise UnreadableError(NO_ENCODING) from error
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
            reasons[row] = reasons[row] or f"a field of {length} characters in {name[:60]!r}"
            texts[row] = ""
    return {**columns, name: pa.array(texts, pa.string()), REASON: pa.array(reasons, pa.string())}


def read_workbook(path: Path, sheet: str) -> Iterator[pa.RecordBatch]:
    """A sheet's rows as texts, columns ``0``, ``1`` …; ``exact`` names those that hold fractional numbers."""
    import python_calamine  # noqa: PLC0415

    try:
        workbook = python_calamine.CalamineWorkbook.from_path(path)
        if sheet and sheet not in workbook.sheet_names:
            raise UnreadableError(f"no sheet {sheet!r}; it has {', '.join(map(repr, workbook.sheet_names[:30]))}")
        notes = []
        page = workbook.get_sheet_by_name(sheet or workbook.sheet_names[0])
        if not sheet and len(workbook.sheet_names) > 1:
            filled = [name for name in workbook.sheet_names if workbook.get_sheet_by_name(name).height]
            page = workbook.get_sheet_by_name((filled or workbook.sheet_names)[0])
            others = ", ".join(repr(name) for name in workbook.sheet_names if name != page.name)
            notes.append(f"sheet {page.name!r} was read, not {others}; name another as [source] sheet")
    except (python_calamine.CalamineError, OSError, IndexError, ValueError) as error:
        raise UnreadableError(f"is no workbook: {' '.join(str(error).split())}") from error
    line = 0 if page.start is None else 1
    exact: set[int] = set()
    chunk: list[list[str]] = []
    for row in page.iter_rows():
        exact.update(at for at, value in enumerate(row) if type(value) is float and not value.is_integer())
        chunk.append([cell_text(value) for value in row])
        if len(chunk) >= BATCH:
            yield _sheet_batch(chunk, line, exact, notes)
            line += len(chunk)
            chunk = []
    yield _sheet_batch(chunk, line, exact, notes, _merged(page))


def _merged(page: Any) -> list[tuple[int, int, int]]:
    """Cells over several rows that are one: the value stands in the first alone."""
    found = [(top, left, bottom) for (top, left), (bottom, _right) in page.merged_cell_ranges or () if bottom > top]
    return sorted(found)[:_MOST_MERGED]


def _sheet_batch(
    chunk: list[list[str]], line: int, exact: set[int], notes: list[str], merged: Sequence[tuple[int, int, int]] = ()
) -> pa.RecordBatch:
    n_columns = min(max(map(len, chunk), default=0), _MAX_COLUMNS)
    padded = (row[:n_columns] + [""] * (n_columns - len(row)) for row in chunk)
    columns = {str(at): pa.array(values, pa.string()) for at, values in enumerate(zip(*padded, strict=True))}
    columns[LINE] = pa.array(range(line, line + len(chunk)), pa.int32())
    about = {"exact": sorted(map(str, exact)), "notes": notes, "merged": list(merged)}
    return pa.record_batch(columns).replace_schema_metadata({ABOUT: json.dumps(about).encode()})


def read_parts(path: Path, kind: str) -> Iterator[pa.RecordBatch]:
    """The sheets of a workbook, or the layers with points of a vector file: `PART`, and how many rows each has."""
    if kind == "workbook":
        import python_calamine  # noqa: PLC0415

        try:
            workbook = python_calamine.CalamineWorkbook.from_path(path)
            found = [(name, workbook.get_sheet_by_name(name).height) for name in workbook.sheet_names]
        except (python_calamine.CalamineError, OSError, ValueError) as error:
            raise UnreadableError(f"is no workbook: {' '.join(str(error).split())}") from error
    else:
        import pyogrio  # noqa: PLC0415  # see `read_vector`

        try:
            names = [str(name) for name, shape in pyogrio.list_layers(path) if "Point" in str(shape)]
            found = [(name, max(0, int(pyogrio.read_info(path, layer=name)["features"]))) for name in names]
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
            raise UnreadableError(f"is no {kind}: {' '.join(str(error).split())}") from error
    columns = {PART: pa.array([name for name, _n in found], pa.string())}
    columns[LINE] = pa.array([n_rows for _name, n_rows in found], pa.int32())
    about = json.dumps({"exact": [], "notes": []}).encode()
    yield pa.record_batch(columns).replace_schema_metadata({ABOUT: about})


def main(arguments: list[str]) -> int:
    """Read one file and write one Arrow file for each batch into the folder ``OUT``."""
    kind, path, out, name, encoding = arguments
    if kind.startswith(PARTS):
        batches = read_parts(Path(path), kind.removeprefix(PARTS))
    elif kind == "workbook":
        batches = read_workbook(Path(path), name)
    else:
        batches = read_vector(Path(path), name, encoding, kind)
    try:
        for number, batch in enumerate(batches):
            with (
                pa.OSFile(str(Path(out) / f"{number:06d}.arrow"), "wb") as file,
                pa.ipc.new_file(file, batch.schema) as to,
            ):
                to.write_batch(batch)
    except UnreadableError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 3
    except MemoryError:
        print("takes more memory than a register may", file=sys.stderr)  # noqa: T201
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
