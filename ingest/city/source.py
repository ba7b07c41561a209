"""A city's own register as columns of text: CSV in any of its dialects, GeoJSON, or an Excel workbook."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from ingest.errors import UnusableError
from ingest.register.delimited import TextTable, read_delimited, table_of_rows
from ingest.register.issue import Issue

GEOMETRY_X: Final = "geometry.x"  # columns that a GeoJSON's points are put into
GEOMETRY_Y: Final = "geometry.y"
_WORKBOOKS: Final = frozenset({".xlsx", ".xlsm"})
_GEOJSONS: Final = frozenset({".geojson", ".json"})
_MAX_GEOJSON: Final = 512 << 20  # bytes: a million lamps with everything that is known of them
_MAX_UNPACKED: Final = 2 << 30  # bytes; a workbook that unpacks to more is a bomb, not a register


@dataclass(frozen=True, slots=True)
class Source:
    """A register as found: its table, and the coordinate system if the file itself tells it."""

    table: TextTable
    crs: str | None = None


def read_source(path: Path, sheet: str | None = None) -> Source:
    """Read a register by its file name's ending; everything that is neither a workbook nor GeoJSON is read as CSV.

    Raises:
        UnusableError: missing, unreadable, without a header, or not what its name says.
    """
    kind = path.suffix.lower()
    if kind == ".xls":
        raise UnusableError(f"{path}: the old Excel format is not read; save it as .xlsx or .csv")
    try:
        if kind in _WORKBOOKS:
            return Source(_read_workbook(path, sheet))
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise UnusableError(f"{path}: no such file") from error
    except OSError as error:
        raise UnusableError(f"{path}: {error.strerror or error}") from error
    if kind in _GEOJSONS:
        return _read_geojson(content, path)
    if content.startswith(b"PK\x03\x04"):
        raise UnusableError(f"{path}: is an archive or workbook, not text; name it .xlsx if it is one")
    return Source(read_delimited(content, path.name))


def _read_workbook(path: Path, sheet: str | None) -> TextTable:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MAX_UNPACKED:
                raise UnusableError(f"{path}: unpacks to more than {_MAX_UNPACKED >> 30} GiB")
        workbook = load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError) as error:
        raise UnusableError(f"{path}: is no workbook: {' '.join(str(error).split())}") from error
    try:
        if sheet is not None and sheet not in workbook.sheetnames:
            raise UnusableError(f"{path}: no sheet {sheet!r}; it has {', '.join(workbook.sheetnames)}")
        page = workbook[sheet or workbook.sheetnames[0]]
        rows = _sheet_rows(page)
        header = next((row for row in rows if any(row[1])), (0, []))[1]
        names = [" ".join(name.split()) for name in header]
        while names and not names[-1]:
            names.pop()
        _check_header(names, path)
        n_columns = len(names)
        padded = ((line, row + [""] * (n_columns - len(row))) for line, row in rows)
        return table_of_rows(path.name, names, padded, [])
    except (KeyError, ValueError, SyntaxError, zipfile.BadZipFile) as error:
        raise UnusableError(f"{path}: broken workbook: {' '.join(str(error).split())}") from error
    finally:
        workbook.close()


def _check_header(names: list[str], path: Path) -> None:
    if not any(names):
        raise UnusableError(f"{path}: no header: the first row has to name the columns")
    for name in names:
        if name and names.count(name) > 1:
            raise UnusableError(f"{path}: {name}: stands twice in the header")


def _sheet_rows(page: Any) -> Iterator[tuple[int, list[str]]]:
    for line, row in enumerate(page.iter_rows(values_only=True), start=1):
        yield line, [_text(value) for value in row]


def _text(value: Any) -> str:
    """A cell's or property's value as a person would type it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _read_geojson(content: bytes, path: Path) -> Source:
    if len(content) > _MAX_GEOJSON:
        raise UnusableError(f"{path}: more than {_MAX_GEOJSON >> 20} MiB of GeoJSON")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:  # also what is no Unicode, and a number of thousands of digits
        raise UnusableError(f"{path}: not JSON: {error}") from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise UnusableError(f"{path}: is no GeoJSON FeatureCollection")
    header: dict[str, None] = {GEOMETRY_X: None, GEOMETRY_Y: None}
    for feature in features:
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if isinstance(properties, dict):
            header.update(dict.fromkeys(properties))
    issues: list[Issue] = []
    rows = ((number, _feature_row(feature, header)) for number, feature in enumerate(features, start=1))
    table = table_of_rows(path.name, list(header), rows, issues)
    return Source(table, _crs_of(document))


def _feature_row(feature: Any, header: dict[str, None]) -> list[str] | str:
    if not isinstance(feature, dict):
        return "is no GeoJSON feature"
    properties = feature.get("properties")
    row = properties if isinstance(properties, dict) else {}
    x, y = _point(feature.get("geometry"))
    values = [x, y, *(_text(row.get(name)) for name in list(header)[2:])]
    return values if any(values) else "has neither properties nor a point"


def _point(geometry: Any) -> tuple[str, str]:
    if not isinstance(geometry, dict):
        return "", ""
    coordinates = geometry.get("coordinates")
    if geometry.get("type") == "MultiPoint" and isinstance(coordinates, list) and len(coordinates) == 1:
        coordinates = coordinates[0]
    elif geometry.get("type") != "Point":
        return "", ""
    if isinstance(coordinates, list) and len(coordinates) >= 2:
        return _text(coordinates[0]), _text(coordinates[1])
    return "", ""


def _crs_of(document: dict[str, Any]) -> str:
    """The file's own system: RFC 7946 knows WGS 84 alone, older files name theirs in ``crs``."""
    crs = document.get("crs")
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return name if isinstance(name, str) else "EPSG:4326"
