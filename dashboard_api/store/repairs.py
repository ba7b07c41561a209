"""Repairs that people claimed, each with what telemetry showed afterwards, read from the faults' timelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from dashboard_api.store.engine import Database
from ingest.schema import life
from ingest.schema.tables import fault_events, faults

WAITING: Final = "waiting"  # no lit period has shown it yet
VERIFIED: Final = "verified"
STILL_DARK: Final = "still_dark"  # or whatever else the fault was: it still holds
REOPENED: Final = "reopened"  # by a person
CLOSED: Final = "closed"  # without proof, such as by another register
_KIND: Final = "repair"
_CHUNK: Final = 500
# what ends the wait for a result
_ENDING: Final = (_KIND, "reopen", life.EVENT_CLOSED, life.EVENT_REOPENED)


@dataclass(frozen=True, slots=True)
class Repair:
    """One claim of a repair.

    Attributes:
        event: its row of ``fault_events``.
        fault: the fault's row as it is now.
        result: ``WAITING``, ``VERIFIED``, ``STILL_DARK``, ``REOPENED`` or ``CLOSED``.
        result_at_us: when that was known, None while it is waited for.
        power_w: what the lamp drew when it was verified, None = not measured.
    """

    event: Row[Any]
    fault: Row[Any]
    result: str = WAITING
    result_at_us: int | None = None
    power_w: float | None = None


def list_repairs(
    database: Database, *, actor: str | None, since_us: int | None, before_seq: int | None, limit: int
) -> tuple[list[Repair], int | None]:
    """Repairs, newest first, and the ``before_seq`` of the next page, None at the end.

    Raises:
        UnavailableError: the database does not answer.
    """
    column = fault_events.c
    query = select(fault_events).where(column.kind == _KIND).order_by(column.seq.desc()).limit(limit + 1)
    if actor is not None:
        query = query.where(column.actor == actor)
    if since_us is not None:
        query = query.where(column.at_us >= since_us)
    if before_seq is not None:
        query = query.where(column.seq < before_seq)
    with database.reading() as connection:
        events = connection.execute(query).all()
        repairs = _with_results(connection, events[:limit])
    return repairs, events[limit - 1].seq if len(events) > limit else None


def last_repair(fault: Row[Any], events: Sequence[Row[Any]]) -> Repair | None:
    """The newest repair of a fault's timeline (oldest entry first), None if nobody claimed one."""
    claims = [n for n, event in enumerate(events) if event.kind == _KIND]
    return _judged(events[claims[-1]], fault, events[claims[-1] + 1 :]) if claims else None


def _with_results(connection: Connection, events: Sequence[Row[Any]]) -> list[Repair]:
    ids = sorted({event.fault_id for event in events})
    fault_of: dict[str, Row[Any]] = {}
    later: dict[str, list[Row[Any]]] = {fault_id: [] for fault_id in ids}
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        fault_of |= {row.id: row for row in connection.execute(select(faults).where(faults.c.id.in_(chunk)))}
        query = select(fault_events).where(fault_events.c.fault_id.in_(chunk), fault_events.c.kind.in_(_ENDING))
        for row in connection.execute(query.order_by(fault_events.c.seq)):
            later[row.fault_id].append(row)
    return [
        _judged(event, fault_of[event.fault_id], [row for row in later[event.fault_id] if row.seq > event.seq])
        for event in events
    ]


def _judged(event: Row[Any], fault: Row[Any], after: Sequence[Row[Any]]) -> Repair:
    """The repair with its result, from what came ``after`` it."""
    for later in after:
        if later.kind == life.EVENT_CLOSED:
            power_w = later.data.get("evidence", {}).get("power_w")
            result = VERIFIED if later.data.get("verified") else CLOSED
            return Repair(event, fault, result, later.at_us, power_w if isinstance(power_w, int | float) else None)
        if later.kind == life.EVENT_REOPENED:
            return Repair(event, fault, STILL_DARK, later.at_us)
        if later.kind == "reopen":
            return Repair(event, fault, REOPENED, later.at_us)
        if later.kind == _KIND:
            break
    return Repair(event, fault)
