"""Fault lists: filters, orders and cursors turned into one indexed query."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, String, and_, cast, func, or_, select

from dashboard_api.errors import BadRequestError
from dashboard_api.store.engine import Database
from ingest.schema import life
from ingest.schema.tables import FAULT_IS_OPEN, fault_events, faults

ORDERS: Final = ("priority", "-opened_at", "distance")
STATES: Final = ("open", "closed", "any", *life.STATES[1:-1])

_GREATER_LEVELS: Final = ("circuit", "cabinet", "controller")
_NOWHERE: Final = 1e9  # squared degrees: a fault without a place is farther than any other


@dataclass(frozen=True, slots=True)
class FaultFilter:
    """What a list asks for; None = no matter."""

    state: str = "open"
    codes: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    district: str | None = None
    cabinet_id: str | None = None
    lamp_id: str | None = None
    bbox: tuple[float, float, float, float] | None = None  # west, south, east, north [degrees]
    since_us: int | None = None  # opened at or after
    is_with_suppressed: bool = False


class Listed(NamedTuple):
    """A fault's place in a list: the row as it was at that ``revision``."""

    id: str
    revision: int


def list_faults(
    connection: Connection,
    wanted: FaultFilter,
    *,
    order: str,
    near: tuple[float, float] | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[Listed], str | None]:
    """One page of faults and the cursor of the next, None at the end.

    Only what an index holds is read here: the rows themselves are many times as wide, and most are known already.

    Raises:
        BadRequestError: ``distance`` without ``near``, or a cursor of another list.
    """
    key, is_rising = _sort_key(order, near)
    terms = _where(wanted)
    if cursor is not None:
        terms.append(_after(key, *_parse_cursor(cursor, order), is_rising=is_rising))
    query = select(faults.c.id, faults.c.revision, key.label("sort")).where(*terms)
    query = query.order_by(key.asc() if is_rising else key.desc(), faults.c.id).limit(limit + 1)
    rows = connection.execute(query).all()
    listed = [Listed(fault_id, revision) for fault_id, revision, _sort in rows[:limit]]
    if len(rows) <= limit:
        return listed, None
    last_id, _revision, last_sort = rows[limit - 1]
    document = json.dumps([order, last_sort, last_id], separators=(",", ":"))
    return listed, base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def fault_rows(connection: Connection, ids: Sequence[str]) -> list[Row[Any]]:
    """The rows of faults, in no order."""
    return list(connection.execute(select(faults).where(faults.c.id.in_(ids))))


def _where(wanted: FaultFilter) -> list[ColumnElement[bool]]:
    column = faults.c
    terms: list[ColumnElement[bool]] = []
    if wanted.state == "open":
        terms.append(FAULT_IS_OPEN)
    elif wanted.state != "any":
        terms.append(column.state == wanted.state)
    if not wanted.is_with_suppressed:
        terms.append(column.caused_by.is_(None))
    if wanted.codes:
        terms.append(column.code.in_(wanted.codes))
    if wanted.severities:
        terms.append(column.severity.in_(wanted.severities))
    if wanted.district is not None:
        terms.append(column.district == wanted.district)
    if wanted.cabinet_id is not None:
        terms.append(column.cabinet_id == wanted.cabinet_id)
    if wanted.lamp_id is not None:
        terms.append(_names_lamp(wanted.lamp_id, is_open=wanted.state == "open"))
    if wanted.since_us is not None:
        terms.append(column.opened_at_us >= wanted.since_us)
    if wanted.bbox is not None:
        west, south, east, north = wanted.bbox
        terms.append(column.latitude.between(south, north))
        if west <= east:
            terms.append(column.longitude.between(west, east))
        else:  # across the date line
            terms.append(or_(column.longitude >= west, column.longitude <= east))
    return terms


def _names_lamp(lamp_id: str, *, is_open: bool) -> ColumnElement[bool]:
    """Faults of a lamp: its own, and those of circuits, cabinets and controllers that take it with them."""
    # a lamp's own faults name no other lamp: only the few greater ones are searched as text
    in_list = cast(faults.c.lamp_ids, String).contains(json.dumps(lamp_id), autoescape=True)
    greater = and_(faults.c.level.in_(_GREATER_LEVELS), in_list)
    # said again within the alternative: SQLite looks for an index of each one by itself
    return or_(faults.c.lamp_id == lamp_id, and_(FAULT_IS_OPEN, greater) if is_open else greater)


def _sort_key(order: str, near: tuple[float, float] | None) -> tuple[ColumnElement[Any], bool]:
    """``(column, is rising)``."""
    column = faults.c
    if order == "-opened_at":
        return column.opened_at_us, False
    if order != "distance":
        return column.priority, False
    if near is None:
        raise BadRequestError("order=distance needs near=lat,lon")
    latitude, longitude = near
    narrowing = math.cos(math.radians(latitude)) ** 2
    north, east = column.latitude - latitude, column.longitude - longitude
    # squared degrees on the local plane: enough to order by, and without functions that SQLite lacks
    return func.coalesce(north * north + east * east * narrowing, _NOWHERE), True


def _after(key: ColumnElement[Any], value: float, last_id: str, *, is_rising: bool) -> ColumnElement[bool]:
    """Rows behind the cursor's in the list's order; the first term is where an index begins to read."""
    if is_rising:
        return and_(key >= value, or_(key > value, faults.c.id > last_id))
    return and_(key <= value, or_(key < value, faults.c.id > last_id))


def _parse_cursor(cursor: str, order: str) -> tuple[float, str]:
    """``(sort value, id)`` of the last fault before the page."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        document = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, UnicodeEncodeError) as error:
        raise BadRequestError("cursor: not one of this list's") from error
    if not isinstance(document, list) or len(document) != 3 or document[0] != order:
        raise BadRequestError("cursor: not one of this list's")
    _order, value, last_id = document
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63
    if not is_number or not isinstance(last_id, str):
        raise BadRequestError("cursor: not one of this list's")
    return value, last_id


def one_fault(database: Database, fault_id: str) -> tuple[Row[Any] | None, list[Row[Any]]]:
    """A fault and its timeline, oldest entry first."""
    with database.reading() as connection:
        row = connection.execute(select(faults).where(faults.c.id == fault_id)).one_or_none()
        query = select(fault_events).where(fault_events.c.fault_id == fault_id).order_by(fault_events.c.seq)
        return row, list(connection.execute(query))


def open_faults_of_lamp(database: Database, lamp_id: str) -> list[Row[Any]]:
    """Faults that are not closed and name the lamp, suppressed ones too."""
    query = select(faults).where(FAULT_IS_OPEN, _names_lamp(lamp_id, is_open=True)).order_by(faults.c.priority.desc())
    with database.reading() as connection:
        return list(connection.execute(query))
