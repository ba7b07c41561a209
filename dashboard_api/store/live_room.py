"""What a wall shows beside the summary: the newest events, the oldest fault, the energy of a night."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, func, select

from dashboard_api.store.engine import Database
from ingest.schema.tables import FAULT_IS_OPEN, cabinets, energy_hours, fault_events, faults

_REACH: Final = 5_000  # newest events that are looked through: most are changes of evidence
_KINDS_WH: Final = ("measured_wh", "interpolated_wh", "estimated_wh")


def newest_events(database: Database, kinds: Sequence[str], limit: int) -> list[Row[Any]]:
    """The newest events of ``kinds``, newest first, each with its fault as it is now.

    Faults that another one explains are left out. The event's columns are ``event_seq``, ``event_at_us``,
    ``event_kind`` and ``event_data``, the others are the fault's. Only the newest ``_REACH`` events are read.

    Raises:
        UnavailableError: the database does not answer.
    """
    event = fault_events.c
    first = select(func.coalesce(func.max(event.seq), 0) - _REACH).scalar_subquery()
    query = (
        select(
            event.seq.label("event_seq"),
            event.at_us.label("event_at_us"),
            event.kind.label("event_kind"),
            event.data.label("event_data"),
            faults,
        )
        .join(faults, faults.c.id == event.fault_id)
        .where(event.seq > first, event.kind.in_(kinds), faults.c.caused_by.is_(None))
        .order_by(event.seq.desc())
        .limit(limit)
    )
    with database.reading() as connection:
        return list(connection.execute(query))


def oldest_open(database: Database) -> Row[Any] | None:
    """The fault that has been open for the longest time, of those that no other explains.

    Raises:
        UnavailableError: the database does not answer.
    """
    column = faults.c
    query = select(faults).where(FAULT_IS_OPEN, column.caused_by.is_(None)).order_by(column.opened_at_us, column.id)
    with database.reading() as connection:
        return connection.execute(query.limit(1)).one_or_none()


def energy_between(database: Database, start_us: int, end_us: int) -> Row[Any]:
    """Sums of the city's hours in ``[start, end)``: ``measured_wh``, ``interpolated_wh``, ``estimated_wh``.

    ``newest_us`` is the start of the newest hour that is counted, None without any; ``n_measured`` the number of
    cabinets of which something was measured. Each cabinet's hours are looked up by the table's key.

    Raises:
        UnavailableError: the database does not answer.
    """
    hour = energy_hours.c
    # the ids are asked for first: a range of hours alone would read the whole table
    ids = select(cabinets.c.cabinet_id)
    within = (hour.cabinet_id.in_(ids), hour.hour_us >= start_us, hour.hour_us < end_us)
    sums = [func.coalesce(func.sum(hour[name]), 0.0).label(name) for name in _KINDS_WH]
    query = select(*sums, func.max(hour.hour_us).label("newest_us")).where(*within)
    n_measured = select(func.count(hour.cabinet_id.distinct())).where(*within, hour.measured_wh > 0)
    with database.reading() as connection:
        return connection.execute(query.add_columns(n_measured.scalar_subquery().label("n_measured"))).one()
