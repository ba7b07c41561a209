"""Rows as the public may see them: columns of the contract, never addresses, accounts or who does what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, func, or_, select

from dashboard_api.store.engine import Database
from dashboard_api.store.fault_filter import filter_term
from ingest.schema.tables import FAULT_IS_OPEN, cabinets, faults, lamps

LAMP_COLUMNS: Final = (
    "lamp_id",
    "cabinet_id",
    "circuit",
    "position",
    "position_source",
    "rated_power_w",
    "technology",
    "phase",
    "is_dimmable",
    "street",
    "district",
    "village",
    "road_class",
    "installed_on",
)
CABINET_COLUMNS: Final = ("cabinet_id", "name", "district", "village", "metered", "switching")
FAULT_COLUMNS: Final = (
    "id",
    "code",
    "level",
    "severity",
    "priority",
    "state",
    "opened_at_us",
    "updated_at_us",
    "closed_at_us",
    "is_verified",
    "lamp_id",
    "cabinet_id",
    "circuit",
    "street",
    "district",
)
_PLACE: Final = ("latitude", "longitude")
_CHUNK: Final = 500
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PublicFilter:
    """Which faults: all that no other one explains, narrowed by what is not None.

    Attributes:
        after: id that the page begins behind.
        bbox: west, south, east, north; those without a place are always in it.
        touches_antimeridian: the box holds the meridian of 180 degrees.
        interval: first and last UTC microsecond; a fault lasts from its opening to its closing.
        equal: column -> value.
        opened: first and last UTC microsecond of the opening.
        codes: any of these; empty = all.
        where: a filter in CQL2's JSON form.
    """

    after: str | None = None
    bbox: Box | None = None
    touches_antimeridian: bool = False
    interval: tuple[int, int] | None = None
    equal: Mapping[str, str] = field(default_factory=dict)
    is_open: bool | None = None
    opened: tuple[int, int] | None = None
    codes: tuple[str, ...] = ()
    where: Any = None


def public_lamps(database: Database, lamp_ids: Sequence[str]) -> list[Row[Any]]:
    """Rows of lamps with place and free columns, in no order; ids that are no lamps are left out."""
    columns = [lamps.c[name] for name in (*LAMP_COLUMNS, *_PLACE, "extra")]
    found: list[Row[Any]] = []
    with database.reading() as connection:
        for start in range(0, len(lamp_ids), _CHUNK):
            wanted = lamps.c.lamp_id.in_(lamp_ids[start : start + _CHUNK])
            found += connection.execute(select(*columns).where(wanted))
    return found


def public_cabinets(database: Database) -> list[Row[Any]]:
    """Rows of all cabinets with place and free columns, by id."""
    columns = [cabinets.c[name] for name in (*CABINET_COLUMNS, *_PLACE, "extra")]
    with database.reading() as connection:
        return list(connection.execute(select(*columns).order_by(cabinets.c.cabinet_id)))


def public_faults(
    database: Database, wanted: PublicFilter, limit: int, *, is_newest_first: bool = False
) -> list[Row[Any]]:
    """Rows of faults with their place, by id, which rises with the time of opening.

    Raises:
        BadRequestError: ``where`` names what there is not.
    """
    columns = [faults.c[name] for name in (*FAULT_COLUMNS, *_PLACE)]
    order = (faults.c.opened_at_us.desc(), faults.c.id) if is_newest_first else (faults.c.id,)
    query = select(*columns).where(*_terms(wanted)).order_by(*order).limit(limit)
    with database.reading() as connection:
        return list(connection.execute(query, execution_options=_options(wanted)))


def count_public_faults(database: Database, wanted: PublicFilter) -> int:
    """How many faults there are."""
    query = select(func.count()).select_from(faults).where(*_terms(wanted))
    with database.reading() as connection:
        return int(connection.execute(query, execution_options=_options(wanted)).scalar_one())


def one_public_fault(database: Database, fault_id: str) -> Row[Any] | None:
    """A fault's row, also where another fault explains it."""
    columns = [faults.c[name] for name in (*FAULT_COLUMNS, *_PLACE)]
    with database.reading() as connection:
        return connection.execute(select(*columns).where(faults.c.id == fault_id)).one_or_none()


def extent_of_faults(database: Database) -> tuple[Box | None, int | None]:
    """The smallest box that holds all faults with a place, and when the first one opened."""
    places = [bound(faults.c[name]) for bound in (func.min, func.max) for name in ("longitude", "latitude")]
    query = select(*places, func.min(faults.c.opened_at_us)).where(faults.c.caused_by.is_(None))
    with database.reading() as connection:
        row = tuple(connection.execute(query).one())
    west, south, east, north, first_us = row
    return (None if west is None else (west, south, east, north)), first_us


def _options(wanted: PublicFilter) -> dict[str, Any]:
    """A filter's statement is as long as its geometry and comes once: it is kept in no cache."""
    return {} if wanted.where is None else {"compiled_cache": None}


def _terms(wanted: PublicFilter) -> list[ColumnElement[bool]]:
    terms: list[ColumnElement[bool]] = [faults.c.caused_by.is_(None)]
    if wanted.after is not None:
        terms.append(faults.c.id > wanted.after)
    if wanted.bbox is not None:
        inside = _in_box(wanted.bbox, touches_antimeridian=wanted.touches_antimeridian)
        terms.append(or_(faults.c.latitude.is_(None), faults.c.longitude.is_(None), inside))
    if wanted.interval is not None:
        first_us, last_us = wanted.interval
        terms.append(faults.c.opened_at_us <= last_us)
        terms.append(or_(faults.c.closed_at_us.is_(None), faults.c.closed_at_us >= first_us))
    if wanted.is_open is not None:
        terms.append(FAULT_IS_OPEN if wanted.is_open else ~FAULT_IS_OPEN)
    if wanted.opened is not None:
        terms.append(faults.c.opened_at_us.between(*wanted.opened))
    if wanted.codes:
        terms.append(faults.c.code.in_(wanted.codes))
    terms += [faults.c[name] == value for name, value in wanted.equal.items()]
    if wanted.where is not None:
        terms.append(filter_term(wanted.where))
    return terms


def _in_box(box: Box, *, touches_antimeridian: bool) -> ColumnElement[bool]:
    west, south, east, north = box
    longitude = faults.c.longitude
    across = longitude.between(west, east) if west <= east else or_(longitude >= west, longitude <= east)
    if touches_antimeridian:
        across = or_(across, longitude.in_((-180.0, 180.0)))
    return and_(faults.c.latitude.between(south, north), across)
