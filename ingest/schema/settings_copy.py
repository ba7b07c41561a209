"""A copy of what only the database knows of people's settings, for the day when its SQLite file is damaged.

Lighting schedules, the documents of TALQ and NGSI-LD subscriptions stand in the database alone. Whoever changes one
writes all of them into ``settings-copy.json`` of the data folder, before the change is committed. When ingest sets a
damaged database aside, the copy becomes ``settings-copy.restore.json``, from which the new database is filled; that
file goes when it is done, so that a process that is killed in between takes it up again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, insert, select

from durable_files.whole_file import replace_file
from ingest.schema.ngsi_tables import ngsi_subscriptions
from ingest.schema.schedule_tables import controller_schedules, schedules
from ingest.schema.talq_tables import talq_documents

COPY_FILE: Final = "settings-copy.json"
RESTORE_FILE: Final = "settings-copy.restore.json"
COPIED: Final[tuple[Table, ...]] = (schedules, controller_schedules, talq_documents, ngsi_subscriptions)
LARGEST: Final = 256 << 20  # bytes of a copy that is read


def write_copy(connection: Connection, folder: Path) -> None:
    """Write the copy of what the transaction sees.

    Raises:
        OSError: it cannot be written; the older one is kept.
    """
    rows = {table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in COPIED}
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    replace_file(folder / COPY_FILE, text.encode(), mode=0o600, is_owned_like_folder=True)


def restore_copy(connection: Connection, path: Path) -> dict[str, int]:
    """Fill the tables of a new database from a copy; rows that are there already stay as they are.

    Returns:
        Table -> rows that came back.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such copy; nothing came back.
        sqlalchemy.exc.SQLAlchemyError: the database does not take it.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError("too large")
    document = json.loads(path.read_bytes())
    found = {table: _rows(document, table) for table in COPIED}
    n_rows: dict[str, int] = {}
    for table, rows in found.items():
        keys = [column.name for column in table.primary_key]
        there = {tuple(row) for row in connection.execute(select(*table.primary_key))}
        missing = [row for row in rows if tuple(row[key] for key in keys) not in there]
        if missing:
            connection.execute(insert(table), missing)
        n_rows[table.name] = len(missing)
    return n_rows


def _rows(document: Any, table: Table) -> list[dict[str, Any]]:
    rows = document.get(table.name) if isinstance(document, dict) else None
    names = {column.name for column in table.columns}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.keys() == names for row in rows):
        raise ValueError(f"{table.name}: no rows of this table")
    return rows
