"""Sets a damaged SQLite database aside, so that ingest goes on with a new one.

Owns what counts as damage: SQLite says so itself, or its check of every page does. A database that is locked, may not
be read, or is of a newer version of Terang is none. The damaged file is kept under another name, for SQLite's own
``.recover``; what it held is said: the register is built again from the folder; schedules, TALQ's documents and
subscriptions, accounts, maintenance and open reports come back from their copies (`ingest.schema.settings_copy`).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import structlog

from ingest.damaged_file import set_aside
from ingest.database import is_damage, sqlite_path
from ingest.errors import UnusableError
from ingest.schema.access_tables import ACCOUNTS_LOST_FILE
from ingest.schema.city import City
from ingest.schema.settings_copy import COPY_FILE, KINDS, kept_database_warning
from ingest.settings_restore import prepare_restore
from languages.message import Message, Plain, why

_BUSY_TIMEOUT_S: Final = 15.0
_OF_THE_ROWS: Final = (
    "NULL value in",
    "CHECK constraint failed",
    "non-unique entry",
)  # readable, if not as it should be
_BESIDE: Final = ("-wal", "-shm")
# what stands in the database alone, and has no copy
_LOST: Final = "citizens' reports that have their outcome, repairs, energy by hour, the history of faults"
_OF_ACCOUNTS: Final = ("users", "tokens")
_AUDIT_HEAD: Final = "audit-head.json"  # in the data folder since the first account was made


def damage_of(path: Path) -> str | None:
    """What is wrong with a database file; None if it is whole, or not to be had at the moment."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", _BUSY_TIMEOUT_S, uri=True)) as connection:
            for (line,) in connection.execute("PRAGMA quick_check(20)"):
                if line != "ok" and not line.startswith(_OF_THE_ROWS):
                    return str(line).splitlines()[-1]
            connection.execute("SELECT * FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        return str(error) if is_damage(error) else None
    except (OverflowError, UnicodeDecodeError, ValueError) as error:  # of texts in its schema
        return f"{type(error).__name__}: {error}"
    return None


def replace_damaged(city: City, *, is_known: bool = False) -> Path | None:
    """Set the city's database aside if it is damaged; returns where it is kept.

    The caller holds the city's folder lock, so that no other ingest writes it.

    Args:
        city: whose database.
        is_known: SQLite has said so while it was in use; it is not checked again.

    Raises:
        UnusableError: it is damaged and cannot be set aside.
    """
    path = sqlite_path(city)
    if path is None or not path.is_file():
        return None
    log = structlog.get_logger("ingest")
    wal = path.with_name(f"{path.name}-wal")
    if not path.stat().st_size:
        has_wal = wal.exists() and wal.stat().st_size > 0
        if not has_wal and not any((city.data_folder / kind.copy_file).exists() for kind in KINDS):
            return None  # as SQLite makes it before the first table
        damage: str | None = f"it is empty, and {'its -wal' if has_wal else 'the copy of what it held'} is not"
    else:
        damage = "found while it was in use" if is_known else damage_of(path)
    if damage is None:
        return None
    has_accounts = _had_accounts(path, city.data_folder)
    kept = set_aside(path)
    if kept is None:
        raise UnusableError(Message("terminal.error.damaged_and_stuck", file=Plain(path), damage=Plain(damage)))
    for ending in _BESIDE:
        beside = path.with_name(path.name + ending)
        if beside.exists():
            try:
                beside.replace(kept.with_name(kept.name + ending))
            except OSError as error:
                raise UnusableError(Message("terminal.error.stuck", beside=Plain(beside), reason=why(error))) from error
    if has_accounts:
        text = f"The accounts were in {kept.name}. Make them again: terang-api user add NAME --role administrator\n"
        try:
            (city.data_folder / ACCOUNTS_LOST_FILE).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UnusableError(
                Message("terminal.error.at", where=Plain(city.data_folder / ACCOUNTS_LOST_FILE), reason=why(error))
            ) from error
    without = [kind for kind in KINDS if not (city.data_folder / kind.copy_file).exists()]
    lost = [table.name for kind in without for table in kind.tables if has_accounts or table.name not in _OF_ACCOUNTS]
    try:
        prepare_restore(city.data_folder)
    except OSError as error:
        raise UnusableError(
            Message("terminal.error.stuck", beside=Plain(city.data_folder / COPY_FILE), reason=why(error))
        ) from error
    log.error(
        "the database is damaged; it is set aside and a new one is made",
        file=str(path),
        kept=str(kept),
        reason=damage,
        lost=f"{'the audit log, ' if has_accounts else ''}{_LOST}",
        without_copy=lost,
    )
    return kept


def _had_accounts(path: Path, data_folder: Path) -> bool:
    """Whether it held accounts or tokens, or anybody ever made one; changes nothing, and so does not read its log."""
    if (data_folder / _AUDIT_HEAD).exists():
        return True
    try:
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            query = "SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM tokens)"
            return bool(connection.execute(query).fetchone()[0])
    except (sqlite3.Error, OverflowError, UnicodeDecodeError, ValueError):
        return False


def kept_databases(city: City) -> list[Path]:
    """Damaged databases that are beside the present one, oldest first."""
    path = sqlite_path(city)
    if path is None:
        return []
    found = path.parent.glob(f"{path.name}.damaged-*")
    return sorted(kept for kept in found if not kept.name.endswith(_BESIDE))


def kept_warning(city: City) -> Message | None:
    """What ``/readyz`` says of them; None if there are none."""
    kept = kept_databases(city)
    if not kept:
        return None
    return kept_database_warning(city.data_folder, kept[-1].name)
