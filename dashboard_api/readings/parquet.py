"""Readings from ingest's Parquet segments with DuckDB. Segments appear and vanish (compaction) while this reads."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from dashboard_api.errors import UnavailableError
from durable_files.bounded_read import is_special
from ingest.schema.segments import table_files
from ingest.schema.telemetry import LAMP_VALUES, QuantityColumn
from languages.message import Message, Plain

_ATTEMPTS: Final = 4
_MAX_LISTED: Final = 10_000
_NEEDED: Final = frozenset(("at_us", "lamp_id"))
_TYPES: Final = {
    "|u1": "UTINYINT", "<u2": "USMALLINT", "<u4": "UINTEGER", "<u8": "UBIGINT", "<f4": "FLOAT", "<f8": "DOUBLE",
}  # fmt: skip  # a table


def _averaged(column: QuantityColumn) -> str:
    name = column.name
    if column.is_counter:
        return f"max({name}) AS {name}"
    known = name if column.unknown is None else f"nullif({name}, {column.unknown})"
    return f"avg({known})::FLOAT AS {name}"


# Files written before a quantity was declared have no column of it: the empty rows in front name every column.
_NO_ROWS: Final = ", ".join(f"NULL::{_TYPES[column.dtype]} AS {column.name}" for column in LAMP_VALUES)
_ROWS: Final = f"""
    FROM (
        SELECT NULL::BIGINT AS at_us, {_NO_ROWS} WHERE false
        UNION ALL BY NAME
        SELECT * FROM read_parquet(?, union_by_name = true) WHERE lamp_id = ? AND at_us >= ? AND at_us < ?
    )
"""  # noqa: S608  # declared names
_RAW: Final = f"SELECT at_us, {', '.join(c.name for c in LAMP_VALUES)} {_ROWS} ORDER BY at_us"
_AVERAGED: Final = f"""
    SELECT at_us // ? * ? AS at_us,
           {", ".join(_averaged(c) for c in LAMP_VALUES if c.is_averaged or c.is_counter)}, count(*) AS n
    {_ROWS}
    GROUP BY 1 ORDER BY 1
"""
_EMPTY: Final = ("at_us", *(column.name for column in LAMP_VALUES))


class ParquetReadings:
    """The segments of one folder, laid out as ``ingest.schema.segments`` says."""

    def __init__(self, folder: Path) -> None:
        """``folder``: of ``[telemetry] url = "parquet:…"``."""
        self._folder = folder
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        self._lock = threading.Lock()
        self._damaged: dict[str, tuple[int, int] | None] = {}

    def lamp(self, lamp_id: str, start_us: int, end_us: int, every_s: int | None) -> pa.Table:
        """See ``ReadingStore.lamp``."""
        step_us = (every_s or 1) * 1_000_000
        for attempt in range(_ATTEMPTS):
            files = self._files(start_us, end_us)
            if not files:
                return pa.table({name: pa.array([], pa.float64()) for name in _EMPTY})
            try:
                with self._lock:
                    cursor = self._connection.cursor()
                if every_s is None:
                    return cursor.sql(_RAW, params=[files, lamp_id, start_us, end_us]).to_arrow_table()
                averaged = cursor.sql(_AVERAGED, params=[step_us, step_us, files, lamp_id, start_us, end_us])
                return averaged.to_arrow_table()
            except duckdb.Error as error:
                # compaction replaced a segment between listing and reading, or the disk has damaged one
                if not self._set_damaged_apart(files) and attempt == _ATTEMPTS - 1:
                    raise UnavailableError("telemetry_unreadable", reason=str(error)) from error
        raise UnavailableError("telemetry_changing")

    def _files(self, start_us: int, end_us: int) -> list[str]:
        """Files that may hold readings of the span."""
        files = [str(path) for path in table_files(self._folder, "lamps", start_us, end_us)]
        return [file for file in files if not self._is_listed(file) and not self._is_pipe(file)]

    def _is_pipe(self, file: str) -> bool:
        """Whether a file is none, so that whoever opens it might wait for ever."""
        return is_special(Path(file)) and self._set_damaged_apart([file])

    def _is_listed(self, file: str) -> bool:
        """Whether a file was found damaged and is still the same."""
        if file not in self._damaged:
            return False
        if self._damaged[file] == _stamp(file):
            return True
        self._damaged.pop(file, None)
        return False

    def _set_damaged_apart(self, files: list[str]) -> bool:
        """Leave out files that are not readable as Parquet, so that one of them does not hide the others of its day."""
        found = {file for file in files if _is_damaged(file, whole=False)}
        found = found or {file for file in files if _is_damaged(file, whole=True)}
        for file in sorted(found):
            structlog.get_logger("api").error("damaged, left out of every answer", file=file)
            if len(self._damaged) < _MAX_LISTED:
                self._damaged[file] = _stamp(file)
        return bool(found)

    def warnings(self) -> dict[str, Message]:
        """Files that were found damaged and are left out of every answer."""
        listed = sorted(file for file in list(self._damaged) if self._is_listed(file))
        if not listed:
            return {}
        names = Plain(", ".join("/".join(Path(file).parts[-3:]) for file in listed[:3]))
        some = names if len(listed) <= 3 else Message("readiness.and_more", names=names, n=len(listed) - 3)
        if len(listed) == 1:
            return {"telemetry": Message("readiness.unreadable_file", name=some)}
        return {"telemetry": Message("readiness.unreadable_files", n=len(listed), names=some)}

    def close(self) -> None:
        """Close DuckDB."""
        self._connection.close()


def _is_damaged(file: str, *, whole: bool) -> bool:
    """Whether a file's footer, or any of its pages, cannot be read."""
    try:
        if is_special(Path(file)):
            return True
        if whole:
            pq.read_table(file, partitioning=None).validate(full=True)
        elif not _NEEDED.issubset(pq.read_schema(file).names):
            return True
    except FileNotFoundError:
        return False
    except (OSError, ValueError, NotImplementedError, pa.ArrowException):
        return True
    return False


def _stamp(file: str) -> tuple[int, int] | None:
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
