"""Brings schedules, TALQ's documents and subscriptions into the database that takes a damaged one's place."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from ingest.damaged_file import set_aside
from ingest.database import is_unavailable
from ingest.schema.settings_copy import COPIED, COPY_FILE, RESTORE_FILE, restore_copy, write_copy


def prepare_restore(folder: Path) -> None:
    """A database was set aside: the copy of its settings waits for the next one, where there is a copy.

    Raises:
        OSError: the file cannot be renamed.
    """
    with suppress(FileNotFoundError):
        (folder / COPY_FILE).replace(folder / RESTORE_FILE)


def restore_settings(engine: Engine, folder: Path) -> dict[str, int]:
    """Fill the new database from the copy that waits, if one does; make the first copy of an older city's database.

    A copy that cannot be read is kept under another name, and the log says that the settings are lost.

    Args:
        engine: of a database whose tables are there.
        folder: the city's data folder.

    Returns:
        Table -> rows that came back.
    """
    path, log = folder / RESTORE_FILE, structlog.get_logger("ingest")
    found: dict[str, int] = {}
    if path.exists():
        reason = ""
        try:
            with engine.begin() as connection:
                found = restore_copy(connection, path)
        except (OSError, ValueError, TypeError, RecursionError, SQLAlchemyError) as error:
            if isinstance(error, SQLAlchemyError) and is_unavailable(error):
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0][:500]
        if reason:
            text = "the copy of schedules, TALQ's documents and subscriptions cannot be read: they are lost"
            log.error(text, kept=str(set_aside(path)), reason=reason)
        else:
            log.warning("schedules, TALQ's documents and subscriptions came back from their copy", rows=found)
            path.unlink()
    try:
        with engine.connect() as connection:
            is_filled = any(connection.execute(select(table).limit(1)).first() for table in COPIED)
            if is_filled and not (folder / COPY_FILE).exists():
                write_copy(connection, folder)
    except OSError as error:
        log.warning("settings cannot be copied beside the database", reason=str(error))
    return found
