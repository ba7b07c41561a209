"""Searches the register and the open faults by parts of their names."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, null, or_, select

from dashboard_api.store.engine import Database
from ingest.schema.tables import FAULT_IS_OPEN, cabinets, faults, lamps


def search_register(database: Database, text: str, limit: int) -> list[dict[str, Any]]:
    """Entries that hold ``text`` in an id or name, of any case, at most ``limit`` of each kind.

    Each has ``kind`` (cabinet, street, lamp, fault), ``id``, ``name``, ``place`` (street or district), ``latitude``,
    ``longitude`` [degrees] and ``n`` (of a street: its lamps).

    Raises:
        UnavailableError: the database does not answer.
    """
    if "\x00" in text:
        return []
    box, lamp, fault = cabinets.c, lamps.c, faults.c
    queries = {
        "cabinet": select(box.cabinet_id, box.name, box.district, box.latitude, box.longitude, null())
        .where(or_(_holds(box.cabinet_id, text), _holds(box.name, text)))
        .order_by(box.cabinet_id),
        "street": select(
            lamp.street,
            lamp.street,
            func.min(lamp.district),
            func.avg(lamp.latitude),
            func.avg(lamp.longitude),
            func.count(),
        )
        .where(_holds(lamp.street, text))
        .group_by(lamp.street)
        .order_by(lamp.street),
        "lamp": select(lamp.lamp_id, lamp.lamp_id, lamp.street, lamp.latitude, lamp.longitude, null())
        .where(_holds(lamp.lamp_id, text))
        .order_by(lamp.lamp_id),
        "fault": select(fault.id, fault.code, fault.street, fault.latitude, fault.longitude, null())
        .where(FAULT_IS_OPEN, fault.caused_by.is_(None))
        .where(or_(*(_holds(each, text) for each in (fault.street, fault.lamp_id, fault.cabinet_id, fault.assignee))))
        .order_by(fault.priority.desc(), fault.id),
    }
    found: list[dict[str, Any]] = []
    with database.reading() as connection:
        for kind, query in queries.items():
            names = ("id", "name", "place", "latitude", "longitude", "n")
            rows = connection.execute(query.limit(limit))
            found.extend({"kind": kind, **dict(zip(names, row, strict=True))} for row in rows)
    return found


def _holds(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return column.icontains(text, autoescape=True)
