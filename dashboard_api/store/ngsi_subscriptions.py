"""Subscriptions by NGSI-LD: made, listed, ended, and how telling their owners went."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from dashboard_api.errors import NotFoundError, TooManyError, UsedIdError
from dashboard_api.store.audit import Actor, AuditLog, Entry
from dashboard_api.store.engine import Database
from ingest.schema.ngsi_tables import ngsi_subscriptions as table


def add_subscription(
    database: Database, audit: AuditLog, actor: Actor, values: dict[str, Any], *, of_owner: int, in_all: int
) -> None:
    """Store one.

    Args:
        database: of the city.
        audit: its log.
        actor: who makes it.
        values: of the table's columns.
        of_owner: the most that its owner may have.
        in_all: the most that there may be.

    Raises:
        UsedIdError: there is one of this id.
        TooManyError: there are as many as there may be.
        UnavailableError: the database does not answer.
    """
    with database.writing() as connection:
        if connection.execute(select(table.c.id).where(table.c.id == values["id"])).first() is not None:
            raise UsedIdError("ngsi_used_id", subscription_id=values["id"])
        counted = select(func.count()).select_from(table)
        n_own = connection.execute(counted.where(table.c.owner == values["owner"])).scalar_one()
        if n_own >= of_owner or connection.execute(counted).scalar_one() >= in_all:
            raise TooManyError("ngsi_too_many", most=of_owner, in_all=in_all, retry_after_s=3600)
        connection.execute(insert(table), values)
        after = {"endpoint": values["document"]["notification"]["endpoint"]["uri"]}
        audit.append(connection, Entry(actor, "subscription.add", values["id"], after=after))
        database.keep_settings(connection)


def remove_subscription(database: Database, audit: AuditLog, actor: Actor, subscription_id: str) -> None:
    """End one.

    Raises:
        NotFoundError: there is none of this id.
        UnavailableError: the database does not answer.
    """
    with database.writing() as connection:
        if connection.execute(delete(table).where(table.c.id == subscription_id)).rowcount == 0:
            raise NotFoundError("ngsi_no_subscription", subscription_id=subscription_id)
        audit.append(connection, Entry(actor, "subscription.remove", subscription_id))
        database.keep_settings(connection)


def one_subscription(database: Database, subscription_id: str) -> Row[Any]:
    """A subscription's row.

    Raises:
        NotFoundError: there is none of this id.
        UnavailableError: the database does not answer.
    """
    with database.reading() as connection:
        row = connection.execute(select(table).where(table.c.id == subscription_id)).one_or_none()
    if row is None:
        raise NotFoundError("ngsi_no_subscription", subscription_id=subscription_id)
    return row


def all_subscriptions(database: Database) -> list[Row[Any]]:
    """Every subscription, oldest first.

    Raises:
        UnavailableError: the database does not answer.
    """
    with database.reading() as connection:
        return list(connection.execute(select(table).order_by(table.c.created_at_us, table.c.id)))


def write_delivery(database: Database, subscription_id: str, values: dict[str, Any]) -> None:
    """Write how telling its owner went; one that was ended meanwhile stays so.

    Raises:
        UnavailableError: the database does not answer.
    """
    with database.writing() as connection:
        connection.execute(update(table).where(table.c.id == subscription_id).values(**values))
