"""Projected coordinate systems that may be meant where a register gives metres without a system."""

from __future__ import annotations

import math
from typing import Final

from pyproj import CRS, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import CRSError, ProjError

_WEB_MERCATOR: Final = "EPSG:3857"  # what web maps export
_DATUMS: Final = (
    "WGS 84", "ETRS89", "ETRF", "SIRGAS 2000", "NAD83 /", "NAD83(2011)", "JGD2011", "GDA", "NZGD2000", "DGN95",
    "SRGI2013", "KGD2002", "Korea 2000", "CGCS2000", "China Geodetic", "PRS92", "RGF93", "GGRS87", "VN-2000", "GDM2000",
    "GDBD2009",
)  # fmt: skip
"""Datums of this century: what a register of today is in, more likely than those before."""


_OLDER_KM: Final = 300.0  # by which an older system has to be nearer than one of today
_OLDER_ELSEWHERE_KM: Final = 1000.0  # … if it is made for another country than the place's
_ELSEWHERE_KM: Final = 20.0  # … and one of today for another part than the place's; a UTM zone is 450 km wide
_WIDE_KM: Final = 600.0  # … and one that is made for half a continent
_WIDE: Final = 2500.0  # square degrees of an area of use; a UTM zone of half the earth has 504


def likely_systems(x: float, y: float, place: tuple[float, float]) -> list[tuple[float, str, str, bool]]:
    """Projected systems made for a place that put a point near it: (km away, code, name, x and y exchanged).

    A country's own system counts before one that covers a continent, and one of today's before an older one, unless the
    other is nearer by far; of equals the one that is made for the place too.
    """
    latitude, longitude = place
    margin = 4.0
    area = AreaOfInterest(longitude - margin, latitude - margin, longitude + margin, latitude + margin)
    infos = query_crs_info(auth_name="EPSG", pj_types=PJType.PROJECTED_CRS, area_of_interest=area)
    found = []
    for info in infos:
        try:
            system = CRS.from_epsg(info.code)
            base = system.geodetic_crs
            bounds = info.area_of_use
            if base is None or bounds is None:
                continue
            # datums differ by less than a kilometre here, and looking up the shift between them takes a second each
            transformer = Transformer.from_crs(system, base, always_xy=True)
        except (CRSError, ProjError):
            continue
        size = (bounds.east - bounds.west) * (bounds.north - bounds.south)
        is_made_for = bounds.west <= longitude <= bounds.east and bounds.south <= latitude <= bounds.north
        is_mercator = f"EPSG:{info.code}" == _WEB_MERCATOR
        is_modern = any(datum in info.name for datum in _DATUMS)
        if is_made_for:
            extra = 0.0 if is_modern else _OLDER_KM
        else:
            extra = _ELSEWHERE_KM if is_modern else _OLDER_ELSEWHERE_KM
        extra += _WIDE_KM if size > _WIDE and not is_mercator else 0.0
        for is_exchanged in (False, True):
            lon, lat = transformer.transform(*((y, x) if is_exchanged else (x, y)))
            if not (bounds.west <= lon <= bounds.east and bounds.south <= lat <= bounds.north):
                continue
            away = 111.2 * math.hypot(lat - latitude, (lon - longitude) * math.cos(math.radians(latitude)))
            # a system that begins with the northing calls it X
            is_usual = is_exchanged == (system.axis_info[0].direction == "north" and "UTM" not in info.name)
            far = away + extra
            order = (far > 1500, round(far, -2), not is_usual, not is_mercator, not is_made_for, size)
            found.append((order, (away, f"EPSG:{info.code}", info.name, is_exchanged)))
    return [one for _order, one in sorted(found, key=lambda each: each[0]) if one[0] < 3000]
