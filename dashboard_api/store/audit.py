"""The audit log as the API writes and reads it; ``ingest.schema.audit_log`` is what every process appends with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from dashboard_api.errors import UnavailableError, UnusableError
from ingest.schema import audit_log
from ingest.schema.access_tables import audit, audit_names
from ingest.schema.audit_chain import Line
from ingest.schema.audit_log import Actor, Entry, Name, newest
from ingest.schema.errors import AuditError, KeyFileError
from languages.message import why

__all__ = ["Actor", "AuditLog", "Entry", "Name", "newest"]
_PAGE: Final = 1_000


class AuditLog(audit_log.AuditLog):
    """Appends to the audit log under one key."""

    def append(self, connection: Connection, entry: Entry) -> None:
        """Append one line; the last lock that a transaction takes, before it commits.

        Raises:
            UnavailableError: the log's newest line does not carry this city's seal.
            UnusableError: the key cannot be read.
        """
        try:
            super().append(connection, entry)
        except AuditError as error:
            raise UnavailableError("audit_broken") from error
        except KeyFileError as error:
            raise UnusableError(why(error)) from error


def lines(connection: Connection) -> Iterator[tuple[Line, str]]:
    """Every line with its MAC, in order of its number."""
    after = -(2**62)
    while True:
        query = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(_PAGE)
        rows = connection.execute(query).all()
        for row in rows:
            yield Line(**{name: getattr(row, name) for name in Line.__slots__}), row.mac
        if len(rows) < _PAGE:
            return
        after = rows[-1].seq


def changes(connection: Connection, action: str, target: str) -> list[dict[str, Any]]:
    """What lines of an action on a target say of it afterwards, oldest first. Reads the whole log: seldom."""
    query = select(audit.c.after).where(audit.c.action == action, audit.c.target == target).order_by(audit.c.seq)
    return list(connection.execute(query).scalars())


def names(connection: Connection) -> dict[str, Row[Any]]:
    """``commitment -> row`` of every commitment, blanked ones too."""
    return {row.commitment: row for row in connection.execute(select(audit_names))}


def blank(connection: Connection, person_id: str | None, words: str) -> int:
    """Empty salt and text of a person's commitments, and of every commitment to that name; how many.

    Args:
        connection: to the city's database.
        person_id: of their account, None = they have none.
        words: the name, casefolded.
    """
    columns = audit_names.c
    known = connection.execute(select(columns.commitment, columns.text).where(columns.kind == "name"))
    # compared here: SQLite folds ASCII letters alone
    same = [row.commitment for row in known if row.text is not None and row.text.strip().casefold() == words]
    of_account = (columns.person_id == (person_id or "")) & columns.text.is_not(None)
    done = connection.execute(
        update(audit_names).where(columns.commitment.in_(same) | of_account).values(salt=None, text=None)
    )
    return int(done.rowcount)
