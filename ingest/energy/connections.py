"""The cabinets' connections: contracted power, and the time from which each exists.

A cabinet with a controller is there since its oldest reading. One without a controller is never heard: it is there
since its first lamp was installed, or where the register does not say that, since the city's oldest reading.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, delete, func, insert, select

from ingest.energy.from_parquet import Counters
from ingest.energy.rollup import NEVER, Connections
from ingest.model.fleet import Fleet
from ingest.schema.city import City
from ingest.schema.tables import cabinets, cabinets_heard, lamps, register

_CHUNK: Final = 500
Ints = npt.NDArray[np.int64]


def load_supply_va(engine: Engine, fleet: Fleet) -> npt.NDArray[np.float64]:
    """Contracted power of each cabinet, float64 (K,) [VA]; NaN unknown.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refused.
    """
    found = np.full(fleet.n_cabinets, np.nan)
    with engine.connect() as connection:
        for cabinet_id, supply_va in connection.execute(select(cabinets.c.cabinet_id, cabinets.c.supply_va)):
            place = fleet.cabinet_index.get(cabinet_id)
            if place is not None and supply_va is not None and supply_va > 0:
                found[place] = supply_va
    return found


def load_since(engine: Engine, city: City, fleet: Fleet, heard_us: Ints) -> Ints:
    """Since when each cabinet is there, int64 (K,) [us]; ``heard_us``: as of ``load_heard``.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refused.
    """
    since = heard_us.copy()
    mute = np.flatnonzero(fleet.cabinet_controller < 0)
    if not len(mute):
        return since
    with engine.connect() as connection:
        city_since = int(heard_us.min(initial=NEVER))
        if city_since == NEVER:
            city_since = connection.execute(select(func.min(register.c.imported_at_us))).scalar_one() or NEVER
        oldest = select(lamps.c.cabinet_id, func.min(lamps.c.installed_on)).where(lamps.c.installed_on > "")
        installed: dict[str, str] = {row[0]: row[1] for row in connection.execute(oldest.group_by(lamps.c.cabinet_id))}
    zone = ZoneInfo(city.city.timezone)
    for place in mute.tolist():
        day = _day(installed.get(fleet.cabinet_ids[place], ""))
        begin = None if day is None else datetime(day.year, day.month, day.day, tzinfo=zone)
        since[place] = city_since if begin is None else int(begin.timestamp()) * 1_000_000
    return since


def _day(text: str) -> date | None:
    """A register's date, or the first day of its year or month."""
    for rest in ("", "-01", "-01-01"):
        try:
            found = date.fromisoformat(text.strip() + rest)
        except ValueError:
            continue
        return found if found.year > 1 else None
    return None


def load_heard(engine: Engine, fleet: Fleet) -> Ints:
    """The time of each cabinet's oldest reading, int64 (K,) [us]; ``NEVER`` = none yet.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refused.
    """
    found = np.full(fleet.n_cabinets, NEVER, np.int64)
    with engine.connect() as connection:
        for cabinet_id, first_us in connection.execute(select(cabinets_heard.c.cabinet_id, cabinets_heard.c.first_us)):
            place = fleet.cabinet_index.get(cabinet_id)
            if place is not None:
                found[place] = first_us
    return found


def oldest_readings(counters: Counters, fleet: Fleet) -> Ints:
    """The time of each cabinet's oldest reading in the counters, int64 (K,) [us]; ``NEVER`` = none."""
    found = np.full(fleet.n_cabinets + 1, NEVER, np.int64)  # the last place takes lamps without a cabinet
    lamp_home = fleet.lamp_cabinet.astype(np.int64)
    np.minimum.at(found, counters.cabinets.meter, counters.cabinets.at_us)
    np.minimum.at(found, fleet.circuit_cabinet[counters.circuits.meter], counters.circuits.at_us)
    for samples in (counters.lamps, counters.power):
        np.minimum.at(found, lamp_home[samples.meter], samples.at_us)
    return found[:-1]


def store_heard(connection: Connection, fleet: Fleet, before_us: Ints, now_us: Ints) -> None:
    """Keep the oldest readings of the cabinets whose oldest reading changed."""
    changed = np.flatnonzero(now_us < before_us)
    for first in range(0, len(changed), _CHUNK):
        some = changed[first : first + _CHUNK].tolist()
        rows = [{"cabinet_id": fleet.cabinet_ids[i], "first_us": int(now_us[i])} for i in some]
        names = [row["cabinet_id"] for row in rows]
        connection.execute(delete(cabinets_heard).where(cabinets_heard.c.cabinet_id.in_(names)))
        connection.execute(insert(cabinets_heard), rows)


def connections_of(
    engine: Engine, city: City, fleet: Fleet, supply_va: npt.NDArray[np.float64], heard_us: Ints
) -> Connections:
    """Contracted powers and beginnings in one.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refused.
    """
    return Connections(supply_va, load_since(engine, city, fleet, heard_us))
