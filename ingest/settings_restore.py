"""Brings what has a copy into the database that takes a damaged one's place."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from ingest.damaged_file import set_aside
from ingest.database import is_unavailable
from ingest.schema.access_tables import ACCOUNTS_LOST_FILE, users
from ingest.schema.settings_copy import (
    ACCESS,
    KINDS,
    RESTORED_FILE,
    CopyKind,
    note_restored,
    restore_copy,
    write_copy,
)

_ADMINISTRATOR = "administrator"


def prepare_restore(folder: Path) -> None:
    """A database was set aside: the copies of what it held wait for the next one, where there are copies.

    Raises:
        OSError: a file cannot be renamed.
    """
    (folder / RESTORED_FILE).unlink(missing_ok=True)
    for kind in KINDS:
        with suppress(FileNotFoundError):
            (folder / kind.copy_file).replace(folder / kind.restore_file)


def restore_settings(engine: Engine, folder: Path) -> dict[str, int]:
    """Fill the new database from the copies that wait, if any do; make the first copies of an older city's database.

    A copy that cannot be read is kept under another name, and the log says that what it held is lost.

    Args:
        engine: of a database whose tables are there.
        folder: the city's data folder.

    Returns:
        Table -> rows that came back.
    """
    found: dict[str, int] = {}
    for kind in KINDS:
        found |= _restore(engine, folder, kind)
    log = structlog.get_logger("ingest")
    try:
        if found:
            note_restored(folder, found)
        with engine.connect() as connection:
            for kind in KINDS:
                is_filled = any(connection.execute(select(table).limit(1)).first() for table in kind.tables)
                if is_filled and not (folder / kind.copy_file).exists():
                    write_copy(connection, folder, kind)
    except OSError as error:
        log.warning("settings cannot be copied beside the database", reason=str(error))
    return found


def _restore(engine: Engine, folder: Path, kind: CopyKind) -> dict[str, int]:
    path, log = folder / kind.restore_file, structlog.get_logger("ingest")
    if not path.exists():
        return {}
    reason, found, is_governed = "", {}, False
    try:
        with engine.begin() as connection:
            found = restore_copy(connection, path, kind)
            is_governed = kind is ACCESS and _has_administrator(connection)
    except (OSError, ValueError, TypeError, RecursionError, SQLAlchemyError) as error:
        if isinstance(error, SQLAlchemyError) and is_unavailable(error):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0][:500]
    tables = ", ".join(table.name for table in kind.tables)
    if reason:
        text = "a copy of what the database held cannot be read: that is lost"
        log.error(text, kept=str(set_aside(path)), tables=tables, reason=reason)
        return {}
    log.warning("rows of the damaged database came back from their copy", rows=found)
    path.unlink()
    if is_governed:
        (folder / ACCOUNTS_LOST_FILE).unlink(missing_ok=True)
    return found


def _has_administrator(connection: Connection) -> bool:
    """Whether somebody can make accounts again by signing in; else the terminal has to."""
    query = select(users.c.id).where(users.c.role == _ADMINISTRATOR, users.c.is_disabled.is_(False)).limit(1)
    return connection.execute(query).first() is not None
