"""Chooses entities: which rows of each type's columns a selection means. Pure."""

from __future__ import annotations

import itertools
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.ngsi_ld import mapping
from dashboard_api.neighbours.ngsi_ld.entities import Snapshot
from dashboard_api.neighbours.ngsi_ld.geo_query import GeoQuery
from dashboard_api.neighbours.ngsi_ld.parameters import Selection, Term

Bool = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
_EARTH_M: Final = 6_371_008.8  # mean radius
_COMPARE: Final = {
    ">": pc.greater,
    ">=": pc.greater_equal,
    "<": pc.less,
    "<=": pc.less_equal,
}


def chosen(snapshot: Snapshot, selection: Selection) -> list[tuple[str, Int64]]:
    """Type and rows, ascending, of the entities that are meant, type by type.

    Raises:
        BadRequestError: the pattern of ids is no regular expression.
    """
    return [
        (kind, np.flatnonzero(_mask(snapshot, kind, selection)))
        for kind in mapping.TYPES
        if selection.types is None or kind in selection.types
    ]


def _mask(snapshot: Snapshot, kind: str, selection: Selection) -> Bool:
    n = snapshot.n(kind)
    mask = np.ones(n, np.bool_)
    if selection.ids is not None:
        named = np.zeros(n, np.bool_)
        named[[row for one in selection.ids if (row := row_of(snapshot, kind, one)) is not None]] = True
        mask &= named
    if selection.id_pattern is not None:
        mask &= _matches(snapshot.layout.ids[kind], selection.id_pattern)
    if selection.attrs is not None:
        columns = snapshot.columns[kind]
        has_any = np.zeros(n, np.bool_)
        for name in selection.attrs:
            if name in columns:
                has_any |= _bools(columns[name].is_valid())
        mask &= has_any
    for term in selection.terms:
        mask &= _term(snapshot, kind, term)
    if selection.geo is not None:
        mask &= _lies(snapshot, kind, selection.geo)
    return mask


def row_of(snapshot: Snapshot, kind: str, entity: str) -> int | None:
    """The row of an entity of a type by its id, None where there is none."""
    found = mapping.parts_of(entity)
    if found is None or found[0] != kind:
        return None
    return snapshot.layout.row_of[kind].get(found[1])


def _matches(ids: pa.Array, pattern: str) -> Bool:
    """Ids that the pattern is found in. The engine is RE2, whose time grows with the text alone."""
    try:
        return _bools(pc.match_substring_regex(ids, pattern))
    except pa.ArrowException as error:
        raise BadRequestError("ngsi_pattern", value=pattern) from error


def _term(snapshot: Snapshot, kind: str, term: Term) -> Bool:
    column = snapshot.columns[kind].get(term.name)
    if column is None:
        return np.full(snapshot.n(kind), term.op == "has not")
    if term.op in {"has", "has not"}:
        is_there = _bools(column.is_valid())
        return is_there if term.op == "has" else ~is_there
    values: Any = term.values
    if term.op in {"==", "!="}:
        target = column.cast(pa.float64()) if pa.types.is_integer(column.type) else column
        is_one = _bools(pc.is_in(target, value_set=pa.array(values, target.type)))
        return is_one if term.op == "==" else _bools(column.is_valid()) & ~is_one
    return _bools(_COMPARE[term.op](column, pa.scalar(values[0])))


def _bools(values: Any) -> Bool:
    """A column of truth values as numpy, null as False."""
    found: Bool = np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), np.bool_)
    return found


def _lies(snapshot: Snapshot, kind: str, geo: GeoQuery) -> Bool:
    """Entities that lie as asked: of several places, one near enough, and all of them within or far enough."""
    n = snapshot.n(kind)
    longitude, latitude, entity = snapshot.places(kind)
    if geo.relation == "within":
        is_so = _inside(longitude, latitude, geo)
    else:
        away_m = _away_m(longitude, latitude, *geo.rings[0][0])
        is_so = away_m <= geo.metres if geo.relation == "max" else away_m >= geo.metres
    n_so = np.bincount(entity[is_so], minlength=n)
    if geo.relation == "max":
        found: Bool = n_so > 0
        return found
    all_so: Bool = (n_so > 0) & (n_so == np.bincount(entity, minlength=n))
    return all_so


def _away_m(longitude: Float64, latitude: Float64, at_longitude: float, at_latitude: float) -> Float64:
    """Distances on the sphere in metres, (P,)."""
    north = np.radians(latitude - at_latitude) / 2
    east = np.radians(longitude - at_longitude) / 2
    scale = np.cos(np.radians(latitude)) * np.cos(np.radians(at_latitude))
    chord = np.clip(np.sin(north) ** 2 + scale * np.sin(east) ** 2, 0, 1)
    found: Float64 = 2 * _EARTH_M * np.arcsin(np.sqrt(chord))
    return found


def _inside(longitude: Float64, latitude: Float64, geo: GeoQuery) -> Bool:
    """Whether each place lies in the polygon, (P,): a ray to the east crosses its rings an odd number of times."""
    outer = np.array(geo.rings[0])
    near = np.flatnonzero(
        (longitude >= outer[:, 0].min())
        & (longitude <= outer[:, 0].max())
        & (latitude >= outer[:, 1].min())
        & (latitude <= outer[:, 1].max())
    )
    x, y = longitude[near], latitude[near]
    is_odd = np.zeros(len(near), np.bool_)
    for ring in geo.rings:
        for (x0, y0), (x1, y1) in itertools.pairwise(ring):
            if y0 != y1:
                is_odd ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    found = np.zeros(len(longitude), np.bool_)
    found[near[is_odd]] = True
    return found
