"""Maintenance and dim commands: orders of people to ingest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select

from dashboard_api.store.audit import Actor, AuditLog, Entry
from dashboard_api.store.engine import Database
from ingest.schema.tables import commands, energy_hours, maintenance


def add_maintenance(database: Database, audit: AuditLog, actor: Actor, values: dict[str, Any]) -> None:
    """Write one maintenance window."""
    with database.writing() as connection:
        connection.execute(insert(maintenance), values)
        shown = ("cabinet_id", "circuit", "lamp_id", "from_us", "until_us")
        after = {name: values[name] for name in shown}
        audit.append(connection, Entry(actor, "maintenance.add", values["id"], after=after))


def current_maintenance(database: Database, now_us: int) -> list[Row[Any]]:
    """Windows that have not expired."""
    query = select(maintenance).where(maintenance.c.until_us > now_us).order_by(maintenance.c.from_us)
    with database.reading() as connection:
        return list(connection.execute(query))


def add_command(database: Database, audit: AuditLog, actor: Actor, values: dict[str, Any]) -> None:
    """Queue one command; ingest sends it and writes its state."""
    with database.writing() as connection:
        connection.execute(insert(commands), values)
        shown = ("kind", "lamp_ids", "level", "until_us")
        after = {name: values[name] for name in shown}
        audit.append(connection, Entry(actor, "order.dim", values["id"], after=after))


def has_room(database: Database, max_open: int) -> bool:
    """Whether fewer commands than that are queued or under way."""
    query = select(func.count()).select_from(commands).where(commands.c.state.in_(("queued", "sent")))
    with database.reading() as connection:
        return int(connection.execute(query).scalar_one()) < max_open


def one_command(database: Database, command_id: str) -> Row[Any] | None:
    """A command's row."""
    with database.reading() as connection:
        return connection.execute(select(commands).where(commands.c.id == command_id)).one_or_none()


def energy_rows(database: Database, cabinet_id: str, start_us: int, end_us: int) -> Sequence[Row[Any]]:
    """A cabinet's hours in ``[start, end)``."""
    hours = energy_hours.c
    query = select(energy_hours).where(
        hours.cabinet_id == cabinet_id, hours.hour_us >= start_us, hours.hour_us < end_us
    )
    with database.reading() as connection:
        return connection.execute(query.order_by(hours.hour_us)).all()
