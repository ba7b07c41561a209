"""The PostgreSQL advisory lock of one group: its holder is the group's active worker.

A session-level advisory lock on a connection of its own: it ends with the session, so a killed process lets go at
once, one whose machine or network vanished when the server's keep-alive gives it up (12 s), and one that hangs when it
has asked nothing for 10 s. A second, shared lock on the same connection tells the others that this worker is there.

A worker that hung may wake up in the middle of a transaction, and does not know yet that the group is another's.
So every transaction of a holder begins with a look at its own lock (``guard``), under a shared fence that ends with the
transaction; and who takes the group waits for that fence before it reads anything.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from ingest.database import connect_alone
from ingest.errors import RetryError, describe
from ingest.schema.city import City
from ingest.schema.safe_url import scrubbed

_PRESENCE: Final = 0x7465_7277  # any number, the same for all workers; the second half of its key is 0
_SERVER_SETTINGS: Final = (
    "SET statement_timeout = '3s'",
    "SET tcp_keepalives_idle = 6",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
    # PostgreSQL 14 and later: a holder that asks nothing hangs; before that, only its end frees the group
    "SELECT set_config(name, '10s', false) FROM pg_settings WHERE name = 'idle_session_timeout'",
)
# the fence of a transaction that hangs must not hold the next worker back for ever
_FENCE: Final = text(
    "SELECT set_config('idle_in_transaction_session_timeout', '15s', true), pg_advisory_xact_lock_shared(:fence)"
)
_HELD: Final = text(
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity AS holder USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = :key "
    "AND pid = :pid AND holder.backend_start = :began AND holder.datname = current_database()"
)
_LOOK: Final = text(
    "SELECT count(*) FILTER (WHERE objsubid = 2 AND classid = :presence AND objid = 0), "
    "count(*) FILTER (WHERE objsubid = 1 AND (classid::bigint << 32) | objid::bigint = :key), "
    "count(*) FILTER (WHERE objsubid = 1 AND (classid::bigint << 32) | objid::bigint = :key "
    "AND application_name = current_setting('application_name') "
    "AND client_addr IS NOT DISTINCT FROM inet_client_addr()) "
    "FROM pg_locks LEFT JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class LockLostError(RetryError):
    """The session that carries the lock is gone, or the server does not answer: the group may be another's by now."""


class FencedError(SQLAlchemyError):
    """This worker holds the group no longer: the transaction must not begin, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the server says.

    Attributes:
        n_workers: workers that are there, this one included.
        is_taken: one of them, perhaps this one, has the group.
        has_our_place: and that one has the place that ``GroupLock`` was given, on this machine.
    """

    n_workers: int
    is_taken: bool
    has_our_place: bool = False


class GroupLock:
    """The lock of one group, and this worker's presence beside it."""

    def __init__(self, city: City, place: str = "") -> None:
        """Nothing is connected before ``look``; ``place`` is what two workers of one machine cannot both have."""
        self._city = city
        self._place = place
        digest = hashlib.sha256(f"terang-ingest/{city.city.group}".encode()).digest()
        self._key = int.from_bytes(digest[:8], "big", signed=True)
        self._fence = int.from_bytes(digest[8:16], "big", signed=True)
        self._connection: Connection | None = None
        self._session: dict[str, Any] = {}

    def look(self) -> Standing:
        """How things stand; the answer proves that the session, and so the lock, still stands.

        Raises:
            LockLostError: it does not; a held lock has to be treated as lost.
        """
        try:
            if self._connection is None:
                self._connection = self._connect()
            row = self._connection.execute(_LOOK, {"presence": _PRESENCE, "key": self._key}).one()
            return Standing(int(row[0]), bool(row[1]), bool(row[2]))
        except (SQLAlchemyError, ValueError) as error:
            self.close()
            raise LockLostError(self._reason(error)) from None

    def _connect(self) -> Connection:
        connection = connect_alone(self._city)
        for setting in _SERVER_SETTINGS:
            connection.execute(text(setting))
        name = {"name": f"terang-ingest worker {self._place}"}
        connection.execute(text("SELECT set_config('application_name', :name, false)"), name)
        connection.execute(text("SELECT pg_advisory_lock_shared(:presence, 0)"), {"presence": _PRESENCE})
        own = text("SELECT pid, backend_start AS began FROM pg_stat_activity WHERE pid = pg_backend_pid()")
        self._session = dict(connection.execute(own).one()._mapping)  # noqa: SLF001  # a row's public way to a dict
        return connection

    def claim(self) -> bool:
        """Take the group if nobody has it; the last transaction of who had it has ended then.

        Raises:
            LockLostError: the server does not answer, or that transaction still hangs.
        """
        if not self._ask("SELECT pg_try_advisory_lock(:key)", self._key):
            return False
        self._ask("SELECT pg_advisory_lock(:key) IS NULL", self._fence)
        self._ask("SELECT pg_advisory_unlock(:key)", self._fence)
        return True

    def release(self) -> None:
        """Leave the group to the others.

        Raises:
            LockLostError: it was lost already.
        """
        self._ask("SELECT pg_advisory_unlock(:key)", self._key)

    def guard(self, engine: Engine) -> None:
        """Let no transaction of an engine of this city begin (``FencedError``) once the present lock is lost."""
        held = {"key": self._key, **self._session}

        def look(connection: Connection) -> None:
            connection.execute(_FENCE, {"fence": self._fence})
            if not connection.execute(_HELD, held).scalar_one():
                raise FencedError("another worker has the group by now")

        event.listen(engine, "begin", look)

    def _ask(self, question: str, key: int) -> bool:
        if self._connection is None:
            raise LockLostError("not connected")
        try:
            return bool(self._connection.execute(text(question), {"key": key}).scalar_one())
        except SQLAlchemyError as error:
            self.close()
            raise LockLostError(self._reason(error)) from None

    def _reason(self, error: Exception) -> str:
        """An error's first line, without what is secret in the database's URL."""
        return scrubbed(describe(error), self._city.database.url)

    def close(self) -> None:
        """End the session, and with it whatever it holds."""
        connection, self._connection = self._connection, None
        if connection is not None:
            engine = connection.engine
            connection.invalidate()
            connection.close()
            engine.dispose()
