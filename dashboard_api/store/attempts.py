"""Counters of attempts to sign in, one row each; bounded in number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, insert, select, text, update

from ingest.schema.access_tables import sign_in_attempts as table

_LOCK: Final = 0x7465_7267  # any number, the same for all of the API's processes
KEPT: Final = 50_000


@dataclass(frozen=True, slots=True)
class Attempts:
    """Of one key: how many, the newest, and when the next one is free; UTC microseconds."""

    n: int
    at_us: int
    free_at_us: int


def lock(connection: Connection) -> None:
    """One process counts at a time, so that many attempts at once gain nothing; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def attempts_of(connection: Connection, keys: list[str]) -> dict[str, Attempts]:
    """The counters that there are, by key."""
    rows = connection.execute(select(table).where(table.c.key.in_(keys)))
    return {row.key: Attempts(row.n, row.at_us, row.free_at_us) for row in rows}


def write_attempts(connection: Connection, key: str, attempts: Attempts) -> None:
    """Put a counter in its place."""
    values = {"n": attempts.n, "at_us": attempts.at_us, "free_at_us": attempts.free_at_us}
    if connection.execute(update(table).where(table.c.key == key).values(**values)).rowcount == 0:
        connection.execute(insert(table), {"key": key, **values})


def forget_attempts(connection: Connection, key: str) -> None:
    """Remove a counter."""
    connection.execute(delete(table).where(table.c.key == key))


def forget_old(connection: Connection, before_us: int, kept: int = KEPT) -> None:
    """Remove counters unused since ``before_us``, and all but the ``kept`` used last."""
    connection.execute(delete(table).where(table.c.at_us < before_us))
    newest = select(table.c.at_us).order_by(table.c.at_us.desc()).offset(kept).limit(1)
    edge = connection.execute(newest).scalar_one_or_none()
    if edge is not None:
        connection.execute(delete(table).where(table.c.at_us <= edge))
