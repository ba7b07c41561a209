"""Vector files and workbooks read by a process of its own, with bounded memory and time.

Owns that process's limits; the libraries that open such files are never loaded here.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ingest.city.decoding_protocol import ABOUT, LINE, PART, PARTS, REASON, UNREADABLE, X, Y, unpacked
from ingest.errors import UnusableError
from languages.message import Message, Plain

MAX_UNPACKED: Final = 768 << 20  # bytes; a workbook that unpacks to more is a bomb, not a register
_MAX_ENTRIES: Final = 10_000
_MAX_MEMORY: Final = 2 << 30  # bytes
_MAX_DENSITY: Final = 200  # times its packed size; texts of registers pack to a tenth or a twentieth
_DENSE_FROM: Final = 64 << 20  # bytes that may be denser
_MAX_SECONDS: Final = 300  # of CPU
_MAX_SAID: Final = 20_000  # characters of what the process says
# Every driver of GDAL but those for GeoJSON, GeoPackage, Shapefile, KML and ESRI JSON: no virtual layers, no network.
_SKIPPED_DRIVERS: Final = (
    "ADBC", "AIVector", "AVCBin", "AVCE00", "AmigoCloud", "CSV", "CSW", "Carto", "DGN", "DXF", "EDIGEO", "EEDA",
    "Elasticsearch", "FlatGeobuf", "GDALG", "GML", "GPSBabel", "GPX", "GTFS", "GeoJSONSeq", "GeoRSS", "HTTP",
    "Idrisi", "JML", "JSONFG", "LVBAG", "MBTiles", "MEM", "MVT", "MapML", "MiraMonVector", "NGW", "OAPIF", "ODS",
    "OGCAPI", "OGR_GMT", "OGR_PDS", "OGR_VRT", "OSM", "OpenFileGDB", "PCIDSK", "PDF", "PDS4", "PGDUMP", "PLSCENES",
    "PMTiles", "S57", "SQLite", "SXF", "Selafin", "TopoJSON", "VDV", "VFK", "VICAR", "WAsP", "WFS", "XLSX",
    "Memory", "Parquet", "Arrow", "PostgreSQL", "MySQL", "ODBC", "MSSQLSpatial", "OCI", "netCDF", "HDF4", "HDF5",
    "Interlis", "XLS", "MapInfo File",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the process found.

    Attributes:
        columns: texts by column, in the file's order.
        lines: the row's or feature's number.
        x, y: floats of a vector file's points, NaN where a feature is none; empty without geometry.
        reasons: why a feature is no point, None where it is one.
        crs: the system that the file names.
        exact: columns of numbers.
        driver: GDAL's name of the format.
        notes: what a person should know.
        merged: cells of a workbook that are one: row from 0, column, last row.
    """

    columns: dict[str, list[str]]
    lines: list[int]
    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    reasons: list[Message | None] = field(default_factory=list)
    crs: str = ""
    exact: frozenset[str] = frozenset()
    driver: str = ""
    notes: Sequence[Message] = ()
    merged: Sequence[tuple[int, int, int]] = ()


def check_archive(path: Path, kind: str = "workbook") -> None:
    """Refuse an archive that unpacks to more than a register can be; a workbook is one too.

    Raises:
        UnusableError: it does, or it is no archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        reason = Plain(str(error))
        if kind == "workbook":
            raise _about(path, Message("terminal.error.no_workbook_because", reason=reason)) from error
        raise _about(path, Message("terminal.error.broken_archive", reason=reason)) from error
    if len(entries) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise UnusableError(Message("terminal.error.bomb", file=path, most=MAX_UNPACKED >> 20))
    for entry in entries:
        if entry.file_size > _DENSE_FROM and entry.file_size > _MAX_DENSITY * max(entry.compress_size, 1):
            raise UnusableError(
                Message("terminal.error.dense", file=path, name=Plain(entry.filename[:100]), most=_MAX_DENSITY)
            )


def decode_file(kind: str, path: Path, name: str = "", encoding: str = "") -> Decoded:
    """Read a vector file or a workbook.

    Args:
        kind: ``workbook``, or the vector format's name for messages.
        path: a file that stands on this machine.
        name: sheet or layer; "" = the first that holds anything.
        encoding: of a Shapefile's texts; "" = as the file says.

    Raises:
        UnusableError: it cannot be read, or takes more memory or time than a register may.
    """
    with tempfile.TemporaryDirectory(prefix="terang-") as folder:
        command = [
            sys.executable,
            "-P",  # nothing of the folder that a person happens to be in is imported
            "-m",
            "ingest.city.decoding_process",
            kind,
            str(path.resolve()),
            folder,
            name,
            encoding,
        ]
        done = subprocess.run(  # noqa: S603  # our own module; the file's name is an argument, never a command
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            env=_environment(),
            preexec_fn=_limit,  # sets limits alone
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            reason = unpacked(said[-1][:_MAX_SAID]) if said and done.returncode == UNREADABLE else None
            if reason is None:
                reason = Message("terminal.error.reader_limits", gib=_MAX_MEMORY >> 30, seconds=_MAX_SECONDS)
            raise _about(path, reason)
        return _joined(Path(folder))


def _about(path: Path, reason: Message) -> UnusableError:
    return UnusableError(Message("terminal.error.at", where=path, reason=reason))


def parts_of(kind: str, path: Path) -> list[tuple[str, int]]:
    """The sheets of a workbook or the layers with points of a vector file, and how many rows each has.

    Raises:
        UnusableError: it cannot be read.
    """
    found = decode_file(f"{PARTS}{kind}", path)
    return list(zip(found.columns.get(PART, []), found.lines, strict=True))


def _environment() -> dict[str, str]:
    return {
        "PYTHONPATH": ":".join(entry for entry in sys.path if entry),
        "GDAL_SKIP": ",".join(_SKIPPED_DRIVERS),
        "GDAL_DISABLE_READDIR_ON_OPEN": "FALSE",
        "OGR_GEOJSON_MAX_OBJ_SIZE": "50",
        "OGR_SQLITE_LOAD_EXTENSIONS": "NO",
        "CPL_LOG": "/dev/null",
        "LANG": "C.UTF-8",
    }


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (_MAX_MEMORY, _MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_MAX_SECONDS, _MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _joined(folder: Path) -> Decoded:
    columns: dict[str, list[str]] = {}
    lines: list[int] = []
    x: list[float] = []
    y: list[float] = []
    reasons: list[Message | None] = []
    known: dict[str, Message | None] = {"": None}
    about: dict[str, Any] = {}
    exact: set[str] = set()
    for batch in _batches(folder):
        n_before = len(lines)
        about = json.loads((batch.schema.metadata or {})[ABOUT])
        exact.update(about["exact"])
        for name in batch.schema.names:
            column = batch.column(batch.schema.get_field_index(name))
            if name == LINE:
                lines += column.to_pylist()
            elif name in (X, Y):
                (x if name == X else y).extend(column.to_pylist())
            elif name == REASON:
                for text in column.to_pylist():
                    if text not in known:
                        known[text] = unpacked(text) or Message("finding.no_feature")
                    reasons.append(known[text])
            else:
                columns.setdefault(name, [""] * n_before).extend(_texts(column))
        for values in columns.values():
            values.extend([""] * (len(lines) - len(values)))
    notes = tuple(note for text in dict.fromkeys(about.get("notes", ())) if (note := unpacked(text)) is not None)
    merged = tuple((first, column, last) for first, column, last in about.get("merged", ()))
    return Decoded(
        columns, lines, x, y, reasons, about.get("crs", ""), frozenset(exact), about.get("driver", ""), notes, merged
    )


def _batches(folder: Path) -> Iterator[pa.RecordBatch]:
    for path in sorted(folder.glob("*.arrow")):
        with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)


def _texts(column: pa.Array) -> list[str]:
    """A column's texts; equal ones are one object, as a city has few streets."""
    coded = column.fill_null("").dictionary_encode()
    words = coded.dictionary.to_pylist()
    return [words[at] for at in coded.indices.to_pylist()]
