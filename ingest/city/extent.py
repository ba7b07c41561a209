"""Where a register's lamps lie, and whether that is where the city is: its time zone, the register before it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.register.issue import Issue
from ingest.register.register import Lamps
from ingest.schema.city import FILE_NAME
from languages.message import Message, Plain

_KM_PER_DEGREE: Final = 111.2
_ZONE_KM: Final = 4500.0  # no city is farther from its zone's namesake: China has one zone
_MANY: Final = 50  # lamps whose extent says something
_NEAR_GREENWICH: Final = 12.0  # degrees: a country here has lamps on both sides
_MOVED_KM: Final = 100.0  # two registers of one city lie nearer together
_LARGEST_KM: Final = 300.0  # of a city


Place = tuple[float, float]
"""Latitude and longitude [degrees]."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The box around a register's lamps [degrees], and its size."""

    south: float
    west: float
    north: float
    east: float

    @property
    def middle(self) -> Place:
        """Its centre."""
        return (self.south + self.north) / 2, (self.west + self.east) / 2

    @property
    def height_km(self) -> float:
        """From south to north."""
        return (self.north - self.south) * _KM_PER_DEGREE

    @property
    def width_km(self) -> float:
        """From west to east."""
        return (self.east - self.west) * _KM_PER_DEGREE * math.cos(math.radians((self.south + self.north) / 2))

    @property
    def message(self) -> Message:
        """``7.7640 S to 7.7638 S, 110.0491 E to 110.0492 E (0.1 km × 0.1 km)``."""
        south, north = (Plain(_angle(degrees, "NS")) for degrees in (self.south, self.north))
        west, east = (Plain(_angle(degrees, "EW")) for degrees in (self.west, self.east))
        size = Plain(f"{self.width_km:.1f} km × {self.height_km:.1f} km")
        return Message("terminal.city.extent.box", south=south, north=north, west=west, east=east, size=size)


def _angle(degrees: float, sides: str) -> str:
    return f"{abs(degrees):.4f} {sides[degrees < 0]}"


def extent_of(latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64]) -> Extent | None:
    """The box around places; None without any."""
    if not len(latitude):
        return None
    return Extent(float(latitude.min()), float(longitude.min()), float(latitude.max()), float(longitude.max()))


@cache
def _zone_places() -> Mapping[str, Place]:
    try:
        text = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    except (OSError, ModuleNotFoundError):
        return {}
    found = {}
    for line in text.splitlines():
        parts = line.split("\t")
        if not line.startswith("#") and len(parts) >= 3:
            place = parts[1]
            cut = max(place.rfind("+"), place.rfind("-"))
            found[parts[2]] = _iso6709(place[:cut], 2), _iso6709(place[cut:], 3)
    return found


def zone_place(timezone: str) -> Place | None:
    """The place that an IANA zone is named after; None where the table has none."""
    return _zone_places().get(timezone)


def nearest_zone(place: Place) -> tuple[str, float]:
    """The IANA zone whose namesake is nearest to a place, and how far that is [km]; ``("", inf)`` without a table."""
    places = _zone_places().items()
    return min(((name, km_between(place, its)) for name, its in places), key=lambda one: one[1], default=("", math.inf))


def o_side_of(timezone: str) -> int:
    """What the letter O means in a city's longitudes: -1 west, 1 east, 0 where the zone is too near to Greenwich."""
    place = zone_place(timezone)
    return 0 if place is None or abs(place[1]) < _NEAR_GREENWICH else -1 if place[1] < 0 else 1


def _iso6709(text: str, n_degrees: int) -> float:
    """``+0744`` or ``-1104912`` in degrees."""
    digits = text[1:]
    degrees = int(digits[:n_degrees]) + int(digits[n_degrees : n_degrees + 2]) / 60
    degrees += int(digits[n_degrees + 2 :] or 0) / 3600
    return -degrees if text[0] == "-" else degrees


def place_issues(lamps: Lamps, timezone: str, known: Lamps | None) -> list[Issue]:
    """Tell of a register that lies where the city cannot be: far from its zone's place or from the one before."""
    if not len(lamps):
        return []
    middle = float(np.median(lamps.latitude)), float(np.median(lamps.longitude))
    shown = Plain(f"{_angle(middle[0], 'NS')}, {_angle(middle[1], 'EW')}")
    issues = []
    place = zone_place(timezone)
    if place is not None and (away := km_between(middle, place)) > _ZONE_KM:
        reason = Message("finding.far_from_zone", place=shown, km=_km(away), timezone=Plain(timezone))
        issues.append(Issue(FILE_NAME, 0, "[city] timezone", reason, is_refused=False))
    if known is not None and len(known):
        before = float(np.median(known.latitude)), float(np.median(known.longitude))
        away = km_between(middle, before)
        if away > _MOVED_KM:
            reason = Message("finding.far_from_register", place=shown, km=_km(away))
            issues.append(Issue("", 0, "[source] crs", reason, is_refused=False))
    if len(lamps) >= _MANY:
        sides = [np.percentile(axis, (2, 98)).tolist() for axis in (lamps.latitude, lamps.longitude)]
        extent = Extent(sides[0][0], sides[1][0], sides[0][1], sides[1][1])
        if max(extent.width_km, extent.height_km) > _LARGEST_KM:
            issues.append(Issue("", 0, "", Message("finding.large_extent", extent=extent.message), is_refused=False))
    return issues


def _km(distance_km: float) -> Plain:
    return Plain(f"{distance_km:,.0f}")


def distance_to_zone(extent: Extent, timezone: str) -> Message | None:
    """How far a register's middle is from the place that the city's zone is named after; None where nobody knows it."""
    place = zone_place(timezone)
    if place is None:
        return None
    away = Plain(f"{km_between(extent.middle, place):,.0f}")
    return Message("terminal.city.extent.distance", km=away, timezone=Plain(timezone))


def km_between(one: Place, other: Place) -> float:
    """How far two places are from each other along the great circle [km]."""
    a, b = math.radians(one[0]), math.radians(other[0])
    turn = math.radians(one[1] - other[1])
    chord = math.sin((a - b) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(turn / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(chord)))


def shared_points(lamps: Lamps) -> list[tuple[int, list[int]]]:
    """Groups of lamps at one identical place: the first row, and the others."""
    places: dict[tuple[float, float], list[int]] = {}
    keys = np.round(lamps.latitude, 7) + 1j * np.round(lamps.longitude, 7)
    _unique, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    for row in np.flatnonzero(counts[inverse] > 1).tolist():
        places.setdefault((float(lamps.latitude[row]), float(lamps.longitude[row])), []).append(row)
    return [(rows[0], rows[1:]) for rows in places.values()]
