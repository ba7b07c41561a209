"""Faults that lamps have themselves, for who shows each lamp's own state."""

from __future__ import annotations

from sqlalchemy import select

from dashboard_api.store.engine import Database
from ingest.schema.tables import FAULT_IS_OPEN, faults


def open_lamp_faults(database: Database) -> list[tuple[str, str]]:
    """``(lamp id, code)`` of every fault of a lamp that is not closed and that no other fault explains.

    Raises:
        UnavailableError: the database does not answer.
    """
    query = select(faults.c.lamp_id, faults.c.code).where(
        FAULT_IS_OPEN, faults.c.level == "lamp", faults.c.lamp_id.is_not(None), faults.c.caused_by.is_(None)
    )
    with database.reading() as connection:
        return [(row.lamp_id, row.code) for row in connection.execute(query)]
