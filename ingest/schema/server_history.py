"""Refuses a PostgreSQL server that was left behind: another one was promoted since, and this one came back without it.

Every promotion begins a new timeline. The highest one that was seen of a cluster is kept in the data folder, so that a
former primary, which takes changes again as if nothing had happened, is not believed after a restart either. Of several
hosts in the URL the others are tried. A server that does not tell its timeline is believed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replace_file
from edge_agent.wire.bounded_json import read_json
from edge_agent.wire.errors import WireError

TIMELINES_FILE: Final = "postgresql-timelines.json"
_LARGEST: Final = 4096  # bytes
_MOST_CLUSTERS: Final = 16
_MOST_TIMELINE: Final = 1 << 20
# a standby has none yet; the file name of the log begins with the timeline in hexadecimal
_QUESTION: Final = (
    "SELECT system_identifier, CASE WHEN pg_is_in_recovery() THEN NULL "
    "ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END FROM pg_control_system()"
)
_NOT_TOLD: Final = frozenset({"42501", "42883", "0A000"})  # no right, no such function, not supported


def refuse_old_servers(engine: Engine, data_folder: Path) -> None:
    """Let an engine of PostgreSQL connect to the newest timeline alone; other engines stay as they are."""
    if engine.dialect.name == "postgresql":
        history = _History(data_folder / TIMELINES_FILE)
        event.listen(engine, "do_connect", history.connect)
        event.listen(engine, "checkout", history.check)


class _History:
    """The highest timeline of each cluster, in the file and in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._newest: dict[str, int] = {}
        self._read: tuple[int, int] | None = None  # of the file as it was read last

    def connect(
        self, dialect: Dialect, record: ConnectionPoolEntry, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> DBAPIConnection:
        """A connection to a server that was not left behind."""
        driver: Any = dialect.loaded_dbapi
        for turned in _turns(options):
            connection = dialect.connect(*arguments, **turned)
            found = _timeline(driver, connection)
            if found is None or self._is_newest(*found):
                record.info["timeline"] = found
                return connection
            connection.close()
        raise driver.OperationalError(
            "this server was left behind: another one was promoted after it. Make it a standby of that one; "
            f"if it is the right one all the same, remove {TIMELINES_FILE} from the city's data folder"
        )

    def check(self, _connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        """Let go of a server that was left behind since the connection was made."""
        found = record.info.get("timeline")
        if found is not None:
            self._look()
            if found[1] < self._newest.get(found[0], 0):
                raise DisconnectionError("another server was promoted")

    def _is_newest(self, cluster: str, timeline: int) -> bool:
        self._look()
        if timeline > self._newest.get(cluster, 0):
            self._newest = dict([*self._newest.items(), (cluster, timeline)][-_MOST_CLUSTERS:])
            with suppress(OSError):  # remembered in memory then
                replace_file(
                    self._path, json.dumps(self._newest).encode(), mode=0o600, is_shared=True, is_owned_like_folder=True
                )
        return timeline == self._newest[cluster]

    def _look(self) -> None:
        """Take over what another process has seen; a file that was removed means that nothing was seen."""
        try:
            found = self._path.stat()
            mark = found.st_ino, found.st_mtime_ns
            if mark != self._read:
                self._newest = _checked(read_json(read_bounded(self._path, _LARGEST), max_bytes=_LARGEST))
                self._read = mark
        except FileNotFoundError:
            if self._read is not None:
                self._newest, self._read = {}, None
        except (OSError, WireError):
            pass


def _turns(options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The options with each of their hosts first in turn."""
    names = [name for name in ("host", "hostaddr", "port") if "," in str(options.get(name, ""))]
    lists = {name: str(options[name]).split(",") for name in names}
    for first in range(max(map(len, lists.values()), default=1)):
        yield {**options, **{name: ",".join([*items[first:], *items[:first]]) for name, items in lists.items()}}


def _timeline(driver: Any, connection: DBAPIConnection) -> tuple[str, int] | None:
    """``(cluster, timeline)``; None = the server does not say, or is a standby."""
    cursor = connection.cursor()
    try:
        cursor.execute(_QUESTION)
        (row,) = cursor.fetchall()
    except driver.Error as error:
        if getattr(error, "sqlstate", None) not in _NOT_TOLD:
            connection.close()
            raise
        row = (None, None)
    cursor.close()
    connection.rollback()
    return None if row[1] is None else (str(row[0]), int(row[1], 16))


def _checked(document: Any) -> dict[str, int]:
    pairs = document.items() if isinstance(document, dict) else ()
    return {
        cluster: number
        for cluster, number in list(pairs)[:_MOST_CLUSTERS]
        if type(number) is int and 0 < number <= _MOST_TIMELINE
    }
