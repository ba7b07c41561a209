"""A filter in CQL2's JSON form as a condition on the table of faults.

Comparisons, IN, BETWEEN, LIKE, IS NULL, CASEI, temporal and spatial functions of OGC 21-065r2. As in SQL, what is
compared with nothing is neither true nor false, and its row is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, false, func, literal, literal_column, not_, null, or_, true
from sqlalchemy.types import Boolean

from dashboard_api.errors import BadRequestError
from dashboard_api.formats.times import moment_span
from dashboard_api.store.exact_like import ExactLike
from dashboard_api.store.point_in_geometry import PointRelation, relation_to
from ingest.schema.tables import faults

GEOMETRY: Final = "geometry"
_TEXT, _NUMBER, _BOOLEAN, _TIME = "text", "number", "boolean", "time"
_COLUMNS: Final[Mapping[str, tuple[str, ColumnElement[Any]]]] = {
    "id": (_TEXT, faults.c.id),
    "code": (_TEXT, faults.c.code),
    "level": (_TEXT, faults.c.level),
    "severity": (_TEXT, faults.c.severity),
    "priority": (_NUMBER, faults.c.priority),
    "state": (_TEXT, faults.c.state),
    "opened_at": (_TIME, faults.c.opened_at_us),
    "updated_at": (_TIME, faults.c.updated_at_us),
    "closed_at": (_TIME, faults.c.closed_at_us),
    "verified": (_BOOLEAN, faults.c.is_verified),
    "lamp_id": (_TEXT, faults.c.lamp_id),
    "cabinet_id": (_TEXT, faults.c.cabinet_id),
    "circuit": (_TEXT, faults.c.circuit),
    "street": (_TEXT, faults.c.street),
    "district": (_TEXT, faults.c.district),
}
QUERYABLE: Final = (*_COLUMNS, GEOMETRY)
_MAX_NODES: Final = 400
_MAX_DEPTH: Final = 20
_MAX_TEXT: Final = 500
_FIRST_US: Final = -(1 << 62)
_LAST_US: Final = (1 << 62) - 1
_PLACE: Final = faults.c.latitude.is_(None) | faults.c.longitude.is_(None)
Term = ColumnElement[Any]
Value = tuple[str, Any]  # its type, and the SQL expression or the literal
Span = tuple[Any, Any]  # start and end [us]
# a's relation to b, by their starts and ends (OGC 21-065r2, table 10)
_TEMPORAL: Final[Mapping[str, Callable[[Term, Term, Term, Term], Term]]] = {
    "t_after": lambda a, _z, _b, y: a > y,
    "t_before": lambda _a, z, b, _y: z < b,
    "t_contains": lambda a, z, b, y: and_(a < b, z > y),
    "t_disjoint": lambda a, z, b, y: or_(z < b, a > y),
    "t_during": lambda a, z, b, y: and_(a > b, z < y),
    "t_equals": lambda a, z, b, y: and_(a == b, z == y),
    "t_finishedby": lambda a, z, b, y: and_(a < b, z == y),
    "t_finishes": lambda a, z, b, y: and_(a > b, z == y),
    "t_intersects": lambda a, z, b, y: and_(a <= y, z >= b),
    "t_meets": lambda _a, z, b, _y: z == b,
    "t_metby": lambda a, _z, _b, y: a == y,
    "t_overlappedby": lambda a, z, b, y: and_(a > b, a < y, z > y),
    "t_overlaps": lambda a, z, b, y: and_(a < b, z > b, z < y),
    "t_startedby": lambda a, z, b, y: and_(a == b, z > y),
    "t_starts": lambda a, z, b, y: and_(a == b, z < y),
}
# of the row's point to a geometry; a point has no boundary, so it crosses and overlaps nothing
_SPATIAL: Final[Mapping[str, Callable[[PointRelation], str]]] = {
    "s_intersects": lambda to: f"({to.interior} OR {to.boundary})",
    "s_disjoint": lambda to: f"NOT ({to.interior} OR {to.boundary})",
    "s_within": lambda to: to.interior,
    "s_contains": lambda to: "(1 = 0)" if to.only is None else f"({to.interior} OR {to.boundary})",
    "s_equals": lambda to: "(1 = 0)" if to.only is None else f"({to.interior} OR {to.boundary})",
    "s_touches": lambda to: to.boundary,
    "s_crosses": lambda _to: "(1 = 0)",
    "s_overlaps": lambda _to: "(1 = 0)",
}
_TURNED: Final = {"s_within": "s_contains", "s_contains": "s_within"}
_COMPARED: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
OPERATORS: Final = (*_COMPARED, "and", "or", "not", "between", "in", "isNull", "like", *_SPATIAL, *_TEMPORAL)


def filter_term(expression: Any) -> ColumnElement[bool]:
    """The condition.

    Raises:
        BadRequestError: an unknown property, operator or type, or too large an expression.
    """
    return _Translation().condition(expression, _MAX_DEPTH)


class _Translation:
    """One expression; counts what it consists of."""

    def __init__(self) -> None:
        self._n_nodes = 0

    def condition(self, node: Any, depth: int) -> ColumnElement[bool]:
        """What is true or false."""
        self._count(depth)
        if isinstance(node, bool):
            return true() if node else false()
        if isinstance(node, Mapping) and "property" in node:
            kind, value = self._value(node, depth)
            held: ColumnElement[bool] = self._of_kind(kind, value, _BOOLEAN)
            return held
        operator, arguments = _operation(node)
        if operator in {"and", "or"} and len(arguments) >= 2:
            join = and_ if operator == "and" else or_
            return join(*(self.condition(one, depth - 1) for one in arguments))
        if operator == "not" and len(arguments) == 1:
            return not_(self.condition(arguments[0], depth - 1))
        if operator in _COMPARED and len(arguments) == 2:
            return self._comparison(operator, arguments, depth)
        if operator == "between" and len(arguments) == 3:
            lower = self._comparison(">=", [arguments[0], arguments[1]], depth)
            return and_(lower, self._comparison("<=", [arguments[0], arguments[2]], depth))
        if operator == "in" and len(arguments) == 2 and isinstance(arguments[1], list) and arguments[1]:
            return or_(*(self._comparison("=", [arguments[0], one], depth) for one in arguments[1]))
        if operator == "isNull" and len(arguments) == 1:
            return self._is_null(arguments[0], depth)
        if operator == "like" and len(arguments) == 2:
            return self._is_like(arguments, depth)
        if operator in _SPATIAL and len(arguments) == 2:
            return self._spatial(operator, arguments)
        if operator in _TEMPORAL and len(arguments) == 2:
            (a, z), (b, y) = (self._span(one, depth) for one in arguments)
            return _TEMPORAL[operator](a, z, b, y)
        if operator in OPERATORS:
            raise BadRequestError("filter_arguments", operator=operator)
        raise BadRequestError("filter_operator", operator=str(operator)[:60], known=list(OPERATORS))

    def _count(self, depth: int) -> None:
        self._n_nodes += 1
        if depth <= 0 or self._n_nodes > _MAX_NODES:
            raise BadRequestError("filter_too_deep", depth=_MAX_DEPTH - depth)

    @staticmethod
    def _of_kind(kind: str, value: Any, wanted: str) -> Any:
        if kind != wanted:
            raise BadRequestError("filter_types", types=[kind, wanted])
        return value

    def _value(self, node: Any, depth: int) -> Value:
        """A property, or a literal; a time is its first and last microsecond."""
        self._count(depth)
        if isinstance(node, bool):
            return _BOOLEAN, literal(node)
        if isinstance(node, int | float):
            if not math.isfinite(node) or abs(node) > 1e15:
                raise BadRequestError("filter_types", types=[str(node)[:40]])
            return _NUMBER, literal(float(node))
        if isinstance(node, str):
            return _TEXT, literal(_text(node))
        if isinstance(node, Mapping) and "property" in node:
            return _property(node["property"])
        if isinstance(node, Mapping) and len(node) == 1 and ("timestamp" in node or "date" in node):
            text = _text(next(iter(node.values())))
            return _TIME, moment_span(text, text)
        if isinstance(node, Mapping) and str(node.get("op")).lower() == "casei":
            _operator, arguments = _operation(node)
            if len(arguments) == 1:
                kind, value = self._value(arguments[0], depth - 1)
                return _TEXT, func.lower(self._of_kind(kind, value, _TEXT))
        raise BadRequestError("filter_operator", operator=_name_of(node), known=list(OPERATORS))

    def _comparison(self, operator: str, arguments: list[Any], depth: int) -> ColumnElement[bool]:
        (kind_a, a), (kind_b, b) = (self._value(one, depth - 1) for one in arguments)
        is_text = [isinstance(one, str) for one in arguments]
        if {kind_a, kind_b} == {_TIME, _TEXT} and any(is_text):  # programs write times as texts too
            a, b = (
                moment_span(one, one) if isinstance(one, str) else value
                for one, value in zip(arguments, (a, b), strict=True)
            )
        elif kind_a != kind_b:
            raise BadRequestError("filter_types", types=[kind_a, kind_b])
        elif kind_a != _TIME:
            compared: ColumnElement[bool] = _COMPARED[operator](a, b)
            return compared
        return _times_compared(operator, _start_end(a), _start_end(b))

    def _is_null(self, node: Any, depth: int) -> ColumnElement[bool]:
        if isinstance(node, Mapping) and node.get("property") == GEOMETRY:
            return _PLACE
        _kind, value = self._value(node, depth - 1)
        if not isinstance(node, Mapping) or "property" not in node:
            raise BadRequestError("filter_types", types=["isNull"])
        found: ColumnElement[bool] = value.is_(None)
        return found

    def _is_like(self, arguments: list[Any], depth: int) -> ColumnElement[bool]:
        kind, text = self._value(arguments[0], depth - 1)
        text = self._of_kind(kind, text, _TEXT)
        pattern, is_folded = arguments[1], False
        if isinstance(pattern, Mapping) and str(pattern.get("op")).lower() == "casei":
            (pattern,), is_folded = _operation(pattern)[1][:1] or [None], True
        if not isinstance(pattern, str):
            raise BadRequestError("filter_types", types=["like"])
        return ExactLike(text, literal(_text(pattern.lower() if is_folded else pattern)))

    def _span(self, node: Any, depth: int) -> Span:
        """Start and end of a time, an interval, or of the interval between two properties."""
        self._count(depth)
        if isinstance(node, Mapping) and "interval" in node:
            ends = node["interval"]
            if not isinstance(ends, list) or len(ends) != 2:
                raise BadRequestError("filter_types", types=["interval"])
            start = literal(_FIRST_US) if ends[0] == ".." else self._span(_as_time(ends[0]), depth - 1)[0]
            end = literal(_LAST_US) if ends[1] == ".." else self._span(_as_time(ends[1]), depth - 1)[1]
            return start, end
        kind, value = self._value(_as_time(node), depth)
        return _start_end(self._of_kind(kind, value, _TIME))

    def _spatial(self, operator: str, arguments: list[Any]) -> ColumnElement[bool]:
        is_place = [isinstance(one, Mapping) and "property" in one for one in arguments]
        if is_place.count(True) != 1:
            raise BadRequestError("filter_types", types=[GEOMETRY])
        place, geometry = arguments if is_place[0] else reversed(arguments)
        if place["property"] != GEOMETRY:
            raise BadRequestError("filter_property", name=str(place["property"])[:100], known=[GEOMETRY])
        if not isinstance(geometry, Mapping):
            raise BadRequestError("filter_types", types=[GEOMETRY])
        name = operator if is_place[0] else _TURNED.get(operator, operator)
        held = literal_column(_SPATIAL[name](relation_to(geometry)), Boolean())
        # a row without a place is neither inside nor outside
        return case((_PLACE, null()), (held, 1), else_=0) == 1


def _operation(node: Any) -> tuple[str, list[Any]]:
    if not isinstance(node, Mapping) or not isinstance(node.get("args"), list):
        if isinstance(node, Mapping) and node.get("op") in OPERATORS:
            raise BadRequestError("filter_arguments", operator=str(node["op"]))
        raise BadRequestError("filter_operator", operator=_name_of(node), known=list(OPERATORS))
    operator = str(node.get("op"))
    return operator if operator == "isNull" else operator.lower(), node["args"]


def _name_of(node: Any) -> str:
    return str(node.get("op") or sorted(map(str, node)))[:60] if isinstance(node, Mapping) else str(node)[:60]


def _property(name: Any) -> Value:
    if not isinstance(name, str) or name not in _COLUMNS:
        raise BadRequestError("filter_property", name=str(name)[:100], known=list(QUERYABLE))
    return _COLUMNS[name]


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or "\0" in value:
        raise BadRequestError("length_out_of_range", name="filter", most=_MAX_TEXT)
    return value


def _as_time(node: Any) -> Any:
    """A bare text as a time."""
    return {"timestamp": node} if isinstance(node, str) else node


def _start_end(value: Any) -> Span:
    return (literal(value[0]), literal(value[1])) if isinstance(value, tuple) else (value, value)


def _times_compared(operator: str, left: Span, right: Span) -> ColumnElement[bool]:
    """A day is compared as the whole of it: ``<`` is before its start, ``>`` behind its end, ``=`` within it."""
    (a, z), (b, y) = left, right
    terms = {"<": z < b, "<=": z <= y, ">": a > y, ">=": a >= b}
    if operator in terms:
        found: ColumnElement[bool] = terms[operator]
        return found
    is_within = or_(and_(a >= b, z <= y), and_(b >= a, y <= z))
    return is_within if operator == "=" else not_(is_within)
