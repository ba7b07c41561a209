"""How far management systems of TALQ have been told, and the reports that wait for them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from dashboard_api.store.engine import Database
from ingest.schema import life
from ingest.schema.tables import FAULT_IS_OPEN, fault_events, faults
from ingest.schema.talq_tables import talq_receivers, talq_reports, talq_told

MOST_STEPS: Final = 200  # of the timeline at a time
MOST_LAMPS: Final = 20_000  # of those steps together, unless one has more


@dataclass(frozen=True, slots=True)
class FaultStep:
    """An entry of a fault's timeline, with what the fault is now.

    Attributes:
        state: after this entry.
        is_caused: another fault explains it now.
    """

    seq: int
    fault_id: str
    code: str
    kind: str
    state: str
    at_us: int
    is_caused: bool
    lamp_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A fault's code, and the lamps at which it was told to stand."""

    code: str
    lamp_ids: tuple[str, ...]


# the told faults and new steps -> the faults told afterwards, and the bodies of the reports that say so
Make = Callable[[Mapping[str, Told], Sequence[FaultStep]], tuple[Mapping[str, Told], Sequence[str]]]


def receiver(database: Database, url: str) -> Row[Any]:
    """A receiver's row; a new one begins with the faults that stand.

    Raises:
        UnavailableError: the database does not answer.
    """
    query = select(talq_receivers).where(talq_receivers.c.url == url)
    with database.reading() as connection:
        row = connection.execute(query).one_or_none()
    if row is not None:
        return row
    with database.writing() as connection:
        if connection.execute(query).first() is None:
            values = dict.fromkeys(("sample_us", "sample_row", "n_sent", "n_refused", "n_failed", "next_at_us"), 0)
            connection.execute(insert(talq_receivers), {"url": url, "event_seq": -1, **values})
        return connection.execute(query).one()


def next_report(database: Database, url: str, make: Make) -> Row[Any] | None:
    """The report that is to be sent next, ``number``, ``request_id`` and ``body``; None = all is told.

    Where none waits, the next steps of the timeline become reports: these, how far the timeline was read, and what is
    told by them are written together, before anything is sent.

    Raises:
        UnavailableError: the database does not answer.
    """
    waiting = select(talq_reports).where(talq_reports.c.url == url).order_by(talq_reports.c.number).limit(1)
    with database.reading() as connection:
        row = connection.execute(waiting).one_or_none()
        if row is not None or not _is_behind(connection, url):
            return row
    with database.writing() as connection:
        while (row := connection.execute(waiting).one_or_none()) is None and _is_behind(connection, url):
            _make_reports(connection, url, make)
        return row


def _is_behind(connection: Connection, url: str) -> bool:
    read = select(talq_receivers.c.event_seq).where(talq_receivers.c.url == url).scalar_subquery()
    seq = connection.execute(select(read)).scalar_one()
    return seq is not None and _newest_event(connection) > int(seq)


def _newest_event(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(fault_events.c.seq), 0))).scalar_one())


def _make_reports(connection: Connection, url: str, make: Make) -> None:
    seq = connection.execute(select(talq_receivers.c.event_seq).where(talq_receivers.c.url == url)).scalar_one()
    if seq < 0:
        steps = _standing(connection)
        read_to = _newest_event(connection)
    else:
        steps = _steps_after(connection, seq)
        read_to = steps[-1].seq if steps else _newest_event(connection)  # else steps without a fault are met for ever
    rows = connection.execute(select(talq_told).where(talq_told.c.url == url)).all()
    before = {row.fault_id: Told(row.code, tuple(row.lamp_ids)) for row in rows}
    after, bodies = make(before, steps)
    _write_told(connection, url, before, after)
    for number, body in enumerate(bodies):
        row = {"url": url, "number": number, "request_id": str(uuid.uuid4()), "body": body}
        connection.execute(insert(talq_reports), row)
    connection.execute(update(talq_receivers).where(talq_receivers.c.url == url).values(event_seq=read_to))


_FAULT: Final = (faults.c.code, faults.c.lamp_id, faults.c.lamp_ids, faults.c.caused_by)


def _standing(connection: Connection) -> list[FaultStep]:
    """Every fault that stands, as if it had just opened."""
    query = select(faults.c.id, faults.c.state, faults.c.opened_at_us, *_FAULT).where(FAULT_IS_OPEN)
    return [
        _step(0, row.id, row, life.EVENT_OPENED, row.state, row.opened_at_us)
        for row in connection.execute(query.order_by(faults.c.id))
    ]


def _steps_after(connection: Connection, seq: int) -> list[FaultStep]:
    event = fault_events.c
    columns = (event.seq, event.fault_id, event.kind, event.state.label("state_then"), event.at_us, *_FAULT)
    query = select(*columns).join(faults, faults.c.id == event.fault_id).where(event.seq > seq)
    steps: list[FaultStep] = []
    n_lamps = 0
    for row in connection.execute(query.order_by(event.seq).limit(MOST_STEPS)):
        step = _step(row.seq, row.fault_id, row, row.kind, row.state_then, row.at_us)
        n_lamps += len(step.lamp_ids)
        if steps and n_lamps > MOST_LAMPS:
            break
        steps.append(step)
    return steps


def _step(seq: int, fault_id: str, row: Any, kind: str, state: str, at_us: int) -> FaultStep:
    lamp_ids = tuple(row.lamp_ids) or ((row.lamp_id,) if row.lamp_id else ())
    return FaultStep(seq, fault_id, row.code, kind, state, at_us, row.caused_by is not None, lamp_ids)


def _write_told(connection: Connection, url: str, before: Mapping[str, Told], after: Mapping[str, Told]) -> None:
    changed = [fault_id for fault_id in before.keys() | after.keys() if before.get(fault_id) != after.get(fault_id)]
    for fault_id in changed:
        if fault_id in before:
            connection.execute(delete(talq_told).where(talq_told.c.url == url, talq_told.c.fault_id == fault_id))
        if fault_id in after:
            told = after[fault_id]
            row = {"url": url, "fault_id": fault_id, "code": told.code, "lamp_ids": list(told.lamp_ids)}
            connection.execute(insert(talq_told), row)


def report_is_done(database: Database, url: str, number: int, values: Mapping[str, Any]) -> None:
    """A report was taken, or set aside: it no longer waits. ``values``: of the receiver's columns.

    Raises:
        UnavailableError: the database does not answer.
    """
    with database.writing() as connection:
        connection.execute(delete(talq_reports).where(talq_reports.c.url == url, talq_reports.c.number == number))
        connection.execute(update(talq_receivers).where(talq_receivers.c.url == url).values(**values))


def write_receiver(database: Database, url: str, values: Mapping[str, Any]) -> None:
    """Write how telling went.

    Raises:
        UnavailableError: the database does not answer.
    """
    with database.writing() as connection:
        connection.execute(update(talq_receivers).where(talq_receivers.c.url == url).values(**values))


def forget_others(database: Database, urls: Collection[str]) -> None:
    """Forget receivers that ``city.toml`` no longer names, with all that waits for them.

    Raises:
        UnavailableError: the database does not answer.
    """
    others = select(talq_receivers.c.url).where(talq_receivers.c.url.not_in(list(urls)))
    with database.reading() as connection:
        if connection.execute(others).first() is None:
            return
    with database.writing() as connection:
        for table in (talq_told, talq_reports, talq_receivers):
            connection.execute(delete(table).where(table.c.url.not_in(list(urls))))
