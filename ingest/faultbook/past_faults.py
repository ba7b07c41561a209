"""Faults that the book opened in a period, for comparison."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from ingest.schema import tables


@dataclass(frozen=True, slots=True)
class PastFault:
    """One fault of the book; ``place`` is its key as text."""

    place: str
    code: str
    opened_us: int


def past_faults(engine: Engine, start_us: int, end_us: int) -> list[PastFault]:
    """Faults that opened in a period and were shown."""
    fault = tables.faults.c
    wanted = select(fault.place, fault.code, fault.opened_at_us).where(
        fault.opened_at_us >= start_us, fault.opened_at_us < end_us, fault.caused_by.is_(None)
    )
    with engine.connect() as connection:
        return [PastFault(row.place, row.code, row.opened_at_us) for row in connection.execute(wanted)]
