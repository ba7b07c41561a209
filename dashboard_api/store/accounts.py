"""Accounts of people and their one-time links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ingest.schema import life
from ingest.schema.access_tables import sessions, sign_in_links, tokens, users
from ingest.schema.tables import commands, fault_events, faults, maintenance

BLANKED = "-"  # what stands where a person's name was


def n_accounts(connection: Connection) -> int:
    """How many accounts of people there are, disabled ones too."""
    return int(connection.execute(select(func.count()).select_from(users)).scalar_one())


def is_closed(connection: Connection) -> bool:
    """Whether anybody, a person or a program, was ever given an account: then nobody else gets in."""
    is_any = select(users.c.id).exists() | select(tokens.c.id).exists()
    return bool(connection.execute(select(is_any)).scalar_one())


def account_by_name(connection: Connection, name: str) -> Row[Any] | None:
    """An account; ``name`` as ``users`` holds it (casefolded)."""
    return connection.execute(select(users).where(users.c.name == name)).one_or_none()


def account_by_id(connection: Connection, user_id: str) -> Row[Any] | None:
    """An account."""
    return connection.execute(select(users).where(users.c.id == user_id)).one_or_none()


def account_of_subject(connection: Connection, issuer: str, subject: str) -> Row[Any] | None:
    """The account that came from an OpenID provider."""
    query = select(users).where(users.c.issuer == issuer, users.c.subject == subject)
    return connection.execute(query).one_or_none()


def all_accounts(connection: Connection) -> Sequence[Row[Any]]:
    """Every account, by name."""
    return connection.execute(select(users).order_by(users.c.name)).all()


def add_account(connection: Connection, values: dict[str, Any]) -> None:
    """Add an account."""
    connection.execute(insert(users), values)


def change_account(connection: Connection, user_id: str, **values: Any) -> None:
    """Change an account."""
    connection.execute(update(users).where(users.c.id == user_id).values(**values))


def end_sessions(connection: Connection, user_id: str) -> int:
    """End every session of an account, and void its links; how many sessions ended."""
    connection.execute(delete(sign_in_links).where(sign_in_links.c.user_id == user_id))
    return int(connection.execute(delete(sessions).where(sessions.c.user_id == user_id)).rowcount)


def add_link(connection: Connection, code_hash: str, user_id: str, expires_at_us: int) -> None:
    """Keep a one-time link; earlier ones of the account are void."""
    connection.execute(delete(sign_in_links).where(sign_in_links.c.user_id == user_id))
    values = {"code_hash": code_hash, "user_id": user_id, "expires_at_us": expires_at_us}
    connection.execute(insert(sign_in_links), values)


def take_link(connection: Connection, code_hash: str, now_us: int) -> Row[Any] | None:
    """The account of a link that holds, which is used up by this; None = no such link, or too late."""
    found = connection.execute(select(sign_in_links).where(sign_in_links.c.code_hash == code_hash)).one_or_none()
    # the row that one of two at the same time deletes is the other one's no longer
    taken = connection.execute(delete(sign_in_links).where(sign_in_links.c.code_hash == code_hash)).rowcount
    if found is None or taken != 1 or found.expires_at_us <= now_us:
        return None
    return account_by_id(connection, found.user_id)


def blank_name(connection: Connection, name: str) -> int:
    """Put a dash for a person's name wherever the city's work holds it; how many rows changed.

    What people typed into notes is theirs to mend: no program knows a name in running text.
    """
    n = 0
    for table, column in (
        (fault_events, fault_events.c.actor),
        (commands, commands.c.actor),
        (maintenance, maintenance.c.actor),
        (faults, faults.c.assignee),
    ):
        values = connection.execute(select(column).distinct()).scalars()
        same = [value for value in values if _folded(value) == name]  # SQLite folds ASCII letters alone
        n += connection.execute(update(table).where(column.in_(same)).values({column: BLANKED})).rowcount
    named = select(fault_events.c.seq, fault_events.c.data).where(fault_events.c.kind.in_(tuple(life.ACTIONS)))
    for row in connection.execute(named).all():
        answer = row.data.get("answer") or {}
        if name in (_folded(row.data.get("assignee")), _folded(answer.get("assignee"))):
            data = dict(row.data)
            if _folded(data.get("assignee")) == name:
                data["assignee"] = BLANKED
            if _folded(answer.get("assignee")) == name:
                data["answer"] = {**answer, "assignee": BLANKED}
            connection.execute(update(fault_events).where(fault_events.c.seq == row.seq).values(data=data))
            n += 1
    return n


def _folded(value: Any) -> str | None:
    return value.strip().casefold() if isinstance(value, str) else None
