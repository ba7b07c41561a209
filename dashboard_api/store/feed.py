"""The feed of changes and the counts of faults."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select

from dashboard_api.store.engine import Database
from ingest.schema import life
from ingest.schema.tables import fault_events, faults


def newest_seq(database: Database) -> int:
    """The newest event's number, 0 if there is none."""
    with database.reading() as connection:
        return int(connection.execute(select(func.coalesce(func.max(fault_events.c.seq), 0))).scalar_one())


def events_after(database: Database, seq: int, limit: int) -> list[tuple[int, str, Row[Any]]]:
    """``(seq, event kind, the fault as it is now)`` of the events after ``seq``, oldest first."""
    query = (
        select(fault_events.c.seq.label("event_seq"), fault_events.c.kind.label("event_kind"), faults)
        .join(faults, faults.c.id == fault_events.c.fault_id)
        .where(fault_events.c.seq > seq)
        .order_by(fault_events.c.seq)
        .limit(limit)
    )
    with database.reading() as connection:
        return [(row.event_seq, row.event_kind, row) for row in connection.execute(query)]


def fault_counts(database: Database) -> list[Row[Any]]:
    """``(code, severity, state, district, n)`` of faults that are not closed nor explained by another."""
    column = faults.c
    what = (column.code, column.severity, column.state, column.district)
    query = select(*what, func.count().label("n")).group_by(*what)
    query = query.where(column.state.in_(life.STATES[:-1]), column.caused_by.is_(None))
    with database.reading() as connection:
        return list(connection.execute(query))
