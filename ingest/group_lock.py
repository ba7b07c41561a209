"""One group's lock in its city's PostgreSQL: whoever holds it is the group's one active worker.

A session-level advisory lock on a connection of its own: it ends with the session, so a killed process lets go at
once, and one whose machine or network vanished when the server's keep-alive gives it up (12 s). The holder asks the
server every second and notices sooner (4 s), so that it has stopped writing before another may begin. A second,
shared lock on the same connection tells the others that this worker is there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from ingest.database import connect_alone
from ingest.errors import RetryError
from ingest.schema.city import City

_PRESENCE: Final = 0x7465_7277  # any number, the same for all workers; the second half of its key is 0
_SERVER_SETTINGS: Final = (
    "SET statement_timeout = '3s'",
    "SET tcp_keepalives_idle = 6",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
)
_LOOK: Final = text(
    "SELECT count(*) FILTER (WHERE objsubid = 2 AND classid = :presence AND objid = 0), "
    "count(*) FILTER (WHERE objsubid = 1 AND (classid::bigint << 32) | objid::bigint = :key) "
    "FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class LockLostError(RetryError):
    """The session that carries the lock is gone, or the server does not answer: the group may be another's by now."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the server says.

    Attributes:
        n_workers: workers that are there, this one included.
        is_taken: one of them, perhaps this one, has the group.
    """

    n_workers: int
    is_taken: bool


class GroupLock:
    """The lock of one group, and this worker's presence beside it."""

    def __init__(self, city: City) -> None:
        """Nothing is connected before ``look``."""
        self._city = city
        digest = hashlib.sha256(f"terang-ingest/{city.city.group}".encode()).digest()
        self._key = int.from_bytes(digest[:8], "big", signed=True)
        self._connection: Connection | None = None

    def look(self) -> Standing:
        """How things stand; the answer proves that the session, and so the lock, still stands.

        Raises:
            LockLostError: it does not; a held lock is to be taken for lost.
        """
        try:
            if self._connection is None:
                self._connection = self._connect()
            row = self._connection.execute(_LOOK, {"presence": _PRESENCE, "key": self._key}).one()
            return Standing(int(row[0]), bool(row[1]))
        except SQLAlchemyError as error:
            self.close()
            raise LockLostError(str(error).splitlines()[0]) from error

    def _connect(self) -> Connection:
        connection = connect_alone(self._city)
        for setting in _SERVER_SETTINGS:
            connection.execute(text(setting))
        connection.execute(text("SELECT pg_advisory_lock_shared(:presence, 0)"), {"presence": _PRESENCE})
        return connection

    def claim(self) -> bool:
        """Take the group if nobody has it.

        Raises:
            LockLostError: the server does not answer.
        """
        return self._ask("SELECT pg_try_advisory_lock(:key)")

    def release(self) -> None:
        """Leave the group to the others.

        Raises:
            LockLostError: it was lost already.
        """
        self._ask("SELECT pg_advisory_unlock(:key)")

    def _ask(self, question: str) -> bool:
        if self._connection is None:
            raise LockLostError("not connected")
        try:
            return bool(self._connection.execute(text(question), {"key": self._key}).scalar_one())
        except SQLAlchemyError as error:
            self.close()
            raise LockLostError(str(error).splitlines()[0]) from error

    def close(self) -> None:
        """End the session, and with it whatever it holds."""
        connection, self._connection = self._connection, None
        if connection is not None:
            engine = connection.engine
            connection.invalidate()
            connection.close()
            engine.dispose()
