"""Opens the city's database for the API. Its tables are made by ingest, which owns the schema's history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from json import JSONDecodeError
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, Row, create_engine, event, make_url, select, update
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DisconnectionError,
    IntegrityError,
    InterfaceError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from dashboard_api.errors import BadRequestError, RequestError, UnavailableError, UnusableError
from dashboard_api.store.file_revision import FileRevision
from ingest.schema import tables
from ingest.schema.city import City
from ingest.schema.read_only_server import leave_read_only_servers
from ingest.schema.safe_url import scrubbed, without_secrets
from ingest.schema.server_history import refuse_old_servers
from ingest.schema.settings_copy import ACCESS, REPORTS, kept_database_warning, reports_mark, write_copy
from languages.message import Message, Plain

__all__ = ["Connection", "Database", "Row"]  # the types that others pass on without speaking SQL

_BUSY_TIMEOUT_MS: Final = 5_000
LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS: Final = 120_000
_DAMAGED: Final = ("not a database", "malformed", "Could not decode")  # SQLite's words
_REGISTER_VERSION: Final = select(tables.register.c.version)
# DatabaseError: all that a driver raises, such as for a file that is no database or a page that is garbage
_NO_ANSWER: Final = (DatabaseError, InterfaceError, PoolTimeoutError)


class Database:
    """Transactions on the city's database."""

    def __init__(self, city: City) -> None:
        """Prepare the engine; connects only when something is asked.

        Raises:
            UnusableError: the URL is broken.
        """
        given = self._given_url = city.database.url
        self._path: Path | None = None
        self._revision: FileRevision | None = None
        self._reports_mark: tuple[Any, ...] | None = None
        self._version_at: tuple[tuple[int, int], int] | None = None
        self._data_folder = city.data_folder
        try:
            url = make_url(given)
        except (ArgumentError, ValueError):  # its words repeat the URL, or a part of it
            shown = without_secrets(given)
            raise UnusableError(
                Message("terminal.error.no_database_url", folder=Plain(city.folder / "city.toml"), given=shown)
            ) from None
        if url.get_backend_name() == "sqlite" and url.database:
            path = self._path = city.folder / url.database
            self._revision = FileRevision(path)
            # rw: an API must not make an empty database where ingest has not made one yet
            url = url.set(database=f"file:{path.absolute()}", query={"mode": "rw", "uri": "true"})
        # whether a short question is answered by this process itself, without a server to wait for
        self.is_in_process = url.get_backend_name() == "sqlite"
        # a server may have ended a connection meanwhile, a file has not
        try:
            self._engine: Engine = create_engine(
                url, pool_pre_ping=not self.is_in_process, pool_size=8, max_overflow=16
            )
        except (SQLAlchemyError, ImportError, TypeError, ValueError) as error:  # no such driver, or option of it
            reason = scrubbed(str(error).splitlines()[0], given)
            raise UnusableError(
                Message("terminal.error.database_url_at", given=Plain(without_secrets(given)), reason=Plain(reason))
            ) from None
        leave_read_only_servers(self._engine)
        refuse_old_servers(self._engine, city.data_folder)
        if self._engine.dialect.name == "postgresql":
            event.listen(self._engine, "connect", _prepare_postgresql)
        if self.is_in_process:
            event.listen(self._engine, "connect", self._note_file)
            event.listen(self._engine, "checkout", self._check_file)
            event.listen(self._engine, "connect", _prepare_sqlite)

    def _note_file(self, _connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        record.info["file"] = self._file()

    def _check_file(self, _connection: sqlite3.Connection, record: ConnectionPoolEntry, _proxy: object) -> None:
        """Let go of a file that ingest has set aside since: a new one stands in its place."""
        if record.info.get("file") != self._file():
            raise DisconnectionError("another database file is in its place")

    def _file(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def warnings(self) -> dict[str, Message]:
        """What an operator should look at: damaged databases that ingest has set aside."""
        if self._path is None:
            return {}
        kept = sorted(self._path.parent.glob(f"{self._path.name}.damaged-*"))
        names = [path.name for path in kept if not path.name.endswith(("-wal", "-shm"))]
        if not names:
            return {}
        return {"database": kept_database_warning(self._data_folder, names[-1])}

    def keep_settings(self, connection: Connection) -> None:
        """Copy schedules, TALQ's documents and subscriptions, as a transaction leaves them, beside a SQLite database.

        Called before the transaction ends, while no other one writes: the newest copy is the newest change's.
        """
        if self._path is None:
            return
        try:
            write_copy(connection, self._data_folder)
        except OSError as error:  # the change itself is safe in the database
            structlog.get_logger("api").warning("settings cannot be copied beside the database", reason=str(error))

    def keep_reports(self) -> None:
        """Copy citizens' open reports beside a SQLite database, if there are others than at the last time.

        Raises:
            UnavailableError: the database does not answer.
        """
        if self._path is None:
            return
        with self.reading() as connection:
            mark = reports_mark(connection)
            is_empty = not mark[0] and not (self._data_folder / REPORTS.copy_file).exists()
            if mark == self._reports_mark or is_empty:
                return
            try:
                write_copy(connection, self._data_folder, REPORTS)
            except OSError as error:
                structlog.get_logger("api").warning("reports cannot be copied beside the database", reason=str(error))
                return
        self._reports_mark = mark

    def _keep_access(self, connection: Connection) -> None:
        """Copy accounts, tokens and maintenance, as a transaction leaves them.

        Where that fails there must be no copy: an older one would bring back what was revoked since.
        """
        try:
            write_copy(connection, self._data_folder, ACCESS)
        except OSError as error:
            structlog.get_logger("api").warning("accounts cannot be copied beside the database", reason=str(error))
            with suppress(OSError):
                (self._data_folder / ACCESS.copy_file).unlink()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read from.

        Raises:
            UnavailableError: the database does not answer, or has no tables yet.
            BadRequestError: a value that the database cannot hold.
        """
        try:
            with self._engine.connect() as connection:
                yield connection
        except IntegrityError:
            raise
        except (*_NO_ANSWER, JSONDecodeError, UnicodeDecodeError) as error:
            raise _request_error(error, self._given_url) from None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its first statement on.

        Raises:
            UnavailableError: the database does not answer, or is locked for longer than a request should wait.
            BadRequestError: a value that the database cannot hold.
        """
        try:
            with self._engine.begin() as connection:
                if connection.dialect.name == "sqlite":
                    # a write that matches nothing takes SQLite's write lock before the first read
                    connection.execute(update(tables.faults).where(tables.faults.c.id == "").values(version=0))
                changed = _changed_tables(connection)
                yield connection
                if self._path is not None and any(table.name in changed for table in ACCESS.tables):
                    self._keep_access(connection)
        except IntegrityError:
            raise
        except (*_NO_ANSWER, JSONDecodeError, UnicodeDecodeError) as error:
            raise _request_error(error, self._given_url) from None

    def register_version(self) -> int:
        """Version of the register in force, 0 = none.

        Raises:
            UnavailableError: the database does not answer, or has no tables yet.
        """
        with self.reading() as connection:
            return connection.execute(_REGISTER_VERSION).scalar_one_or_none() or 0

    def revision(self) -> tuple[int, int] | None:
        """A mark that is another one after every commit; None where only a query could tell, as with a server."""
        return None if self._revision is None else self._revision.read()

    def register_version_cached(self) -> int:
        """`register_version`, asked for again only after a commit.

        Raises:
            UnavailableError: the database does not answer, or has no tables yet.
        """
        revision, known = self.revision(), self._version_at
        if revision is not None and known is not None and known[0] == revision:
            return known[1]
        version = self.register_version()
        self._version_at = None if revision is None else (revision, version)
        return version

    def close(self) -> None:
        """Close all connections."""
        if self._revision is not None:
            self._revision.close()
        self._engine.dispose()


def _changed_tables(connection: Connection) -> set[str]:
    """The names of the tables that this connection's statements change from now on."""
    changed: set[str] = set()

    def note(_connection: Any, statement: Any, *_others: Any) -> None:
        if getattr(statement, "is_dml", False):
            changed.add(statement.table.name)

    event.listen(connection, "before_execute", note)
    return changed


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """Let no question wait for ever, such as for a table that a forgotten session has locked: its thread would, too."""
    connection.autocommit = True  # what is set in a transaction is gone when it is rolled back
    connection.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
    connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
    connection.autocommit = False


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _request_error(error: Exception, url: str) -> RequestError:
    if isinstance(error, ValueError):  # of a column's text that its type cannot be made of
        return UnavailableError("database_damaged", reason=type(error).__name__)
    if isinstance(error, DataError):
        return BadRequestError("unstorable_value")
    cause = getattr(error, "orig", None)
    text = scrubbed((str(cause or error).splitlines() or [type(error).__name__])[0], url)
    if "no such table" in text or "does not exist" in text or "unable to open" in text:
        return UnavailableError("no_tables")
    if any(words in text for words in _DAMAGED):
        return UnavailableError("database_damaged", reason=text)
    return UnavailableError("database_silent", reason=text)
