"""Coordinates of a foreign register made into WGS 84 degrees: notation, projection, both in one column, swapped."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from ingest.city.angles import read_degrees, split_pair
from ingest.city.extent import Place, km_between, nearest_zone, zone_place
from ingest.city.translation import Translation
from ingest.errors import UnusableError
from ingest.register.issue import Issue, listed
from ingest.register.number_format import decimal_mark, plain_text, read_number
from ingest.register.register import Lamps
from ingest.register.text_table import TextTable
from languages.message import Message, Plain

Degrees = npt.NDArray[np.float64]
_PLAIN: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_SAMPLE: Final = 5000  # values that decide a column's decimal mark
_MARGIN_DEGREES: Final = 0.5  # beyond a system's area of use
WGS84: Final = "EPSG:4326"
NEAR_DEGREES: Final = 1.0  # a city reaches no farther from its middle
FAR_DEGREES: Final = 2.0
_N_UTM_ZONES: Final = 60
_DECIMALS: Final = 7  # of a degree: a centimetre


def with_degrees(translation: Translation, crs: str, o_side: int = 0) -> Translation:
    """Turn the latitude and longitude columns into degrees where they can be read.

    What cannot be read stays as it is, for the check to refuse with its own text.

    Args:
        translation: with the texts of both coordinates.
        crs: their coordinate system.
        o_side: see `ingest.city.angles.read_degrees`.

    Raises:
        UnusableError: no such coordinate system, or there is no column for a coordinate.
    """
    table = translation.table
    issues = list(table.issues)
    latitudes, longitudes = _columns(translation, issues)
    system = system_of(crs)
    if system.is_geographic:
        y, x = _angles(latitudes, "latitude", o_side), _angles(longitudes, "longitude", o_side)
        issues += _o_issue(table, translation.names.get("longitude", "longitude"), longitudes, o_side)
    else:
        y, x = _metres(latitudes, longitudes, translation, issues)
    longitude, latitude = _transform(x, y, system, crs)
    swapped_longitude, swapped_latitude = _transform(y, x, system, crs)
    is_swapped = _is_swapped(latitude, longitude, swapped_latitude, swapped_longitude)
    latitude = np.where(is_swapped, swapped_latitude, latitude)
    longitude = np.where(is_swapped, swapped_longitude, longitude)
    is_origin = (x == 0) & (y == 0)
    latitude[is_origin] = longitude[is_origin] = 0.0  # a missing coordinate, in whatever system
    for row in np.flatnonzero(is_swapped & ~is_origin).tolist():
        reason = Message("finding.swapped")
        name = translation.names.get("latitude", "latitude")
        issues.append(Issue(table.file, table.lines[row], name, reason, is_refused=False))
    for column, texts in (("latitude", latitudes), ("longitude", longitudes)):
        n_commas = sum("," in text for text in texts)
        if n_commas:
            reason = Message("finding.decimal_commas", n=n_commas)
            issues.append(Issue(table.file, 0, translation.names.get(column, column), reason, is_refused=False))
    issues += _outside(table.file, system, crs, latitude, longitude)
    columns = {
        **table.columns,
        "latitude": _texts(latitudes, latitude),
        "longitude": _texts(longitudes, longitude),
    }
    exact = table.exact | {"latitude", "longitude"}
    placed = TextTable(table.file, columns, table.lines, tuple(issues), table.n_rows, exact)
    return Translation(placed, translation.names, translation.n_named)


def system_of(crs: str) -> CRS:
    """A coordinate system by its name.

    Raises:
        UnusableError: PROJ knows none of that name.
    """
    try:
        return CRS.from_user_input(f"EPSG:{crs}" if crs.isascii() and crs.isdigit() else crs)
    except CRSError as error:
        reason = Plain(str(error).splitlines()[0])
        raise UnusableError(Message("terminal.error.no_crs", value=crs, reason=reason)) from error


def _columns(translation: Translation, issues: list[Issue]) -> tuple[Sequence[str], Sequence[str]]:
    """The texts of both coordinates, taken apart where one column holds both."""
    table = translation.table
    mapped = [column for column in ("latitude", "longitude") if column in table.columns]
    names = {translation.names.get(column) for column in mapped}
    first = table.columns[mapped[0]] if mapped else []
    is_shared = len(mapped) == 2 and len(names) == 1 and first == table.columns["longitude"]
    if not is_shared and len(mapped) == 2:
        return table.columns["latitude"], table.columns["longitude"]
    pairs = [split_pair(text) for text in first]
    if not is_shared and not any(pairs):
        missing = "longitude" if mapped == ["latitude"] else "latitude"
        has = listed(table.columns)
        field = Plain(missing)
        raise UnusableError(Message("terminal.error.no_coordinate", file=Plain(table.file), field=field, columns=has))
    n_pairs = sum(pair is not None for pair in pairs)
    name = next(iter(names), None) or mapped[0]
    reason = Message("finding.pairs", n=n_pairs)
    issues.append(Issue(table.file, 0, name, reason, is_refused=False))
    return (
        [text if pair is None else pair[0] for text, pair in zip(first, pairs, strict=True)],
        [text if pair is None else pair[1] for text, pair in zip(first, pairs, strict=True)],
    )


def _angles(texts: Sequence[str], field: str, o_side: int) -> Degrees:
    is_plain = _PLAIN.fullmatch
    return np.array([float(t) if is_plain(t) else read_degrees(t, field, o_side) for t in texts], np.float64)


def _o_issue(table: TextTable, name: str, texts: Sequence[str], o_side: int) -> list[Issue]:
    """Tell how the letter O was read: it is west in Spanish and east in German."""
    n_letters = sum("O" in text for text in texts)
    if not n_letters:
        return []
    how = {0: Message("finding.so.unread"), -1: Message("finding.so.west"), 1: Message("finding.so.east")}[o_side]
    reason = Message("finding.letter_o", n=n_letters, so=how)
    return [Issue(table.file, 0, name, reason, is_refused=False)]


def _metres(
    latitudes: Sequence[str], longitudes: Sequence[str], translation: Translation, issues: list[Issue]
) -> tuple[Degrees, Degrees]:
    """Northings and eastings; where nothing tells a decimal mark, three digits after a mark are thousands."""
    table = translation.table
    found = []
    both = [*_sample(latitudes), *_sample(longitudes)]
    for column, texts in (("latitude", latitudes), ("longitude", longitudes)):
        mark = "." if column in table.exact else decimal_mark(_sample(texts)) or decimal_mark(both)
        n_grouped = 0
        values = np.full(len(texts), math.nan)
        for row, text in enumerate(texts):
            if (mark == "." or (not mark and "." not in text)) and _PLAIN.fullmatch(text):
                values[row] = float(text)
                continue
            readings = read_number(plain_text(text), mark)
            if readings:
                values[row] = readings[-1]
                n_grouped += len(readings) == 2
        if n_grouped:
            name = translation.names.get(column, column)
            reason = Message("finding.grouped_metres", n=n_grouped)
            issues.append(Issue(table.file, 0, name, reason, is_refused=False))
        found.append(values)
    return found[0], found[1]


def _sample(texts: Sequence[str]) -> list[str]:
    return [plain_text(text) for text in texts[:: max(1, len(texts) // _SAMPLE)]]


def _outside(file: str, system: CRS, crs: str, latitude: Degrees, longitude: Degrees) -> list[Issue]:
    """Tell of places that the coordinate system is not made for: another zone or hemisphere is meant, most likely."""
    area = system.area_of_use
    is_known = ~np.isnan(latitude)
    if area is None or not is_known.any() or area.east - area.west >= 359:
        return []
    west, east = area.west - _MARGIN_DEGREES, area.east + _MARGIN_DEGREES
    with np.errstate(invalid="ignore"):
        is_within = (latitude >= area.south - _MARGIN_DEGREES) & (latitude <= area.north + _MARGIN_DEGREES)
        is_between = (longitude >= west) & (longitude <= east)
        if area.west > area.east:  # over the date line
            is_between = (longitude >= west) | (longitude <= east)
    n_outside = int((is_known & ~(is_within & is_between)).sum())
    if not n_outside:
        return []
    n_lamps = int(is_known.sum())
    reason = Message("finding.outside_area", n=n_outside, n_lamps=n_lamps, crs=Plain(crs), area=Plain(area.name))
    return [Issue(file, 0, "[source] crs", reason, is_refused=False)]


def zone_distances(crs: str, middle: Place, timezone: str) -> dict[str, float]:
    """How far from a time zone's place the lamps would lie in a UTM zone and in its two neighbours [km], the own first.

    Empty where the system is of another kind, or nobody knows where the time zone's place is.
    """
    zone, place = system_of(crs).utm_zone, zone_place(timezone)
    if zone is None or place is None:
        return {}
    number, side = int(zone[:-1]), zone[-1]
    return {
        f"{(number + step - 1) % _N_UTM_ZONES + 1}{side}": km_between((middle[0], middle[1] + 6.0 * step), place)
        for step in (0, -1, 1)
    }


def zone_issues(lamps: Lamps, crs: str, timezone: str) -> list[Issue]:
    """Tell of a UTM zone that is likely a neighbour of the right one: another time zone's place is much nearer.

    Points in the middle of a zone lie within the area of use of whichever zone they are read in.
    """
    if not len(lamps):
        return []
    middle = float(np.median(lamps.latitude)), float(np.median(lamps.longitude))
    distances = zone_distances(crs, middle, timezone)
    if not distances:
        return []
    (own, away), *others = distances.items()
    better, better_away = min(others, key=lambda one: one[1])
    nearest, nearest_away = nearest_zone(middle)
    if nearest == timezone or better_away > 0.6 * away or nearest_away > 0.5 * away:
        return []
    reason = Message(
        "finding.other_zone",
        zone=Plain(own),
        km=_km(away),
        timezone=Plain(timezone),
        nearest=Plain(nearest),
        nearest_km=_km(nearest_away),
        better=Plain(better),
        better_km=_km(better_away),
    )
    return [Issue("", 0, "[source] crs", reason, is_refused=False)]


def _km(distance_km: float) -> Plain:
    return Plain(f"{distance_km:,.0f}")


def far_from_the_rest(latitude: Degrees, longitude: Degrees) -> npt.NDArray[np.bool_]:
    """Lamps more than `FAR_DEGREES` from the median place: most likely a wrong digit (bool (n,))."""
    if not len(latitude):
        return np.zeros(0, np.bool_)
    far: npt.NDArray[np.bool_] = _distance(latitude, longitude, np.median(latitude), np.median(longitude)) > FAR_DEGREES
    return far


def _distance(latitude: Degrees, longitude: Degrees, at_latitude: np.floating, at_longitude: np.floating) -> Degrees:
    """The larger of the two differences [degrees]; NaN = infinitely far."""
    larger = np.maximum(np.abs(latitude - at_latitude), np.abs(longitude - at_longitude))
    return np.where(np.isnan(larger), np.inf, larger)


def _is_swapped(
    latitude: Degrees, longitude: Degrees, other_latitude: Degrees, other_longitude: Degrees
) -> npt.NDArray[np.bool_]:
    """Rows that lie with the others only when their two coordinates are exchanged."""
    is_real, is_real_swapped = _is_on_earth(latitude, longitude), _is_on_earth(other_latitude, other_longitude)
    if not (is_real.any() or is_real_swapped.any()):
        return np.zeros(len(latitude), np.bool_)
    if is_real.sum() >= is_real_swapped.sum() or is_real.sum() * 2 >= len(latitude):
        middle = np.median(latitude[is_real]), np.median(longitude[is_real])
    else:
        middle = np.median(other_latitude[is_real_swapped]), np.median(other_longitude[is_real_swapped])
    is_away = ~is_real | (_distance(latitude, longitude, *middle) > FAR_DEGREES)
    swapped: npt.NDArray[np.bool_] = (
        is_away & is_real_swapped & (_distance(other_latitude, other_longitude, *middle) < NEAR_DEGREES)
    )
    return swapped


def _is_on_earth(latitude: Degrees, longitude: Degrees) -> npt.NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        is_on_earth: npt.NDArray[np.bool_] = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)
    is_on_earth &= (latitude != 0) | (longitude != 0)
    return is_on_earth


def _texts(before: Sequence[str], degrees: Degrees) -> list[str]:
    return [
        old if math.isnan(value) else repr(round(value, _DECIMALS))
        for old, value in zip(before, degrees.tolist(), strict=True)
    ]


def _transform(x: Degrees, y: Degrees, system: CRS, crs: str) -> tuple[Degrees, Degrees]:
    """Longitude and latitude of coordinates in a system; NaN where there is none."""
    if system.is_geographic and (system.to_epsg() == 4326 or "CRS84" in crs.upper()):
        return x.copy(), y.copy()
    try:
        longitude, latitude = Transformer.from_crs(system, WGS84, always_xy=True).transform(x, y)
    except (CRSError, ProjError) as error:
        reason = Plain(str(error).splitlines()[0])
        raise UnusableError(Message("terminal.error.crs_unmade", value=crs, reason=reason)) from error
    is_real = np.isfinite(longitude) & np.isfinite(latitude)
    return np.where(is_real, longitude, np.nan), np.where(is_real, latitude, np.nan)
