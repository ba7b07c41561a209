"""Query parameters of ``/ngsi-ld/v1/entities``. Pure.

``q`` is a conjunction of comparisons: ``powerState=="on";powerConsumption>50;status!="ok"``, a name alone (has the
attribute) or one behind ``!`` (has it not). Alternatives, brackets and patterns are refused by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dashboard_api.errors import BadRequestError
from dashboard_api.formats.times import parse_time
from dashboard_api.neighbours.ngsi_ld.geo_query import GeoQuery, parse_geo
from dashboard_api.neighbours.ngsi_ld.mapping import TYPES, short_name

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 1000
FORMS: Final = ("normalized", "keyValues", "simplified")
_MAX_DIGITS: Final = 9
_MAX_LIMIT_DIGITS: Final = 40  # it is clamped, however large
_LONGEST: Final = 1000  # characters of a value
_MOST_IDS: Final = 200
_MOST_NAMES: Final = 50
_MOST_TERMS: Final = 10
_MOST_VALUES: Final = 50
_LONGEST_PATTERN: Final = 200
_TERM: Final = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_:/.#-]*?)(?P<op>==|!=|>=|<=|>|<)(?P<value>.+)", re.DOTALL)
_NAME: Final = re.compile(r"(?P<absent>!?)(?P<name>[A-Za-z][A-Za-z0-9_:/.#-]*)")
_VALUE: Final = re.compile(r'"(?:[^"]*)"|[^",]+')
Value = str | float


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison: ``op`` is one of ``== != > >= < <=``, ``has`` or ``has not``."""

    name: str
    op: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entities; None = all of them."""

    types: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    id_pattern: str | None = None
    attrs: tuple[str, ...] | None = None
    terms: tuple[Term, ...] = ()
    geo: GeoQuery | None = None


@dataclass(frozen=True, slots=True)
class EntityQuery:
    """What is asked of the entities; ``limit`` 0 asks for their number alone."""

    selection: Selection
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    is_counted: bool = False
    is_simple: bool = False


ONE_PARAMETERS: Final = ("attrs", "options", "format", "local", "lang")
LIST_PARAMETERS: Final = (
    *ONE_PARAMETERS,
    "type",
    "id",
    "idPattern",
    "q",
    "georel",
    "geometry",
    "coordinates",
    "geoproperty",
    "limit",
    "offset",
    "count",
)
_NARROWING: Final = ("type", "id", "idPattern", "attrs", "q", "georel")


def parse_entities(given: Mapping[str, str]) -> EntityQuery:
    """The query of a list of entities.

    Raises:
        BadRequestError: a value that cannot be, or nothing that narrows the entities.
    """
    if not any(name in given for name in _NARROWING):
        raise BadRequestError("ngsi_too_broad", known=list(_NARROWING))
    is_simple, is_counted = parse_form(given)
    limit = parse_number(given, "limit", DEFAULT_LIMIT)
    is_counted = is_counted or parse_switch(given, "count")
    if limit == 0 and not is_counted:
        raise BadRequestError("limit_not_positive", value=given["limit"])
    return EntityQuery(
        parse_selection(given), min(limit, MAX_LIMIT), parse_number(given, "offset", 0), is_counted, is_simple
    )


def parse_selection(given: Mapping[str, str]) -> Selection:
    """Which entities are meant.

    Raises:
        BadRequestError: a value that cannot be.
    """
    types = _names(given, "type")
    ids = _names(given, "id", _MOST_IDS)
    pattern = given.get("idPattern")
    if pattern is not None and not 0 < len(pattern) <= _LONGEST_PATTERN:
        raise BadRequestError("length_out_of_range", name="idPattern", most=_LONGEST_PATTERN)
    geo = parse_geo(given)
    attrs = _names(given, "attrs")
    return Selection(types, ids, pattern, attrs, parse_q(given["q"]) if "q" in given else (), geo)


def parse_form(given: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether the simplified form is asked for, and (``options=count``) the number of entities.

    Raises:
        BadRequestError: a form that is not known.
    """
    wishes = [*(_names(given, "options") or ()), *([given["format"]] if "format" in given else [])]
    for wish in wishes:
        if wish not in {*FORMS, "count"}:
            raise BadRequestError("not_one_of", name="options", value=wish, known=[*FORMS, "count"])
    parse_switch(given, "local")  # everything here is local
    return any(wish in FORMS[1:] for wish in wishes), "count" in wishes


def parse_switch(given: Mapping[str, str], name: str) -> bool:
    """A parameter that is ``true`` or ``false``.

    Raises:
        BadRequestError: neither.
    """
    text = given.get(name, "false")
    if text not in {"true", "false"}:
        raise BadRequestError("not_one_of", name=name, value=text, known=["true", "false"])
    return text == "true"


def parse_number(given: Mapping[str, str], name: str, default: int) -> int:
    """A whole number from 0 on.

    Raises:
        BadRequestError: none, or one of too many digits.
    """
    text = given.get(name)
    if text is None:
        return default
    most = _MAX_LIMIT_DIGITS if name == "limit" else _MAX_DIGITS
    if not text.isascii() or not text.isdigit() or len(text) > most:
        raise BadRequestError("not_a_count", name=name, value=text[:100], most=10**_MAX_DIGITS - 1)
    return min(int(text), 10**_MAX_DIGITS - 1)


def parse_q(text: str) -> tuple[Term, ...]:
    """The comparisons of ``q``.

    Raises:
        BadRequestError: another language than the one described above, or an attribute that is not mapped.
    """
    if not 0 < len(text) <= _LONGEST:
        raise BadRequestError("length_out_of_range", name="q", most=_LONGEST)
    parts = _split(text)
    if len(parts) > _MOST_TERMS:
        raise BadRequestError("ngsi_q", value=text)
    return tuple(_term(part, text) for part in parts)


def _split(text: str) -> list[str]:
    """Parts between semicolons that stand outside quotation marks."""
    parts, is_quoted, start = [], False, 0
    for place, character in enumerate(text):
        if character == '"':
            is_quoted = not is_quoted
        elif character == ";" and not is_quoted:
            parts.append(text[start:place])
            start = place + 1
        elif character in "|()~" and not is_quoted:
            raise BadRequestError("ngsi_q", value=text)
    if is_quoted:
        raise BadRequestError("ngsi_q", value=text)
    return [*parts, text[start:]]


def _term(part: str, text: str) -> Term:
    found = _TERM.fullmatch(part.strip())
    if found is None:
        alone = _NAME.fullmatch(part.strip())
        if alone is None:
            raise BadRequestError("ngsi_q", value=text)
        return Term(_mapped(alone["name"]), "has not" if alone["absent"] else "has")
    name, op = _mapped(found["name"]), found["op"]
    kind = next(attributes[name].kind for attributes in TYPES.values() if name in attributes)
    if kind not in {"text", "number", "time"}:
        raise BadRequestError("ngsi_q", value=text)
    pieces = _VALUE.findall(found["value"])
    if not pieces or len(pieces) > _MOST_VALUES or ",".join(pieces) != found["value"]:
        raise BadRequestError("ngsi_q", value=text)
    if len(pieces) > 1 and op not in {"==", "!="}:
        raise BadRequestError("ngsi_q", value=text)
    return Term(name, op, tuple(_value(piece.strip(), kind, text) for piece in pieces))


def _value(piece: str, kind: str, text: str) -> Value:
    bare = piece[1:-1] if piece.startswith('"') else piece
    if kind == "text":
        return bare
    if kind == "time":
        return float(parse_time(bare, "q"))
    try:
        number = float(bare)
    except ValueError:
        raise BadRequestError("ngsi_q", value=text) from None
    if not math.isfinite(number):
        raise BadRequestError("ngsi_q", value=text)
    return number


def _mapped(name: str) -> str:
    known = sorted({attribute for attributes in TYPES.values() for attribute in attributes})
    if short_name(name) not in known:
        raise BadRequestError("not_one_of", name="q", value=name, known=known)
    return short_name(name)


def _names(given: Mapping[str, str], name: str, most: int = _MOST_NAMES) -> tuple[str, ...] | None:
    text = given.get(name)
    if text is None:
        return None
    parts = [short_name(part.strip()) for part in text.split(",")]
    if not all(parts) or len(parts) > most or max(map(len, parts)) > _LONGEST:
        raise BadRequestError("ngsi_list", name=name, most=most)
    return tuple(dict.fromkeys(parts))
