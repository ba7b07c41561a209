"""The coordinate system in which a source is read: the mapping's or the file's own."""

from __future__ import annotations

import numpy as np

from ingest.city.places import WGS84, system_of
from ingest.city.source_table import GEOMETRY_X, GEOMETRY_Y, Source
from languages.message import Message, Plain


def chosen_system(named: str | None, source: Source) -> tuple[str, Message | None]:
    """The coordinate system to read a source in, and what a person should know about the choice.

    The mapping's word counts before the file's, but a vector file's points in degrees are not read as metres.
    """
    own = source.crs
    if named is None or own is None:
        return named or own or WGS84, None
    table = source.table
    if not system_of(named).is_geographic and system_of(own).is_geographic and GEOMETRY_X in table.columns:
        x, y = (
            np.array([text or "nan" for text in table.columns[name]], np.float64) for name in (GEOMETRY_X, GEOMETRY_Y)
        )
        if len(x) and np.nanmax(np.abs(x), initial=0) <= 360 and np.nanmax(np.abs(y), initial=0) <= 90:
            return own, Message("finding.points_in_degrees", crs=Plain(own), named=Plain(named))
    if system_of(named) == system_of(own):
        return named, None
    return named, Message("finding.other_crs", value=own, named=Plain(named)) if source.is_own_crs else None
