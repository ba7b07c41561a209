"""Fault lists: filters, orders and cursors turned into one indexed query."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple, get_args

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    Row,
    Select,
    String,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
)

from dashboard_api.errors import BadRequestError
from dashboard_api.store.engine import Database
from ingest.schema import life
from ingest.schema.codes import Level
from ingest.schema.tables import FAULT_IS_OPEN, fault_events, faults

ORDERS: Final = ("priority", "-opened_at", "distance")
STATES: Final = ("open", "closed", "any", *life.STATES[1:-1])

_GREATER_LEVELS: Final = tuple(level for level in get_args(Level) if level != "lamp")
_SHORT: Final = 200  # faults of a page whose rows may all have to be read
_ID: Final = re.compile(r"[0-9A-Za-z]{1,26}")
_NOWHERE: Final = 1e9  # squared degrees: a fault without a place is farther than any other


@dataclass(frozen=True, slots=True)
class FaultFilter:
    """Conditions of a list; None = any."""

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


def is_short(wanted: FaultFilter, order: str, limit: int) -> bool:
    """Whether the page is answered from one index of open faults, within some milliseconds."""
    others = (wanted.severities, wanted.cabinet_id, wanted.lamp_id, wanted.since_us)
    if wanted.state != "open" or limit > _SHORT or any(other not in {(), None} for other in others):
        return False
    is_narrowed = bool(wanted.codes) or wanted.district is not None or wanted.bbox is not None
    return order == "priority" or (order == "-opened_at" and not is_narrowed)


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
    terms = _terms_of(wanted)
    given: dict[str, Any] = {"n": limit + 1}
    if order == "distance":
        if near is None:
            raise BadRequestError("near_missing")
        narrowing = math.cos(math.radians(near[0])) ** 2
        given |= {"near_latitude": near[0], "near_longitude": near[1], "narrowing": narrowing}
    if cursor is not None:
        terms["after"] = dict(zip(("after_key", "after_id"), _parse_cursor(cursor, order), strict=True))
    for values in terms.values():
        given |= values
    rows = connection.execute(_statement(order, tuple(terms)), given).all()
    listed = [Listed(fault_id, revision) for fault_id, revision, _key in rows[:limit]]
    if len(rows) <= limit:
        return listed, None
    last_id, _revision, last_key = rows[limit - 1]
    document = json.dumps([order, last_key, last_id], separators=(",", ":"))
    return listed, base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


@lru_cache(maxsize=512)
def _statement(order: str, terms: tuple[str, ...]) -> Select[Any]:
    """The list's statement with bound values, cached: building it costs more than running it."""
    key, is_rising = _KEYS[order]
    after = {"after": _after(key, is_rising=is_rising)}
    query = select(faults.c.id, faults.c.revision, key).where(*((_TERMS | after)[name] for name in terms))
    return query.order_by(key.asc() if is_rising else key.desc(), faults.c.id).limit(bindparam("n", type_=Integer))


def fault_rows(connection: Connection, ids: Sequence[str]) -> list[Row[Any]]:
    """The rows of faults, in no order."""
    return list(connection.execute(_ROWS, {"ids": ids}))


_ROWS: Final = select(faults).where(faults.c.id.in_(bindparam("ids", expanding=True)))


def _terms_of(wanted: FaultFilter) -> dict[str, dict[str, Any]]:
    """Names of ``_TERMS`` that the filter needs, each with the values it asks for."""
    terms: dict[str, dict[str, Any]] = {}
    if wanted.state == "open":
        terms["open"] = {}
    elif wanted.state != "any":
        terms["state"] = {"state": wanted.state}
    if not wanted.is_with_suppressed:
        terms["unexplained"] = {}
    if wanted.codes:
        terms["codes"] = {"codes": wanted.codes}
    if wanted.severities:
        terms["severities"] = {"severities": wanted.severities}
    if wanted.district is not None:
        terms["district"] = {"district": wanted.district}
    if wanted.cabinet_id is not None:
        terms["cabinet"] = {"cabinet_id": wanted.cabinet_id}
    if wanted.lamp_id is not None:
        terms["open lamp" if wanted.state == "open" else "lamp"] = _lamp_values(wanted.lamp_id)
    if wanted.since_us is not None:
        terms["since"] = {"since_us": wanted.since_us}
    if wanted.bbox is not None:
        name = "box" if wanted.bbox[0] <= wanted.bbox[2] else "box across the date line"
        terms[name] = dict(zip(("west", "south", "east", "north"), wanted.bbox, strict=True))
    return terms


def _lamp_values(lamp_id: str) -> dict[str, Any]:
    text = json.dumps(lamp_id)
    for special in "/%_":
        text = text.replace(special, "/" + special)
    return {"lamp_id": lamp_id, "lamp_text": f"%{text}%"}


def _names_lamp(*more: ColumnElement[bool]) -> ColumnElement[bool]:
    """Faults of a lamp: its own, and those of circuits, cabinets and controllers that take it with them.

    ``more`` is what holds for all of them, said again: SQLite looks for an index of each alternative by itself.
    """
    # a lamp's own faults name no other lamp: only the few greater ones are searched as text
    in_list = cast(faults.c.lamp_ids, String).like(bindparam("lamp_text"), escape="/")
    return or_(faults.c.lamp_id == bindparam("lamp_id"), and_(*more, faults.c.level.in_(_GREATER_LEVELS), in_list))


def _degrees(name: str) -> BindParameter[float]:
    return bindparam(name, type_=Float)


def _away(column: Column[Any], name: str) -> ColumnElement[Any]:
    return column - _degrees(name)


# squared degrees on the local plane: enough to order by, and without functions that SQLite lacks
_NORTH, _EAST = (_away(faults.c[name], f"near_{name}") for name in ("latitude", "longitude"))
_DISTANCE: Final = func.coalesce(_NORTH * _NORTH + _EAST * _EAST * _degrees("narrowing"), _NOWHERE)
# order -> (what is ordered by, whether it rises)
_KEYS: Final[dict[str, tuple[ColumnElement[Any], bool]]] = {
    "priority": (faults.c.priority, False),
    "-opened_at": (faults.c.opened_at_us, False),
    "distance": (_DISTANCE, True),
}
_IS_NORTH_AND_SOUTH: Final = faults.c.latitude.between(_degrees("south"), _degrees("north"))
_TERMS: Final[dict[str, ColumnElement[bool]]] = {
    "open": FAULT_IS_OPEN,
    "state": faults.c.state == bindparam("state"),
    "unexplained": faults.c.caused_by.is_(None),
    "codes": faults.c.code.in_(bindparam("codes", expanding=True)),
    "severities": faults.c.severity.in_(bindparam("severities", expanding=True)),
    "district": faults.c.district == bindparam("district"),
    "cabinet": faults.c.cabinet_id == bindparam("cabinet_id"),
    "lamp": _names_lamp(),
    "open lamp": _names_lamp(FAULT_IS_OPEN),
    "since": faults.c.opened_at_us >= bindparam("since_us"),
    "box": and_(_IS_NORTH_AND_SOUTH, faults.c.longitude.between(_degrees("west"), _degrees("east"))),
    "box across the date line": and_(
        _IS_NORTH_AND_SOUTH, or_(faults.c.longitude >= _degrees("west"), faults.c.longitude <= _degrees("east"))
    ),
}


def _after(key: ColumnElement[Any], *, is_rising: bool) -> ColumnElement[bool]:
    """Rows behind the cursor's in the list's order; the first term is where an index begins to read."""
    value = bindparam("after_key", type_=key.type)
    is_same_and_behind = faults.c.id > bindparam("after_id")
    if is_rising:
        return and_(key >= value, or_(key > value, is_same_and_behind))
    return and_(key <= value, or_(key < value, is_same_and_behind))


def _parse_cursor(cursor: str, order: str) -> tuple[float, str]:
    """``(sort value, id)`` of the last fault before the page."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        document = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise BadRequestError("foreign_cursor") from error
    if not isinstance(document, list) or len(document) != 3 or document[0] != order:
        raise BadRequestError("foreign_cursor")
    _order, value, last_id = document
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63
    if not is_number or not isinstance(last_id, str) or not _ID.fullmatch(last_id):
        raise BadRequestError("foreign_cursor")
    return value, last_id


def one_fault(database: Database, fault_id: str) -> tuple[Row[Any] | None, list[Row[Any]]]:
    """A fault and its timeline, oldest entry first."""
    with database.reading() as connection:
        row = connection.execute(select(faults).where(faults.c.id == fault_id)).one_or_none()
        query = select(fault_events).where(fault_events.c.fault_id == fault_id).order_by(fault_events.c.seq)
        return row, list(connection.execute(query))


def is_fault(database: Database, fault_id: str) -> bool:
    """Whether there is such a fault, closed or not."""
    with database.reading() as connection:
        return connection.execute(select(faults.c.id).where(faults.c.id == fault_id)).one_or_none() is not None


def open_faults_of_lamp(connection: Connection, lamp_id: str) -> list[Row[Any]]:
    """Faults that are not closed and name the lamp, suppressed ones too."""
    return list(connection.execute(_OF_LAMP, _lamp_values(lamp_id)))


_OF_LAMP: Final = select(faults).where(FAULT_IS_OPEN, _TERMS["open lamp"]).order_by(faults.c.priority.desc())
