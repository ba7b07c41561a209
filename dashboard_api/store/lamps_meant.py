"""Lamps that a person means by a text or a place, for citizens' reports and Open311."""

from __future__ import annotations

import math
from typing import Any, Final

from sqlalchemy import Row, func, or_, select

from dashboard_api.store.engine import Database
from ingest.schema.tables import lamps

_M_PER_DEGREE: Final = 111_320.0


def lamps_at(database: Database, text: str, limit: int) -> list[Row[Any]]:
    """Lamps that a person may mean: the one of that id, else those of that street, by id."""
    columns = (lamps.c.lamp_id, lamps.c.street, lamps.c.district, lamps.c.latitude, lamps.c.longitude)
    shown = (*columns, lamps.c.row, lamps.c.address.is_not(None).label("is_metered"))
    escaped = text.lower().replace("/", "//").replace("%", "/%").replace("_", "/_")
    with database.reading() as connection:
        for wanted in (
            lamps.c.lamp_id == text,
            func.lower(lamps.c.lamp_id) == text.lower(),
            func.lower(lamps.c.street) == text.lower(),
            func.lower(lamps.c.street).like(f"%{escaped}%", escape="/"),
        ):
            found = connection.execute(select(*shown).where(wanted).order_by(lamps.c.lamp_id).limit(limit)).all()
            if found:
                return list(found)
    return []


def nearest_lamp(database: Database, latitude: float, longitude: float, reach_m: float) -> str | None:
    """The lamp nearest to a place, None where none stands within ``reach_m``."""
    north = reach_m / _M_PER_DEGREE
    narrow = max(math.cos(math.radians(latitude)), 0.01)
    reach = north / narrow
    east = func.abs(lamps.c.longitude - longitude)
    query = select(lamps.c.lamp_id, lamps.c.latitude, lamps.c.longitude).where(
        lamps.c.latitude.between(latitude - north, latitude + north), or_(east <= reach, east >= 360 - reach)
    )
    nearest: tuple[float, str] | None = None
    with database.reading() as connection:
        for row in connection.execute(query):
            across = (row.longitude - longitude + 180) % 360 - 180
            away_m = math.hypot(across * narrow, row.latitude - latitude) * _M_PER_DEGREE
            if away_m <= reach_m and (nearest is None or (away_m, row.lamp_id) < nearest):
                nearest = away_m, row.lamp_id
    return None if nearest is None else nearest[1]
