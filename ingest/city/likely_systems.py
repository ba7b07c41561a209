"""Projected coordinate systems that may be meant where a register gives metres without a system."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from pyproj import CRS, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import CRSError, ProjError

_WEB_MERCATOR: Final = "EPSG:3857"  # what web maps export
_DATUMS: Final = (
    "WGS 84", "ETRS89", "ETRF", "SIRGAS", "NAD83 /", "NAD83(2011)", "JGD2011", "GDA", "NZGD2000", "DGN95", "SRGI2013",
    "KGD2002", "Korea 2000", "CGCS2000", "China Geodetic", "PRS92", "RGF93", "GGRS87", "VN-2000", "GDM2000", "GDBD2009",
)  # fmt: skip
"""Datums of this century: what a register of today is in, more likely than those before."""


def likely_systems(x: float, y: float, place: tuple[float, float]) -> list[tuple[float, str, str, bool]]:
    """Projected systems made for a place that put a point near it: (km away, code, name, x and y exchanged)."""
    latitude, longitude = place
    margin = 4.0
    area = AreaOfInterest(longitude - margin, latitude - margin, longitude + margin, latitude + margin)
    infos = query_crs_info(auth_name="EPSG", pj_types=PJType.PROJECTED_CRS, area_of_interest=area)
    is_modern = [any(datum in info.name for datum in _DATUMS) for info in infos]
    for wanted in (True, False):  # an older system only where none of today's fits
        chosen = [info for info, modern in zip(infos, is_modern, strict=True) if modern == wanted]
        if found := _fitting(chosen, x, y, place):
            return found
    return []


def _fitting(
    infos: Sequence[Any], x: float, y: float, place: tuple[float, float]
) -> list[tuple[float, str, str, bool]]:
    latitude, longitude = place
    found = []
    for info in infos:
        try:
            system = CRS.from_epsg(info.code)
            transformer = Transformer.from_crs(system, "EPSG:4326", always_xy=True)
        except (CRSError, ProjError):
            continue
        bounds = info.area_of_use
        if bounds is None:
            continue
        size = (bounds.east - bounds.west) * (bounds.north - bounds.south)
        for is_exchanged in (False, True):
            lon, lat = transformer.transform(*((y, x) if is_exchanged else (x, y)))
            if not (bounds.west <= lon <= bounds.east and bounds.south <= lat <= bounds.north):
                continue
            away = 111.2 * math.hypot(lat - latitude, (lon - longitude) * math.cos(math.radians(latitude)))
            # a system that begins with the northing calls it X
            is_usual = is_exchanged == (system.axis_info[0].direction == "north" and "UTM" not in info.name)
            found.append((away, not is_usual, size, f"EPSG:{info.code}", info.name, is_exchanged))
    found.sort(key=lambda one: (one[0] > 1500, round(one[0], -2), one[1], one[3] != _WEB_MERCATOR, one[2]))
    return [(away, code, name, flip) for away, _usual, _size, code, name, flip in found if away < 3000]
