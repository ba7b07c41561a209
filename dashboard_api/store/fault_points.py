"""Open faults and cabinets as columns of points for the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from dashboard_api.store.engine import Database
from ingest.schema import life
from ingest.schema.tables import cabinets, faults

_FAULT_TEXTS = ("id", "code", "severity", "state")


@dataclass(frozen=True, slots=True)
class PointColumns:
    """Points as lists of N: degrees (None = no place), and properties by name."""

    latitude: Sequence[float | None]
    longitude: Sequence[float | None]
    texts: dict[str, list[str | None]]
    numbers: dict[str, list[int]] = field(default_factory=dict)


def load_fault_points(database: Database) -> PointColumns:
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
    return PointColumns([row[0] for row in rows], [row[1] for row in rows], texts, {"priority": priority})


def load_cabinet_points(database: Database) -> PointColumns:
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
    return PointColumns([row[0] for row in rows], [row[1] for row in rows], texts)
