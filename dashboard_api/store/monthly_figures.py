"""Sums by district and month for open data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, case, func, or_, select

from dashboard_api.store.engine import Database
from dashboard_api.store.public_rows import LAMP_COLUMNS
from ingest.schema.tables import cabinets, energy_hours, faults, lamps

_CHUNK: Final = 2_000


def all_public_lamps(database: Database) -> Iterator[Row[Any]]:
    """Every lamp with place and free columns, by id, read in parts so that few are in memory at a time."""
    columns = [lamps.c[name] for name in (*LAMP_COLUMNS, "latitude", "longitude", "extra")]
    query = select(*columns).order_by(lamps.c.lamp_id).limit(_CHUNK)
    after: str | None = None
    while True:
        with database.reading() as connection:
            rows = connection.execute(query if after is None else query.where(lamps.c.lamp_id > after)).all()
        yield from rows
        if len(rows) < _CHUNK:
            return
        after = rows[-1].lamp_id


def lamps_by_district(database: Database) -> dict[str, int]:
    """Number of lamps that a cabinet feeds, by district; "" = of none."""
    district = func.coalesce(lamps.c.district, "")
    query = select(district, func.count()).where(lamps.c.cabinet_id.is_not(None)).group_by(district)
    with database.reading() as connection:
        return {name: int(n) for name, n in connection.execute(query)}


def faults_since(database: Database, first_us: int, codes: Sequence[str], limit: int) -> list[Row[Any]]:
    """Faults that were open at some time since, newest first: district, code, opening, closing, lamps.

    Those that another fault explains are left out: its lamps are counted with it.
    """
    columns = (faults.c.district, faults.c.code, faults.c.opened_at_us, faults.c.closed_at_us, faults.c.lamp_ids)
    query = select(*columns).where(
        faults.c.caused_by.is_(None), or_(faults.c.closed_at_us.is_(None), faults.c.closed_at_us >= first_us)
    )
    if codes:
        query = query.where(faults.c.code.in_(codes))
    with database.reading() as connection:
        return list(connection.execute(query.order_by(faults.c.opened_at_us.desc()).limit(limit)))


def energy_by_month(database: Database, starts_us: Sequence[int]) -> list[Row[Any]]:
    """Wh by district and month: ``(district, month, measured, interpolated, estimated)``.

    Args:
        database: the city's.
        starts_us: where the months begin, rising, and where the last one ends; ``month`` is an index into it.
    """
    hour = energy_hours.c.hour_us
    month = case(*((hour < end, index) for index, end in enumerate(starts_us[1:]))).label("month")
    district = func.coalesce(cabinets.c.district, "").label("district")
    kinds = (energy_hours.c.measured_wh, energy_hours.c.interpolated_wh, energy_hours.c.estimated_wh)
    query = (
        select(district, month, *(func.sum(kind).label(kind.name) for kind in kinds))
        .select_from(energy_hours.outerjoin(cabinets, cabinets.c.cabinet_id == energy_hours.c.cabinet_id))
        .where(hour >= starts_us[0], hour < starts_us[-1])
        .group_by("district", "month")
        .order_by("district", "month")
    )
    with database.reading() as connection:
        return list(connection.execute(query))
