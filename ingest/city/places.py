"""Coordinates of a foreign register made into WGS 84 degrees: its projection, decimal commas, swapped columns."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from ingest.city.translation import Translation
from ingest.errors import UnusableError
from ingest.register.delimited import TextTable
from ingest.register.issue import Issue

Degrees = npt.NDArray[np.float64]
_NUMBER: Final = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
NEAR_DEGREES: Final = 1.0  # a city reaches no farther from its middle
FAR_DEGREES: Final = 2.0
_DECIMALS: Final = 7  # of a degree: a centimetre


def with_degrees(translation: Translation, crs: str) -> Translation:
    """Turn the latitude and longitude columns into degrees where they are numbers.

    What is no number stays as it is, for the check to refuse with its own text.

    Raises:
        UnusableError: no such coordinate system, or there is no column for a coordinate.
    """
    table = translation.table
    for column in ("latitude", "longitude"):
        if column not in table.columns:
            raise UnusableError(f"{table.file}: no column is mapped to {column}; it has {', '.join(table.columns)}")
    issues = list(table.issues)
    y = _numbers(table.columns["latitude"])
    x = _numbers(table.columns["longitude"])
    longitude, latitude = _transform(x, y, crs)
    swapped_longitude, swapped_latitude = _transform(y, x, crs)
    is_swapped = _is_swapped(latitude, longitude, swapped_latitude, swapped_longitude)
    latitude = np.where(is_swapped, swapped_latitude, latitude)
    longitude = np.where(is_swapped, swapped_longitude, longitude)
    for row in np.flatnonzero(is_swapped).tolist():
        reason = "latitude and longitude were swapped; exchanged"
        name = translation.names.get("latitude", "latitude")
        issues.append(Issue(table.file, table.lines[row], name, reason, is_refused=False))
    for column in ("latitude", "longitude"):
        n_commas = sum("," in text and _NUMBER.fullmatch(text) is not None for text in table.columns[column])
        if n_commas:
            reason = f"{n_commas} values with a decimal comma, read as a point"
            issues.append(Issue(table.file, 0, translation.names.get(column, column), reason, is_refused=False))
    columns = {
        **table.columns,
        "latitude": _texts(table.columns["latitude"], latitude),
        "longitude": _texts(table.columns["longitude"], longitude),
    }
    placed = TextTable(table.file, columns, table.lines, tuple(issues), table.n_rows)
    return Translation(placed, translation.names, translation.n_named)


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


def _numbers(texts: Sequence[str]) -> Degrees:
    return np.array([float(t.replace(",", ".")) if _NUMBER.fullmatch(t) else math.nan for t in texts], np.float64)


def _texts(before: Sequence[str], degrees: Degrees) -> list[str]:
    return [
        old if math.isnan(value) else repr(round(value, _DECIMALS))
        for old, value in zip(before, degrees.tolist(), strict=True)
    ]


def _transform(x: Degrees, y: Degrees, crs: str) -> tuple[Degrees, Degrees]:
    """Longitude and latitude of coordinates in a system; NaN where there is none."""
    try:
        system = CRS.from_user_input(crs)
        if system.is_geographic and (system.to_epsg() == 4326 or "CRS84" in crs.upper()):
            return x, y
        longitude, latitude = Transformer.from_crs(system, "EPSG:4326", always_xy=True).transform(x, y)
    except (CRSError, ProjError) as error:
        raise UnusableError(f"[source] crs: {crs!r} is no coordinate system: {str(error).splitlines()[0]}") from error
    is_real = np.isfinite(longitude) & np.isfinite(latitude)
    return np.where(is_real, longitude, np.nan), np.where(is_real, latitude, np.nan)
