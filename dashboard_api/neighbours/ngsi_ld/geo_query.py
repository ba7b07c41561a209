"""The geographic query of ``/ngsi-ld/v1/entities``: ``georel``, ``geometry`` and ``coordinates``. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dashboard_api.errors import BadRequestError

_MOST_CORNERS: Final = 200
_LONGEST_COORDINATES: Final = 12_000
_GEORELS: Final = ("near;maxDistance==METRES", "near;minDistance==METRES", "within")
_DISTANCE: Final = re.compile(r"near;(?P<bound>max|min)Distance==(?P<metres>\d{1,9}(?:\.\d{1,6})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class GeoQuery:
    """Where entities lie.

    Attributes:
        relation: ``max`` or ``min`` (a distance from the point), or ``within`` the polygon.
        metres: of the distance.
        rings: of (longitude, latitude) in degrees; one point of one ring for a distance.
    """

    relation: str
    rings: tuple[tuple[tuple[float, float], ...], ...]
    metres: float = 0.0


def parse_geo(given: Mapping[str, str]) -> GeoQuery | None:
    """The place that ``georel``, ``geometry`` and ``coordinates`` name together; None without them.

    Raises:
        BadRequestError: one of them is missing or cannot be.
    """
    if given.get("geoproperty", "location") != "location":
        raise BadRequestError("not_one_of", name="geoproperty", value=given["geoproperty"], known=["location"])
    names = ("georel", "geometry", "coordinates")
    missing = [name for name in names if name not in given]
    if len(missing) == len(names):
        return None
    if missing:
        raise BadRequestError("ngsi_geo_parts", known=list(names))
    georel, geometry = given["georel"], given["geometry"]
    distance = _DISTANCE.fullmatch(georel)
    if distance is None and georel != "within":
        raise BadRequestError("not_one_of", name="georel", value=georel, known=list(_GEORELS))
    wanted = "Polygon" if distance is None else "Point"
    if geometry != wanted:
        raise BadRequestError("not_one_of", name="geometry", value=geometry, known=[wanted])
    rings = _rings(given["coordinates"], is_point=distance is not None)
    if distance is None:
        return GeoQuery("within", rings)
    return GeoQuery(distance["bound"], rings, float(distance["metres"]))


def _rings(text: str, *, is_point: bool) -> tuple[tuple[tuple[float, float], ...], ...]:
    if len(text) > _LONGEST_COORDINATES:
        raise BadRequestError("length_out_of_range", name="coordinates", most=_LONGEST_COORDINATES)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequestError("ngsi_coordinates", value=text) from None
    rings = [[document]] if is_point else document
    if not isinstance(rings, list) or not all(isinstance(ring, list) for ring in rings) or not rings:
        raise BadRequestError("ngsi_coordinates", value=text)
    if sum(map(len, rings)) > _MOST_CORNERS:
        raise BadRequestError("ngsi_coordinates", value=text)
    found = tuple(tuple(_corner(corner, text) for corner in ring) for ring in rings)
    if not is_point and any(len(ring) < 4 or ring[0] != ring[-1] for ring in found):
        raise BadRequestError("ngsi_coordinates", value=text)
    return found


def _corner(corner: Any, text: str) -> tuple[float, float]:
    is_place = (
        isinstance(corner, list)
        and len(corner) in {2, 3}
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in corner)
    )
    # an integer of hundreds of digits is no float
    if not is_place or not (abs(corner[0]) <= 180 and abs(corner[1]) <= 90):
        raise BadRequestError("ngsi_coordinates", value=text)
    return float(corner[0]), float(corner[1])
