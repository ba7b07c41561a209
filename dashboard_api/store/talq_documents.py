"""Documents that management systems of TALQ have put in: calendars, control programs, groups, loggers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from dashboard_api.errors import UsedIdError
from dashboard_api.store.audit import Actor, AuditLog, Entry
from dashboard_api.store.engine import Database
from ingest.schema.talq_tables import talq_documents

CALENDARS: Final = "calendars"
PROGRAMS: Final = "control-programs"
ASSIGN_COMMANDS: Final = "assign-commands"
GROUPS: Final = "groups"
LOGGERS: Final = "logger-configs"
_LOCK: Final = 0x7461_6C71  # any number, the same for all of Terang's processes
_LONGEST: Final = 4000  # characters of a document in the audit log
Documents = Mapping[str, Any]


def read_documents(database: Database, kind: str) -> dict[str, Any]:
    """The documents of a kind by id, oldest first.

    Raises:
        UnavailableError: the database does not answer.
    """
    with database.reading() as connection:
        return documents_of(connection, kind)


def change_documents(
    database: Database,
    audit: AuditLog,
    actor: Actor,
    now_us: int,
    kind: str,
    edit: Callable[[Documents], Documents],
) -> None:
    """Change the documents of a kind in one transaction.

    Args:
        database: of the city.
        audit: its log.
        actor: who changes them.
        now_us: UTC microseconds.
        kind: of the documents.
        edit: from the documents as they are to those that shall be; what it raises leaves all as it was.

    Raises:
        UsedIdError: somebody else changed the same at the same time.
        UnavailableError: the database does not answer.
    """
    with changing(database, kind) as connection:
        before = documents_of(connection, kind)
        after = edit(before)
        write_documents(connection, kind, before, after, now_us)
        audit_documents(connection, audit, actor, kind, (before, after))


@contextmanager
def changing(database: Database, kind: str) -> Iterator[Connection]:
    """A transaction in which nobody else changes documents or plans; at its end the settings' copy follows.

    Raises:
        UsedIdError: somebody else changed the same ``kind`` at the same time.
        UnavailableError: the database does not answer.
    """
    try:
        with database.writing() as connection:
            wait_for_others(connection)
            yield connection
            database.keep_settings(connection)
    except IntegrityError as error:
        raise UsedIdError("talq_used_id", value=kind) from error


def wait_for_others(connection: Connection) -> None:
    """Let nobody else change plans until this transaction ends: two changes could each be right, and not together."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def documents_of(connection: Connection, kind: str) -> dict[str, Any]:
    """The documents of a kind by id, oldest first, as a transaction sees them."""
    table = talq_documents.c
    query = select(table.id, table.document).where(table.kind == kind).order_by(table.created_at_us, table.id)
    return {row.id: row.document for row in connection.execute(query)}


def write_documents(connection: Connection, kind: str, old: Documents, new: Documents, now_us: int) -> None:
    """Write what differs between the documents of a kind before and after."""
    table = talq_documents
    for document_id in old.keys() - new.keys():
        connection.execute(delete(table).where(table.c.kind == kind, table.c.id == document_id))
    for document_id, document in new.items():
        if document_id not in old:
            row = {"kind": kind, "id": document_id, "created_at_us": now_us, "document": document}
            connection.execute(insert(table), row)
        elif old[document_id] != document:
            where = (table.c.kind == kind, table.c.id == document_id)
            connection.execute(update(table).where(*where).values(document=document))


def audit_documents(
    connection: Connection, audit: AuditLog, actor: Actor, kind: str, change: tuple[Documents, Documents]
) -> None:
    """Write a line of the audit log for each document that differs before and after."""
    old, new = change
    for one in sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)):
        audit.append(connection, Entry(actor, f"talq.{kind}", one, _audited(old.get(one)), _audited(new.get(one))))


def _audited(document: Any) -> dict[str, Any]:
    """What the audit log tells of a document: itself, or if it is long, its digest."""
    if document is None:
        return {}
    written = json.dumps(document, sort_keys=True)
    if len(written) <= _LONGEST:
        return {"document": document}
    return {"sha256": hashlib.sha256(written.encode()).hexdigest()}
