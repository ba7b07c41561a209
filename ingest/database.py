"""The city's database: opens the engine and brings its tables to the newest schema.

The only module of ingest that makes engines. SQLite runs in WAL mode with ``synchronous=FULL``: a transaction that
returned is on the disk. Two processes may start at once: the migration takes the write lock first.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.pool import NullPool

from ingest.errors import DamagedDatabaseError, UnusableError
from ingest.private_files import keep_private, make_private
from ingest.schema.city import City
from ingest.schema.read_only_server import leave_read_only_servers
from ingest.schema.safe_url import scrubbed, without_secrets
from ingest.schema.server_history import refuse_old_servers
from languages.message import Message, Plain, why

_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_LOCK_TIMEOUT_MS: Final = 10_000
_BUSY_TIMEOUT_MS: Final = 15_000
_MIGRATION_LOCK: Final = 0x7465_7261  # any number, the same for all of Terang's processes
_ALEMBIC: Final = threading.Lock()  # its context is global: one migration at a time in a process

_PRIMARY: Final = 0xFF  # of SQLite's extended error codes
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# other errors of reading may pass (a disk that comes back); a file that ends too early, or fails its checksum, does not
_DAMAGE_EXTENDED: Final = frozenset(
    {sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA}
)

Guard: TypeAlias = Callable[[Engine], None]  # keeps an engine's transactions from beginning when they must not


def is_damage(error: BaseException | None) -> bool:
    """Whether an error, or one that it wraps, is SQLite's word that the file is damaged."""
    original = getattr(error, "orig", None) or error
    code = getattr(original, "sqlite_errorcode", None)
    if not isinstance(original, sqlite3.DatabaseError) or code is None:
        return False
    return code & _PRIMARY in _DAMAGE or code in _DAMAGE_EXTENDED


def is_unavailable(error: Exception) -> bool:
    """Whether the database is not to be had at the moment; False = it will never take what it was given."""
    if isinstance(error, (DataError, IntegrityError)):
        return False
    if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
        return False  # a value that cannot even be sent
    return isinstance(error, (SQLAlchemyError, OSError, MemoryError))


def sqlite_path(city: City) -> Path | None:
    """The file of the city's database; None if it is on a server or in memory, or its URL is broken."""
    try:
        url = make_url(city.database.url)
    except (ArgumentError, ValueError):
        return None
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return city.folder / url.database


def _at(where: str, reason: str) -> Message:
    return Message("terminal.error.at", where=Plain(where), reason=Plain(reason))


def open_database(city: City) -> Engine:
    """Open the city's database and migrate it to the newest schema.

    Raises:
        UnusableError: the URL is broken, or the server or file is not to be had.
    """
    given = city.database.url
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):  # its words repeat the URL, or a part of it
        raise UnusableError(
            Message(
                "terminal.error.no_database_url", folder=Plain(city.folder / "city.toml"), given=without_secrets(given)
            )
        ) from None
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        path = city.folder / url.database
        try:
            if not path.parent.exists():
                make_private(path.parent)
            with suppress(FileNotFoundError):
                keep_private(path)
        except OSError as error:
            raise UnusableError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
        url = url.set(database=str(path))
    shown = without_secrets(given)  # what is raised here is in logs and on status pages
    try:
        patience = {"connect_timeout": 5, "tcp_user_timeout": 10_000} if url.get_backend_name() == "postgresql" else {}
        engine = create_engine(url, pool_pre_ping=True, connect_args=patience)
        leave_read_only_servers(engine)
        refuse_old_servers(engine, city.data_folder)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        migrate(engine)
        if engine.dialect.name == "postgresql":
            engine.dispose()  # a migration may wait for longer
            event.listen(engine, "connect", _prepare_postgresql)
    except DatabaseError as error:
        if is_damage(error):
            raise DamagedDatabaseError(_at(shown, _first_line(error.orig))) from None
        raise UnusableError(_at(shown, scrubbed(_first_line(error.orig), given))) from None
    except CommandError as error:  # a version that this program does not know
        raise UnusableError(
            Message("terminal.error.other_tables", shown=Plain(shown), reason=Plain(_first_line(error)))
        ) from None
    except (SQLAlchemyError, ImportError, TypeError, ValueError) as error:  # no such driver, or option of it
        raise UnusableError(_at(shown, scrubbed(_first_line(error), given))) from None
    return engine


def _first_line(error: BaseException | None) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def connect_alone(city: City) -> Connection:
    """A connection of its own to the city's server, each statement by itself: for locks that live with a session.

    A server that does not answer is noticed within 4 s.

    Raises:
        SQLAlchemyError: the server is not to be had.
    """
    patience = {"connect_timeout": 4, "keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 2}
    engine = create_engine(
        city.database.url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={**patience, "tcp_user_timeout": 4000},
    )
    refuse_old_servers(engine, city.data_folder)
    return engine.connect()


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """Whoever holds a row for long delays faults, and nothing else: the change is tried again."""
    connection.execute(f"SET lock_timeout = {_LOCK_TIMEOUT_MS}")
    connection.commit()


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest schema; one process at a time, the others wait.

    Raises:
        SQLAlchemyError: the database refused.
    """
    with _ALEMBIC, engine.connect() as connection:
        _lock(connection)
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def _lock(connection: Connection) -> None:
    """Hold off other migrations until this connection commits."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
