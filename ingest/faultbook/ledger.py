"""Faults and their timeline in the database; the only module of the fault book that uses SQL.

The API writes people's actions into the same rows. So every change here happens in one transaction that first takes
the write lock, reads the rows as they are now, and only then writes: nobody's word is lost, and ``kill -9`` leaves all
or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, bindparam, func, insert, or_, select, text, update

from ingest.faultbook.fault import Entry, Fault, Spot, key_text, parse_key
from ingest.schema import life
from ingest.schema.codes import BY_CODE
from ingest.schema.report_tables import reports
from ingest.schema.tables import fault_events, faults, wait_for_events

_CHUNK: Final = 500  # ids per statement, below every database's limit of parameters


class Ledger:
    """Reads and writes faults; one instance per process that judges."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine of the city's database."""
        self._engine = engine

    def load(self, closed_since_us: int) -> list[Fault]:
        """All faults that are not closed, and those closed since; road classes are not kept and come back None."""
        wanted = or_(faults.c.state != life.CLOSED, faults.c.closed_at_us >= closed_since_us)
        with self._engine.connect() as connection:
            rows = connection.execute(select(faults).where(wanted)).all()
            judged = _judged_at(connection, [row.id for row in rows])
        return [_fault(row, judged.get(row.id, row.opened_at_us)) for row in rows]

    def newest_event(self) -> int:
        """The highest ``fault_events.seq``, 0 if there is none."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.coalesce(func.max(fault_events.c.seq), 0))).scalar_one())

    def people_since(self, seq: int) -> tuple[list[tuple[str, str]], int]:
        """Actions of people after ``seq``: ``[(fault_id, kind)]`` in order, and the newest seq seen.

        It is smaller than ``seq`` where the database has become one of an earlier time.
        """
        query = select(fault_events.c.seq, fault_events.c.fault_id, fault_events.c.kind, fault_events.c.actor)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(fault_events.c.seq > seq).order_by(fault_events.c.seq)).all()
        actions = [(row.fault_id, row.kind) for row in rows if row.actor != life.ACTOR_TELEMETRY]
        return actions, rows[-1].seq if rows else min(seq, self.newest_event())

    def n_reports(self) -> dict[str, int]:
        """Citizens' reports that have no outcome yet, by id of their fault, or by ``lamp_key`` where there is none."""
        query = select(reports.c.fault_id, reports.c.lamp_id, func.count()).where(reports.c.closed_at_us.is_(None))
        found: dict[str, int] = {}
        with self._engine.connect() as connection:
            for fault_id, lamp_id, n in connection.execute(query.group_by(reports.c.fault_id, reports.c.lamp_id)):
                if fault_id is not None or lamp_id is not None:
                    key = fault_id if fault_id is not None else lamp_key(lamp_id)
                    found[key] = found.get(key, 0) + int(n)
        return found

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its first statement on."""
        with self._engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # a write that matches nothing takes SQLite's write lock before the first read
                connection.execute(update(faults).where(text("1 = 0")).values(version=0))
            yield connection

    @staticmethod
    def current(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, int, str | None]]:
        """``id -> (state, version, assignee)`` as they stand now, locked until the transaction ends."""
        found: dict[str, tuple[str, int, str | None]] = {}
        query = select(faults.c.id, faults.c.state, faults.c.version, faults.c.assignee)
        for chunk in _chunks(ids):
            for row in connection.execute(query.where(faults.c.id.in_(chunk)).with_for_update()):
                found[row.id] = (row.state, row.version, row.assignee)
        return found

    @staticmethod
    def write(connection: Connection, new: Iterable[Fault], changed: Iterable[Fault], entries: Iterable[Entry]) -> None:
        """Insert new faults, rewrite changed ones and append the timeline, inside a ``changing`` transaction."""
        rows = [_row(fault) for fault in new]
        if rows:
            connection.execute(insert(faults), rows)
        rows = [{"key_id" if name == "id" else name: value for name, value in _row(fault).items()} for fault in changed]
        if rows:
            connection.execute(update(faults).where(faults.c.id == bindparam("key_id")), rows)
        lines = [_line(entry) for entry in entries]
        if lines:
            wait_for_events(connection)
            connection.execute(insert(fault_events), lines)


def lamp_key(lamp_id: str) -> str:
    """A lamp's key in ``Ledger.n_reports``, which is no id of a fault."""
    return f"lamp {lamp_id}"


def _judged_at(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    newest: dict[str, int] = {}
    query = select(fault_events.c.fault_id, func.max(fault_events.c.at_us).label("at_us")).group_by(
        fault_events.c.fault_id
    )
    query = query.where(fault_events.c.actor == life.ACTOR_TELEMETRY)
    for chunk in _chunks(ids):
        for row in connection.execute(query.where(fault_events.c.fault_id.in_(chunk))):
            newest[row.fault_id] = row.at_us
    return newest


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def _row(fault: Fault) -> dict[str, Any]:
    code = fault.key.code
    spot = fault.spot
    # a voltage code is the circuit's, or the cabinet's where all its circuits share it
    level = BY_CODE[code].level
    if level in {"circuit", "cabinet"}:  # some codes are told of either: a broken neutral, a voltage out of limits
        level = "cabinet" if fault.key.place.circuit is None else "circuit"
    after, before = fault.span if fault.span is not None else (None, None)
    return {
        "id": fault.id,
        "code": code,
        "level": level,
        "severity": BY_CODE[code].severity,
        "priority": fault.priority,
        "state": fault.state,
        "place": key_text(fault.key),
        "opened_at_us": fault.opened_at_us,
        "updated_at_us": fault.updated_at_us,
        "closed_at_us": fault.closed_at_us,
        "is_verified": fault.is_verified,
        "lamp_id": fault.key.place.lamp_id,
        "lamp_ids": list(fault.lamp_ids),
        "cabinet_id": spot.cabinet_id,
        "controller_id": spot.controller_id,
        "bus": spot.bus,
        "circuit": spot.circuit,
        "span_after": after,
        "span_before": before,
        "latitude": spot.latitude,
        "longitude": spot.longitude,
        "street": spot.street,
        "district": spot.district,
        "caused_by": fault.caused_by,
        "assignee": fault.assignee,
        "version": fault.version,
        "evidence": {**fault.evidence, "priority": dict(fault.priority_reasons)},
    }


def _fault(row: Row[Any], judged_at_us: int) -> Fault:
    evidence = dict(row.evidence)
    reasons = evidence.pop("priority", {})
    spot = Spot(
        row.cabinet_id, row.controller_id, row.bus, row.circuit, row.latitude, row.longitude, row.street, row.district
    )
    return Fault(
        id=row.id,
        key=parse_key(row.place),
        state=row.state,
        opened_at_us=row.opened_at_us,
        updated_at_us=row.updated_at_us,
        judged_at_us=judged_at_us,
        spot=spot,
        lamp_ids=tuple(row.lamp_ids),
        evidence=evidence,
        span=None if row.span_before is None else (row.span_after, row.span_before),
        caused_by=row.caused_by,
        closed_at_us=row.closed_at_us,
        is_verified=row.is_verified,
        assignee=row.assignee,
        priority=row.priority,
        priority_reasons=reasons,
        version=row.version,
    )


def _line(entry: Entry) -> dict[str, Any]:
    return {
        "fault_id": entry.fault_id,
        "at_us": entry.at_us,
        "actor": life.ACTOR_TELEMETRY,
        "kind": entry.kind,
        "state": entry.state,
        "version": entry.version,
        "note": None,  # of people; what telemetry has to say is a code: data["reason"]
        "action_id": None,
        "data": dict(entry.data),
    }
