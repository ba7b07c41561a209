"""Open faults and cabinets as points for the map."""

from __future__ import annotations

from sqlalchemy import select

from dashboard_api.store.engine import Database
from dashboard_api.tiles.layers import PointTable, table_points
from ingest.schema import life
from ingest.schema.tables import cabinets, faults

_FAULT_TEXTS = ("id", "code", "severity", "state")


def load_fault_points(database: Database) -> PointTable:
    """Faults that are neither closed nor explained by another.

    Raises:
        UnavailableError: the database does not answer.
    """
    column = faults.c
    query = select(column.latitude, column.longitude, column.priority, *(column[name] for name in _FAULT_TEXTS))
    query = query.where(column.state.in_(life.STATES[:-1]), column.caused_by.is_(None)).order_by(column.id)
    with database.reading() as connection:
        rows = connection.execute(query).all()
    texts = {name: [row[3 + n] for row in rows] for n, name in enumerate(_FAULT_TEXTS)}
    priority = [row[2] for row in rows]
    return table_points([row[0] for row in rows], [row[1] for row in rows], texts, {"priority": priority})


def load_cabinet_points(database: Database) -> PointTable:
    """Every cabinet of the register.

    Raises:
        UnavailableError: the database does not answer.
    """
    column = cabinets.c
    query = select(column.latitude, column.longitude, column.cabinet_id, column.name, column.controller_id)
    with database.reading() as connection:
        rows = connection.execute(query.order_by(column.cabinet_id)).all()
    names = ("cabinet_id", "name", "controller_id")
    texts = {name: [row[2 + n] for row in rows] for n, name in enumerate(names)}
    return table_points([row[0] for row in rows], [row[1] for row in rows], texts)
