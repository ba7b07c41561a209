"""Faults that stand, with every lamp that each takes with it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, select

from dashboard_api.store.engine import Database
from ingest.schema.tables import FAULT_IS_OPEN, faults


def standing_events(database: Database, codes: Collection[str]) -> list[Row[Any]]:
    """``code``, ``lamp_id``, ``lamp_ids`` and ``opened_at_us`` of faults that no other one explains, oldest first.

    Raises:
        UnavailableError: the database does not answer.
    """
    columns = (faults.c.id, faults.c.code, faults.c.lamp_id, faults.c.lamp_ids, faults.c.opened_at_us)
    query = select(*columns).where(FAULT_IS_OPEN, faults.c.code.in_(sorted(codes)), faults.c.caused_by.is_(None))
    with database.reading() as connection:
        return list(connection.execute(query.order_by(faults.c.id)))
