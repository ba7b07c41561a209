"""The lamps of one cabinet in the order of its cables."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, select

from dashboard_api.store.engine import Database
from ingest.schema.tables import lamps

COLUMNS: Final = ("lamp_id", "circuit", "position", "latitude", "longitude", "street", "rated_power_w")


def cabinet_lamps(database: Database, cabinet_id: str) -> list[Row[Any]]:
    """``row`` of the register, then ``COLUMNS``: circuit after circuit, each in the order of its poles.

    Raises:
        UnavailableError: the database does not answer.
    """
    query = select(lamps.c.row, *(lamps.c[name] for name in COLUMNS)).where(lamps.c.cabinet_id == cabinet_id)
    with database.reading() as connection:
        return list(connection.execute(query.order_by(lamps.c.circuit, lamps.c.position, lamps.c.row)))
