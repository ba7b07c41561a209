"""Citizens' reports: filed, joined to earlier ones, read, and closed with the outcome."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, update

from dashboard_api.store.audit import Actor, AuditLog, Entry
from dashboard_api.store.engine import Database
from ingest.schema import life
from ingest.schema.report_tables import reports
from ingest.schema.tables import faults, lamps

_REACH_M: Final = 25.0  # reports of places that lie as near are of one place
_JOIN_US: Final = 7 * 86_400 * 1_000_000  # so long a report without an outcome takes up later ones
_WAIT_US: Final = 30 * 86_400 * 1_000_000  # a report of which no fault was found is closed after
_M_PER_DEGREE: Final = 111_320.0
_MAX_OPEN: Final = 100_000


@dataclass(frozen=True, slots=True)
class Report:
    """What a citizen says, and what was known then."""

    number: str
    at_us: int
    service: str
    found: str
    lamp_id: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    address: str | None = None
    description: str | None = None
    fault_id: str | None = None
    contact: bytes | None = None


def file_report(database: Database, report: Report) -> bool:
    """Store a report, joined to the first one of the same lamp or place that has no outcome yet.

    Returns:
        False where so many reports wait for an outcome that no more is taken.

    Raises:
        UnavailableError: the database does not answer.
    """
    values = {name: getattr(report, name) for name in Report.__dataclass_fields__}
    same = _same(report)
    if same is not None:
        close_settled(database, report.at_us, same)  # no report is joined to one that has its outcome
    with database.writing() as connection:
        n_open = connection.execute(select(func.count()).where(reports.c.closed_at_us.is_(None))).scalar_one()
        if n_open >= _MAX_OPEN:
            return False
        first = None
        if same is not None:
            earlier = select(reports.c.number, reports.c.latitude, reports.c.longitude).where(
                same,
                reports.c.joined_to.is_(None),
                reports.c.closed_at_us.is_(None),
                reports.c.at_us >= report.at_us - _JOIN_US,
            )
            rows = connection.execute(earlier.order_by(reports.c.at_us).limit(100)).all()
            near = [row for row in rows if report.lamp_id is not None or _is_near(row, report)]
            first = near[0].number if near else None
        connection.execute(reports.insert().values(**values, joined_to=first, n_joined=0))
        if first is not None:
            n_joined = reports.c.n_joined + 1
            connection.execute(update(reports).where(reports.c.number == first).values(n_joined=n_joined))
    return True


def _same(report: Report) -> Any:
    if report.lamp_id is not None:
        return reports.c.lamp_id == report.lamp_id
    if report.latitude is None or report.longitude is None:
        return None
    reach = _REACH_M / _M_PER_DEGREE
    return and_(
        reports.c.lamp_id.is_(None),
        reports.c.service == report.service,
        reports.c.latitude.between(report.latitude - reach, report.latitude + reach),
        _is_across(report.longitude, reach / max(math.cos(math.radians(report.latitude)), 0.01)),
    )


def _is_across(longitude: float, reach: float) -> Any:
    """Whether a report's longitude is as near, on either side of the antimeridian."""
    column = reports.c.longitude
    west, east = longitude - reach, longitude + reach
    if west < -180:
        return or_(column <= east, column >= west + 360)
    if east > 180:
        return or_(column >= west, column <= east - 360)
    return column.between(west, east)


def _is_near(row: Any, report: Report) -> bool:
    if row.longitude is None or report.longitude is None or report.latitude is None:
        return False
    east = (row.longitude - report.longitude + 180) % 360 - 180
    east_m = east * _M_PER_DEGREE * math.cos(math.radians(report.latitude))
    return math.hypot(east_m, (row.latitude - report.latitude) * _M_PER_DEGREE) <= _REACH_M


def one_report(database: Database, number: str, now_us: int) -> Row[Any] | None:
    """A report's row, closed if it has its outcome by now; None where there is no such report.

    Raises:
        UnavailableError: the database does not answer.
    """
    close_settled(database, now_us, reports.c.number == number)
    with database.reading() as connection:
        return connection.execute(select(reports).where(reports.c.number == number)).one_or_none()


def reports_between(
    database: Database, first_us: int, last_us: int, services: Sequence[str], is_open: bool | None, limit: int
) -> list[Row[Any]]:
    """Reports of a time, newest first; ``services`` empty = all."""
    query = select(reports).where(reports.c.at_us.between(first_us, last_us))
    if services:
        query = query.where(reports.c.service.in_(services))
    if is_open is not None:
        query = query.where(reports.c.closed_at_us.is_(None) if is_open else reports.c.closed_at_us.is_not(None))
    with database.reading() as connection:
        return list(connection.execute(query.order_by(reports.c.at_us.desc(), reports.c.number).limit(limit)))


def fault_of_report(database: Database, row: Any) -> Row[Any] | None:
    """The fault that a report is about: the one known then, else the first that its lamp had since."""
    query = select(faults)
    if row.fault_id is not None:
        query = query.where(faults.c.id == row.fault_id)
    elif row.lamp_id is not None:
        is_later = faults.c.opened_at_us >= row.at_us
        query = query.where(faults.c.lamp_id == row.lamp_id, is_later).order_by(faults.c.opened_at_us).limit(1)
    else:
        return None
    with database.reading() as connection:
        return connection.execute(query).one_or_none()


def all_reports(database: Database, first_us: int, last_us: int) -> Iterator[Row[Any]]:
    """Every report of a time, oldest first, read in parts so that few are in memory at a time."""
    query = select(reports).where(reports.c.at_us <= last_us).order_by(reports.c.at_us, reports.c.number).limit(1000)
    at_us, number = first_us, ""
    while True:
        later = or_(reports.c.at_us > at_us, and_(reports.c.at_us == at_us, reports.c.number > number))
        with database.reading() as connection:
            rows = connection.execute(query.where(later)).all()
        yield from rows
        if len(rows) < 1000:
            return
        at_us, number = rows[-1].at_us, rows[-1].number


@dataclass(frozen=True, slots=True)
class Check:
    """A report that a crew has to look at, and the district where it stands."""

    row: Any
    district: str | None


class _Refusal:
    """Why a check got no outcome."""


NO_CHECK: Final = _Refusal()
OTHER_DISTRICT: Final = _Refusal()


def open_checks(
    database: Database, now_us: int, limit: int, may_act_in: Callable[[str | None], bool], district: str | None
) -> list[Check]:
    """The first reports of each lamp or place that have neither fault nor outcome, oldest first.

    Raises:
        UnavailableError: the database does not answer.
    """
    close_settled(database, now_us)
    is_of_lamp = and_(faults.c.lamp_id == reports.c.lamp_id, faults.c.opened_at_us >= reports.c.at_us)
    query = (
        select(reports, lamps.c.district)
        .outerjoin(lamps, lamps.c.lamp_id == reports.c.lamp_id)
        .where(
            reports.c.closed_at_us.is_(None),
            reports.c.joined_to.is_(None),
            reports.c.fault_id.is_(None),
            ~select(faults.c.id).where(is_of_lamp).exists(),
        )
    )
    if district is not None:
        query = query.where(lamps.c.district == district)
    found: list[Check] = []
    with database.reading() as connection:
        for row in connection.execute(query.order_by(reports.c.at_us, reports.c.number)):
            if may_act_in(row.district):
                found.append(Check(row, row.district))
                if len(found) == limit:
                    break
    return found


def settle_check(
    database: Database,
    audit: AuditLog,
    actor: Actor,
    number: str,
    outcome: str,
    now_us: int,
    may_act_in: Callable[[str | None], bool],
) -> str | _Refusal:
    """Give a report and those joined to it their outcome. Returns the outcome that it has now.

    Raises:
        UnavailableError: the database does not answer.
    """
    with database.writing() as connection:
        query = select(reports, lamps.c.district).outerjoin(lamps, lamps.c.lamp_id == reports.c.lamp_id)
        row = connection.execute(query.where(reports.c.number == number)).one_or_none()
        if row is None or (row.closed_at_us is not None and row.outcome is None):
            return NO_CHECK
        if not may_act_in(row.district):
            return OTHER_DISTRICT
        if row.outcome is not None:
            return str(row.outcome)
        mine = or_(reports.c.number == number, and_(reports.c.joined_to == number, reports.c.closed_at_us.is_(None)))
        values = {"outcome": outcome, "closed_at_us": now_us, "contact": None}
        connection.execute(update(reports).where(mine).values(**values))
        audit.append(connection, Entry(actor, "check.settle", number, {}, {"outcome": outcome}))
        return outcome


def close_settled(database: Database, now_us: int, only: ColumnElement[bool] | None = None) -> None:
    """Close reports whose fault is closed, and those of which none was found for long; contacts go with the outcome.

    Args:
        database: the city's.
        now_us: UTC microseconds.
        only: which reports to look at; None = all, of which there may be a hundred thousand.

    Raises:
        UnavailableError: the database does not answer.
    """
    is_open = reports.c.closed_at_us.is_(None)
    closed = select(faults.c.id).where(faults.c.state == life.CLOSED)
    of_closed_fault = and_(reports.c.fault_id.is_not(None), reports.c.fault_id.in_(closed))
    later = select(faults.c.id).where(faults.c.lamp_id == reports.c.lamp_id, faults.c.opened_at_us >= reports.c.at_us)
    of_closed_lamp = and_(
        reports.c.fault_id.is_(None),
        later.where(faults.c.state == life.CLOSED).exists(),
        ~later.where(faults.c.state != life.CLOSED).exists(),
    )
    is_old = and_(reports.c.fault_id.is_(None), reports.c.at_us < now_us - _WAIT_US)
    settled = and_(is_open, or_(of_closed_fault, of_closed_lamp, is_old))
    if only is not None:
        settled = and_(only, settled)
    with database.reading() as connection:
        if connection.execute(select(reports.c.number).where(settled).limit(1)).first() is None:
            return
    with database.writing() as connection:
        connection.execute(update(reports).where(settled).values(closed_at_us=now_us, contact=None))
