"""Opens the city's database for the API. Its tables are made by ingest, which owns the schema's history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url, select, update
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from dashboard_api.errors import BadRequestError, RequestError, UnavailableError, UnusableError
from ingest.schema import tables
from ingest.schema.city import City

_BUSY_TIMEOUT_MS: Final = 5_000
_REGISTER_VERSION: Final = select(tables.register.c.version)
_NO_ANSWER: Final = (OperationalError, ProgrammingError, InterfaceError, InternalError, PoolTimeoutError)


class Database:
    """Transactions on the city's database."""

    def __init__(self, city: City) -> None:
        """Prepare the engine; connects only when something is asked.

        Raises:
            UnusableError: the URL is broken.
        """
        try:
            url = make_url(city.database.url)
        except ArgumentError as error:
            raise UnusableError(f"{city.folder / 'city.toml'}: [database] url: {error}") from error
        if url.get_backend_name() == "sqlite" and url.database:
            path = city.folder / url.database
            # rw: an API must not make an empty database where ingest has not made one yet
            url = url.set(database=f"file:{path.absolute()}", query={"mode": "rw", "uri": "true"})
        # whether a short question is answered by this process itself, without a server to wait for
        self.is_in_process = url.get_backend_name() == "sqlite"
        # a server may have ended a connection meanwhile, a file has not
        self._engine: Engine = create_engine(url, pool_pre_ping=not self.is_in_process, pool_size=8, max_overflow=16)
        if self.is_in_process:
            event.listen(self._engine, "connect", _prepare_sqlite)

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
        except (*_NO_ANSWER, DataError) as error:
            raise _request_error(error) from error

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
                yield connection
        except (*_NO_ANSWER, DataError) as error:
            raise _request_error(error) from error

    def register_version(self) -> int:
        """Version of the register in force, 0 = none.

        Raises:
            UnavailableError: the database does not answer, or has no tables yet.
        """
        with self.reading() as connection:
            return connection.execute(_REGISTER_VERSION).scalar_one_or_none() or 0

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _request_error(error: SQLAlchemyError) -> RequestError:
    if isinstance(error, DataError):
        return BadRequestError("unstorable_value")
    cause = getattr(error, "orig", None)
    text = str(cause or error).splitlines()[0]
    if "no such table" in text or "does not exist" in text or "unable to open" in text:
        return UnavailableError("no_tables")
    return UnavailableError("database_silent", reason=text)
