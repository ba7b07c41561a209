"""What requests show to be let in: sessions of people and displays, API tokens. By hash; secrets are never stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from ingest.schema.access_tables import sessions, tokens, users


def session_row(connection: Connection, id_hash: str) -> Row[Any] | None:
    """A session with its account (``user_…``)."""
    account = (users.c.id, users.c.name, users.c.role, users.c.districts, users.c.is_disabled)
    query = select(sessions, *(column.label(f"account_{column.name}") for column in account))
    query = query.join(users, users.c.id == sessions.c.user_id, isouter=True)
    return connection.execute(query.where(sessions.c.id_hash == id_hash)).one_or_none()


def add_session(connection: Connection, values: dict[str, Any]) -> None:
    """Keep a new session."""
    connection.execute(insert(sessions), values)


def end_session(connection: Connection, id_hash: str) -> int:
    """End one session; 1, or 0 where there was none."""
    return int(connection.execute(delete(sessions).where(sessions.c.id_hash == id_hash)).rowcount)


def end_expired(connection: Connection, now_us: int) -> None:
    """Remove sessions that ran out."""
    connection.execute(delete(sessions).where(sessions.c.expires_at_us <= now_us))


def token_by_hash(connection: Connection, secret_hash: str) -> Row[Any] | None:
    """An API token."""
    return connection.execute(select(tokens).where(tokens.c.secret_hash == secret_hash)).one_or_none()


def token_by_id(connection: Connection, token_id: str) -> Row[Any] | None:
    """An API token."""
    return connection.execute(select(tokens).where(tokens.c.id == token_id)).one_or_none()


def token_by_name(connection: Connection, name: str) -> Row[Any] | None:
    """An API token."""
    return connection.execute(select(tokens).where(tokens.c.name == name)).one_or_none()


def all_tokens(connection: Connection) -> Sequence[Row[Any]]:
    """Every API token, by name."""
    return connection.execute(select(tokens).order_by(tokens.c.name)).all()


def add_token(connection: Connection, values: dict[str, Any]) -> None:
    """Keep a new token."""
    connection.execute(insert(tokens), values)


def revoke_token(connection: Connection, token_id: str, now_us: int) -> None:
    """Revoke a token, and end the displays' sessions that it opened."""
    connection.execute(update(tokens).where(tokens.c.id == token_id).values(revoked_at_us=now_us))
    connection.execute(delete(sessions).where(sessions.c.token_id == token_id))


def note_use(connection: Connection, seen: Mapping[str, int], used: Mapping[str, int]) -> None:
    """Write when sessions (by hash) were last seen and tokens (by id) last used, UTC microseconds."""
    for id_hash, at_us in seen.items():
        connection.execute(update(sessions).where(sessions.c.id_hash == id_hash).values(seen_at_us=at_us))
    for token_id, at_us in used.items():
        connection.execute(update(tokens).where(tokens.c.id == token_id).values(used_at_us=at_us))
