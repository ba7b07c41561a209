"""Where a point lies to a geometry, as SQL that SQLite and PostgreSQL without extensions understand.

A point is in a geometry's interior, on its boundary, or outside of both. All spatial predicates between a point and a
geometry follow from that (OGC 06-103r4, section 6.1.15). Longitudes and latitudes are taken as plane coordinates.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboard_api.errors import BadRequestError

MAX_POSITIONS: Final = 1_000
_MAX_NESTED: Final = 4  # collections within collections
_TERMS: Final = 40  # that stand in one sum: databases limit how deep an expression may be
_X: Final = "faults.longitude"
_Y: Final = "faults.latitude"
_NEVER: Final = "(1 = 0)"

Position = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PointRelation:
    """SQL conditions on the point of a row; numbers and column names alone stand in them.

    Attributes:
        interior: the point is in the geometry's interior.
        boundary: it is on the boundary and not in the interior.
        only: the one position that the geometry consists of, None = it has more than one.
    """

    interior: str
    boundary: str
    only: Position | None = None


def relation_to(geometry: Mapping[str, Any]) -> PointRelation:
    """The relation to a geometry in GeoJSON, or to ``{"bbox": [west, south, east, north]}``.

    Raises:
        BadRequestError: no such geometry, one without positions, too large a one, or no degrees.
    """
    budget = [MAX_POSITIONS]
    return (
        _box(geometry["bbox"])
        if "bbox" in geometry and "type" not in geometry
        else _relation(geometry, budget, _MAX_NESTED)
    )


def _relation(geometry: Any, budget: list[int], depth: int) -> PointRelation:
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if kind == "GeometryCollection":
        members = geometry.get("geometries")
        if not isinstance(members, list) or not members or depth == 0:
            raise _wrong(kind)
        parts = [_relation(one, budget, depth - 1) for one in members]
        interior = _any(part.interior for part in parts)
        boundary = f"({_any(part.boundary for part in parts)} AND NOT {interior})"
        only = parts[0].only if len({part.only for part in parts}) == 1 else None
        return PointRelation(interior, boundary, only)
    coordinates = geometry.get("coordinates") if isinstance(geometry, Mapping) else None
    if kind == "Point":
        return _points([_position(coordinates, budget)])
    if kind == "MultiPoint":
        return _points(_positions(coordinates, budget, 1))
    if kind == "LineString":
        return _lines([_positions(coordinates, budget, 2)])
    if kind == "MultiLineString":
        return _lines([_positions(one, budget, 2) for one in _list(coordinates)])
    if kind == "Polygon":
        return _polygon(_rings(coordinates, budget))
    if kind == "MultiPolygon":
        return _polygon([ring for one in _list(coordinates) for ring in _rings(one, budget)])
    raise _wrong(kind)


def _wrong(kind: object) -> BadRequestError:
    return BadRequestError("filter_geometry", type=str(kind)[:40], most=MAX_POSITIONS)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _wrong("coordinates")
    return value


def _position(value: Any, budget: list[int]) -> Position:
    budget[0] -= 1
    if budget[0] < 0 or not isinstance(value, list) or not 2 <= len(value) <= 4:
        raise _wrong("coordinates")
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in value):
        raise _wrong("coordinates")
    x, y = float(value[0]), float(value[1])
    if not (math.isfinite(x) and math.isfinite(y) and abs(x) <= 180 and abs(y) <= 90):
        raise BadRequestError("not_degrees", name="filter", value=f"{x} {y}", n=2)
    return x, y


def _positions(value: Any, budget: list[int], least: int) -> list[Position]:
    found = [_position(one, budget) for one in _list(value)]
    if len(found) < least:
        raise _wrong("coordinates")
    return found


def _rings(value: Any, budget: list[int]) -> list[list[Position]]:
    rings = [_positions(one, budget, 4) for one in _list(value)]
    if any(ring[0] != ring[-1] for ring in rings):
        raise _wrong("Polygon")
    return rings


def _points(positions: Sequence[Position]) -> PointRelation:
    distinct = sorted(set(positions))
    interior = _any(f"({_X} = ({x!r}) AND {_Y} = ({y!r}))" for x, y in distinct)
    return PointRelation(interior, _NEVER, distinct[0] if len(distinct) == 1 else None)


def _lines(lines: Sequence[Sequence[Position]]) -> PointRelation:
    """The boundary of lines are the ends at which an odd number of them ends."""
    edges = list(_edges(lines))
    ends = Counter(end for line in lines for end in (line[0], line[-1]))
    odd = [end for end, n in ends.items() if n % 2]
    on = f"({_near(lines)} AND {_any(map(_on_edge, edges))})"
    at_end = _points(odd).interior if odd else _NEVER
    distinct = {position for line in lines for position in line}
    return PointRelation(f"({on} AND NOT {at_end})", at_end, distinct.pop() if len(distinct) == 1 else None)


def _polygon(rings: Sequence[Sequence[Position]]) -> PointRelation:
    """Inside is where a ray to the east crosses the rings an odd number of times."""
    edges = list(_edges(rings))
    near = _near(rings)
    on = f"({near} AND {_any(map(_on_edge, edges))})"
    crossings = _sum(_crosses(edge) for edge in edges)
    return PointRelation(f"({near} AND NOT {on} AND ({crossings}) % 2 = 1)", on)


def _edges(lines: Iterable[Sequence[Position]]) -> Iterator[tuple[Position, Position]]:
    for line in lines:
        yield from itertools.pairwise(line)


def _near(lines: Iterable[Sequence[Position]]) -> str:
    """The point is in the box around all positions: asked first, it spares the other conditions."""
    xs, ys = zip(*(position for line in lines for position in line), strict=True)
    return f"({_Y} BETWEEN ({min(ys)!r}) AND ({max(ys)!r}) AND {_X} BETWEEN ({min(xs)!r}) AND ({max(xs)!r}))"


def _on_edge(edge: tuple[Position, Position]) -> str:
    (x1, y1), (x2, y2) = edge
    on_line = f"({_X} - ({x1!r})) * ({y2 - y1!r}) = ({_Y} - ({y1!r})) * ({x2 - x1!r})"
    return f"({on_line} AND {_near([edge])})"


def _crosses(edge: tuple[Position, Position]) -> str:
    (x1, y1), (x2, y2) = edge
    if y1 == y2:
        return "0"
    low, high = min(y1, y2), max(y1, y2)
    at = f"({x1!r}) + ({_Y} - ({y1!r})) * ({(x2 - x1) / (y2 - y1)!r})"
    return f"CASE WHEN {_Y} >= ({low!r}) AND {_Y} < ({high!r}) AND {_X} < {at} THEN 1 ELSE 0 END"


def _any(terms: Iterable[str]) -> str:
    return _joined(list(terms), " OR ")


def _sum(terms: Iterable[str]) -> str:
    return _joined([term for term in terms if term != "0"] or ["0"], " + ")


def _joined(terms: list[str], word: str) -> str:
    """The terms under one operator, in groups, so that the expression is wide and not deep."""
    while len(terms) > _TERMS:
        terms = [f"({word.join(terms[start : start + _TERMS])})" for start in range(0, len(terms), _TERMS)]
    return f"({word.join(terms)})"


def _box(values: Any) -> PointRelation:
    """A box; west > east lies over the antimeridian, of which 180 and -180 degrees are both the place."""
    if not isinstance(values, list) or len(values) not in {4, 6}:
        raise _wrong("bbox")
    n = len(values) // 2
    budget = [2]
    (west, south), (east, north) = _position(values[:n], budget), _position(values[n:], budget)
    if south > north:
        raise BadRequestError("bbox_order")
    if west <= east and (west == east or south == north):
        if (west, south) == (east, north):
            return _points([(west, south)])
        return _lines([[(west, south), (east, north)]])
    word = "AND" if west < east else "OR"
    rows = f"{_Y} BETWEEN ({south!r}) AND ({north!r})"
    across = f"({_X} >= ({west!r}) {word} {_X} <= ({east!r}))"
    within = f"({_X} > ({west!r}) {word} {_X} < ({east!r}))"
    if west > east or west == -180 or east == 180:
        across = f"({across} OR {_X} IN (180.0, -180.0))"
    closed = f"({rows} AND {across})"
    interior = f"({_Y} > ({south!r}) AND {_Y} < ({north!r}) AND {within})"
    return PointRelation(interior, f"({closed} AND NOT {interior})")
