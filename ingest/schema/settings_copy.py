"""Copies of what only the database knows, for the day when its SQLite file is damaged.

There are three, each written whole or not at all into a file of mode 0600 in the data folder:

* settings: lighting schedules, the documents of TALQ and NGSI-LD subscriptions;
* access: accounts with their password hashes, API tokens, maintenance that is not over;
* reports: citizens' reports without an outcome, with their encrypted contacts.

The first two are written before a change of them is committed, the third by a timer. When ingest sets a damaged
database aside, each copy becomes ``….restore.json``, from which the new database is filled; that file goes when it is
done, so that a process that is killed in between takes it up again. No archive for another city holds any of them.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, func, insert, select

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replace_file
from ingest.schema.access_tables import tokens, users
from ingest.schema.ngsi_tables import ngsi_subscriptions
from ingest.schema.report_tables import reports
from ingest.schema.schedule_tables import controller_schedules, schedules
from ingest.schema.tables import maintenance
from ingest.schema.talq_tables import talq_documents
from languages.message import Message, Plain

COPY_FILE: Final = "settings-copy.json"
RESTORE_FILE: Final = "settings-copy.restore.json"
RESTORED_FILE: Final = "database-restored.json"  # what came back into the database that is in use now
COPIED: Final[tuple[Table, ...]] = (schedules, controller_schedules, talq_documents, ngsi_subscriptions)
LARGEST: Final = 256 << 20  # bytes of a copy that is read
MOST_REPORTS: Final = 20_000  # of a copy, the newest
_LARGEST_RESTORED: Final = 65_536


@dataclass(frozen=True, slots=True)
class CopyKind:
    """One copy.

    Attributes:
        name: of the files, without ending.
        tables: that it holds, those before which others refer to.
        wanted: table's name -> which of its rows at a time [UTC us]; None = all.
        newest: table's name -> the column by which the newest rows are kept, and how many of them.
        fit: makes rows of a copy fit a database that lacks what they referred to.
    """

    name: str
    tables: tuple[Table, ...]
    wanted: Mapping[str, Callable[[int], ColumnElement[bool]]] = field(default_factory=dict)
    newest: Mapping[str, tuple[Any, int]] = field(default_factory=dict)
    fit: Callable[[str, list[dict[str, Any]]], list[dict[str, Any]]] = lambda _table, rows: rows

    @property
    def copy_file(self) -> str:
        """Name of the copy."""
        return f"{self.name}.json"

    @property
    def restore_file(self) -> str:
        """Name of a copy that waits to be restored."""
        return f"{self.name}.restore.json"


def _fit_reports(_table: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The faults that reports were of are gone; so may be the report that one was joined to."""
    numbers = {row["number"] for row in rows}
    return [
        {**row, "fault_id": None, "joined_to": row["joined_to"] if row["joined_to"] in numbers else None}
        for row in rows
    ]


SETTINGS: Final = CopyKind("settings-copy", COPIED)
ACCESS: Final = CopyKind(
    "access-copy", (users, tokens, maintenance), {"maintenance": lambda now_us: maintenance.c.until_us > now_us}
)
REPORTS: Final = CopyKind(
    "reports-copy",
    (reports,),
    {"reports": lambda _now_us: reports.c.closed_at_us.is_(None)},
    {"reports": (reports.c.at_us, MOST_REPORTS)},
    _fit_reports,
)
KINDS: Final = (SETTINGS, ACCESS, REPORTS)


def write_copy(connection: Connection, folder: Path, kind: CopyKind = SETTINGS) -> None:
    """Write the copy of what the transaction sees.

    Raises:
        OSError: it cannot be written; the older one is kept.
    """
    now_us = time.time_ns() // 1000
    rows = {table.name: [_plain(row) for row in _rows_of(connection, kind, table, now_us)] for table in kind.tables}
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    replace_file(folder / kind.copy_file, text.encode(), mode=0o600, is_owned_like_folder=True)


def reports_mark(connection: Connection) -> tuple[Any, ...]:
    """Another one whenever the copy of reports would be another one."""
    columns = (func.count(), func.max(reports.c.at_us), func.sum(reports.c.n_joined))
    return tuple(connection.execute(select(*columns).where(reports.c.closed_at_us.is_(None))).one())


def restore_copy(connection: Connection, path: Path, kind: CopyKind = SETTINGS) -> dict[str, int]:
    """Fill the tables of a new database from a copy; rows that are there already stay as they are.

    Returns:
        Table -> rows that came back.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such copy; nothing came back.
        sqlalchemy.exc.SQLAlchemyError: the database does not take it.
    """
    document = json.loads(read_bounded(path, LARGEST))
    found = {table: kind.fit(table.name, _rows(document, table)) for table in kind.tables}
    n_rows: dict[str, int] = {}
    for table, rows in found.items():
        keys = [column.name for column in table.primary_key]
        there = {tuple(row) for row in connection.execute(select(*table.primary_key))}
        missing = [row for row in rows if tuple(row[key] for key in keys) not in there]
        if missing:
            connection.execute(insert(table), missing)
        n_rows[table.name] = len(missing)
    return n_rows


def note_restored(folder: Path, rows: Mapping[str, int]) -> None:
    """Keep what came back, for `restored_warning`.

    Raises:
        OSError: it cannot be written.
    """
    replace_file(folder / RESTORED_FILE, json.dumps(dict(rows)).encode(), is_owned_like_folder=True)


def kept_database_warning(folder: Path, name: str) -> Message:
    """What ``/readyz`` says of a damaged database that is kept as ``name``, and of what came back from copies."""
    try:
        rows = json.loads(read_bounded(folder / RESTORED_FILE, _LARGEST_RESTORED))
        n_accounts, n_tokens, n_reports, n_maintenance = (int(rows.get(table.name, 0)) for table in _TOLD)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return Message("readiness.kept_database", name=Plain(name))
    return Message(
        "readiness.restored_database",
        name=Plain(name),
        n_accounts=n_accounts,
        n_tokens=n_tokens,
        n_reports=n_reports,
        n_maintenance=n_maintenance,
    )


_TOLD: Final = (users, tokens, reports, maintenance)


def _rows_of(connection: Connection, kind: CopyKind, table: Table, now_us: int) -> list[Any]:
    query = select(table)
    if table.name in kind.wanted:
        query = query.where(kind.wanted[table.name](now_us))
    if table.name in kind.newest:
        column, most = kind.newest[table.name]
        query = query.order_by(column.desc()).limit(most)
    return list(connection.execute(query).mappings())


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
        for name, value in row.items()
    }


def _rows(document: Any, table: Table) -> list[dict[str, Any]]:
    rows = document.get(table.name) if isinstance(document, dict) else None
    names = {column.name for column in table.columns}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.keys() == names for row in rows):
        raise ValueError(f"{table.name}: no rows of this table")
    binary = [column.name for column in table.columns if column.type.python_type is bytes]
    return [{**row, **{name: _bytes(row[name]) for name in binary}} for row in rows]


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    text = value.get("base64") if isinstance(value, dict) else None
    return base64.b64decode(str(text), validate=True)  # a ValueError of what is no base64
