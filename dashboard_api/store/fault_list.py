"""Fault lists: filters, orders and cursors turned into one indexed query."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, String, Subquery, and_, cast, func, or_, select, union_all

from dashboard_api.errors import BadRequestError
from dashboard_api.store.engine import Database
from ingest.schema import life
from ingest.schema.tables import fault_events, faults

ORDERS: Final = ("priority", "-opened_at", "distance")
STATES: Final = ("open", "closed", "any", *life.STATES[1:-1])

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


def list_faults(
    database: Database,
    wanted: FaultFilter,
    *,
    order: str,
    near: tuple[float, float] | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[Row[Any]], str | None]:
    """One page of faults and the cursor of the next, None at the end.

    Raises:
        BadRequestError: ``distance`` without ``near``, or a cursor of another list.
        UnavailableError: the database does not answer.
    """
    keys = _sort_keys(order, near)
    after = [] if cursor is None else [_after(keys, _parse_cursor(cursor, order, len(keys)))]
    page = _page(wanted, keys, after, limit + 1)
    query = select(faults, *(page.c[f"sort_{n}"] for n in range(len(keys)))).join(page, page.c.id == faults.c.id)
    ordering = [_directed(page.c[f"sort_{n}"], is_rising=is_rising) for n, (_key, is_rising) in enumerate(keys)]
    query = query.order_by(*ordering, faults.c.id)
    with database.reading() as connection:
        rows = list(connection.execute(query))
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    values = [getattr(last, f"sort_{n}") for n in range(len(keys))]
    document = json.dumps([order, *values, last.id], separators=(",", ":"))
    return rows[:limit], base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def _page(
    wanted: FaultFilter, keys: list[tuple[ColumnElement[Any], bool]], after: list[ColumnElement[bool]], limit: int
) -> Subquery:
    """``(id, sort_0, …)`` of the page's faults.

    Only these narrow rows are sorted, not whole faults. State by state, because within one the index has them in order
    of priority already; one statement, so that a fault that changes its state meanwhile is there once.
    """
    ordering = [_directed(key, is_rising=is_rising) for key, is_rising in keys]
    columns = [faults.c.id, *(key.label(f"sort_{n}") for n, (key, _is_rising) in enumerate(keys))]
    parts = []
    for one in _by_state(wanted):
        part = select(*columns).where(*_where(one), *after).order_by(*ordering, faults.c.id).limit(limit)
        parts.append(select(part.subquery()))
    found = union_all(*parts).subquery()
    directed = [_directed(found.c[f"sort_{n}"], is_rising=is_rising) for n, (_key, is_rising) in enumerate(keys)]
    return select(found).order_by(*directed, found.c.id).limit(limit).subquery()


def _by_state(wanted: FaultFilter) -> list[FaultFilter]:
    states = life.STATES[:-1] if wanted.state == "open" else (wanted.state,)
    return [replace(wanted, state=state) for state in states]


def _directed(key: ColumnElement[Any], *, is_rising: bool) -> ColumnElement[Any]:
    return key.asc() if is_rising else key.desc()


def _where(wanted: FaultFilter) -> list[ColumnElement[bool]]:
    column = faults.c
    terms: list[ColumnElement[bool]] = []
    if wanted.state != "any":
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
        terms.append(names_lamp(wanted.lamp_id))
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


def names_lamp(lamp_id: str) -> ColumnElement[bool]:
    """Faults of a lamp: its own, and those of circuits, cabinets and controllers that take it with them."""
    # a lamp's own faults name no other lamp: only the few greater ones are searched as text
    in_list = cast(faults.c.lamp_ids, String).contains(json.dumps(lamp_id), autoescape=True)
    return or_(faults.c.lamp_id == lamp_id, and_(faults.c.level != "lamp", in_list))


def _sort_keys(order: str, near: tuple[float, float] | None) -> list[tuple[ColumnElement[Any], bool]]:
    """``(column, is rising)``."""
    column = faults.c
    if order == "-opened_at":
        return [(column.opened_at_us, False)]
    if order != "distance":
        return [(column.priority, False)]
    if near is None:
        raise BadRequestError("order=distance needs near=lat,lon")
    latitude, longitude = near
    narrowing = math.cos(math.radians(latitude)) ** 2
    north, east = column.latitude - latitude, column.longitude - longitude
    # squared degrees on the local plane: enough to order by, and without functions that SQLite lacks
    return [(func.coalesce(north * north + east * east * narrowing, _NOWHERE), True)]


def _after(keys: list[tuple[ColumnElement[Any], bool]], values: list[Any]) -> ColumnElement[bool]:
    """Rows behind the cursor's in the list's order."""
    *sort_values, last_id = values
    terms = []
    for n, (key, is_rising) in enumerate(keys):
        same = [earlier == value for (earlier, _), value in zip(keys[:n], sort_values[:n], strict=True)]
        terms.append(and_(*same, key > sort_values[n] if is_rising else key < sort_values[n]))
    same = [key == value for (key, _), value in zip(keys, sort_values, strict=True)]
    return or_(*terms, and_(*same, faults.c.id > last_id))


def _parse_cursor(cursor: str, order: str, n_keys: int) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        document = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, UnicodeEncodeError) as error:
        raise BadRequestError("cursor: not one of this list's") from error
    is_right = isinstance(document, list) and len(document) == n_keys + 2 and document[0] == order
    if not is_right or not isinstance(document[-1], str):
        raise BadRequestError("cursor: not one of this list's")
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in document[1:-1]):
        raise BadRequestError("cursor: not one of this list's")
    if not all(abs(value) < 2**63 for value in document[1:-1]):
        raise BadRequestError("cursor: not one of this list's")
    values: list[Any] = document[1:]
    return values


def one_fault(database: Database, fault_id: str) -> tuple[Row[Any] | None, list[Row[Any]]]:
    """A fault and its timeline, oldest entry first."""
    with database.reading() as connection:
        row = connection.execute(select(faults).where(faults.c.id == fault_id)).one_or_none()
        query = select(fault_events).where(fault_events.c.fault_id == fault_id).order_by(fault_events.c.seq)
        return row, list(connection.execute(query))


def open_faults_of_lamp(database: Database, lamp_id: str) -> list[Row[Any]]:
    """Faults that are not closed and name the lamp, suppressed ones too."""
    query = (
        select(faults)
        .where(faults.c.state.in_(life.STATES[:-1]), names_lamp(lamp_id))
        .order_by(faults.c.priority.desc())
    )
    with database.reading() as connection:
        return list(connection.execute(query))
