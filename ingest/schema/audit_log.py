"""The audit log in the database: appends lines inside the transaction of the change that they tell of.

Names and addresses are replaced by salted commitments, whose salts are in ``audit_names``; see
``ingest.schema.audit_chain`` for the arithmetic. Every process of a city that changes something appends through here,
one after another, so that the lines stay one chain.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, text, update

from ingest.schema.access_tables import audit, audit_head, audit_names
from ingest.schema.audit_chain import FIRST_MAC, Line, commitment, line_mac, seal
from ingest.schema.errors import AuditError
from languages.message import Message

_LOCK: Final = 0x7465_7266  # any number, the same for all of Terang's processes


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name (or a program's), which an audit line holds as a commitment."""

    person_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from which address."""

    person: Name
    address: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What an audit line tells. Members of ``before`` and ``after`` may be a ``Name``."""

    actor: Actor
    action: str
    target: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Head:
    """The newest line's number and MAC."""

    seq: int
    mac: str


class AuditLog:
    """Appends to the audit log under one key."""

    def __init__(self, key: Callable[[], bytes], now_us: Callable[[], int]) -> None:
        """``key``: reads the audit key when it is first needed; ``now_us``: UTC microseconds."""
        self._key = key
        self._now_us = now_us

    def append(self, connection: Connection, entry: Entry) -> None:
        """Append one line; the last lock that a transaction takes, before it commits.

        Raises:
            AuditError: the log's newest line does not carry this city's seal.
            KeyFileError: the key cannot be read.
        """
        key = self._key()
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        else:  # a write that matches nothing takes SQLite's write lock before the newest line is read
            connection.execute(update(audit_head).where(audit_head.c.id == 0).values(seq=0))
        stored = connection.execute(select(audit_head)).one_or_none()
        if stored is not None and stored.seal != seal(key, "head", stored.seq, stored.mac):
            raise AuditError(Message("terminal.error.audit_seal"))
        previous = Head(0, FIRST_MAC) if stored is None else Head(stored.seq, stored.mac)
        line = Line(
            seq=previous.seq + 1,
            at_us=self._now_us(),
            actor=_committed(connection, entry.actor.person.person_id, "name", entry.actor.person.text),
            origin=_committed(connection, entry.actor.person.person_id, "address", entry.actor.address),
            action=entry.action,
            target=entry.target,
            before=_without_names(connection, entry.before),
            after=_without_names(connection, entry.after),
        )
        mac = line_mac(key, previous.mac, line)
        connection.execute(insert(audit), {**{name: getattr(line, name) for name in line.__slots__}, "mac": mac})
        values = {"id": 1, "seq": line.seq, "mac": mac, "seal": seal(key, "head", line.seq, mac)}
        if stored is None:
            connection.execute(insert(audit_head), values)
        else:
            connection.execute(update(audit_head).values(**values))


def _committed(connection: Connection, person_id: str, kind: str, words: str) -> str:
    """The commitment to a text of a person: the one there is, else a new one."""
    columns = audit_names.c
    query = select(columns.commitment).where(
        columns.person_id == person_id, columns.kind == kind, columns.text == words
    )
    found: str | None = connection.execute(query).scalar_one_or_none()
    if found is None:
        salt = secrets.token_hex(16)
        found = commitment(salt, kind, words)
        values = {"commitment": found, "person_id": person_id, "kind": kind, "salt": salt, "text": words}
        connection.execute(insert(audit_names), values)
    return found


def _without_names(connection: Connection, members: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"commitment": _committed(connection, value.person_id, "name", value.text)}
        if isinstance(value, Name)
        else value
        for name, value in members.items()
    }


def newest(connection: Connection) -> Row[Any] | None:
    """The row of ``audit_head``; None = nothing was ever logged."""
    return connection.execute(select(audit_head)).one_or_none()
