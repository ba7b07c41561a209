"""Reads the filter of a query (CQL2 as text or JSON) into CQL2's JSON form, with bounded effort.

What its properties and operators mean is told by ``dashboard_api.store.fault_filter``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import cql2

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.ogc.parameters import CRS84
from languages.message import Message

CQL2_TEXT: Final = "cql2-text"
CQL2_JSON: Final = "cql2-json"
_STOPPED: Final = re.compile(r"--> ([0-9]{1,9}):([0-9]{1,9})")
FILTER_LANGUAGES: Final = (CQL2_TEXT, CQL2_JSON)
FILTER_PARAMETERS: Final = ("filter", "filter-lang", "filter-crs")
MAX_FILTER: Final = 8_000  # characters
_MAX_DEPTH: Final = 10  # parentheses within each other
# A text that cannot be read costs the parser its length for each of the two ways that every open parenthesis may go:
# 50 ms at this bound.
_MAX_EFFORT: Final = 1 << 16
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
_PARENTHESIS: Final = re.compile("[()]")


def parse_filter(given: Mapping[str, str]) -> Any:
    """The filter in CQL2's JSON form, None where there is none.

    Raises:
        BadRequestError: unreadable, too long, too deep, in another language or coordinate system.
    """
    crs = given.get("filter-crs", CRS84)
    if crs != CRS84:
        raise BadRequestError("not_one_of", name="filter-crs", value=crs, known=[CRS84])
    language = given.get("filter-lang", CQL2_TEXT)
    if language not in FILTER_LANGUAGES:
        raise BadRequestError("not_one_of", name="filter-lang", value=language, known=list(FILTER_LANGUAGES))
    if "filter" not in given:
        return None
    text = given["filter"]
    if not text.strip() or len(text) > MAX_FILTER:
        raise BadRequestError("length_out_of_range", name="filter", most=MAX_FILTER)
    return _of_json(text) if language == CQL2_JSON else _of_text(text)


def _of_text(text: str) -> Any:
    depth = _depth(text)
    if depth > _MAX_DEPTH or len(text) << depth > _MAX_EFFORT:
        raise BadRequestError("filter_too_deep", depth=depth)
    try:
        return cql2.parse_text(text).to_json()
    except (cql2.ParseError, cql2.ValidationError, ValueError) as error:
        raise BadRequestError("filter_unreadable", reason=_place(str(error)), parser=_one_line(str(error))) from None


def _depth(text: str) -> int:
    """How many parentheses are open at most, outside of quotes."""
    depth = deepest = 0
    for found in _PARENTHESIS.finditer(_QUOTED.sub("", text)):
        depth += 1 if found.group() == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _of_json(text: str) -> Any:
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair can be neither compared nor answered
    except json.JSONDecodeError as error:
        reason = Message("value.unreadable_at", line=error.lineno, column=error.colno)
        raise BadRequestError("filter_unreadable", reason=reason, parser=str(error)) from None
    except RecursionError:
        raise BadRequestError("filter_unreadable", reason=Message("value.deep")) from None
    except ValueError:
        raise BadRequestError("filter_unreadable", reason=Message("value.unstorable")) from None
    if found is None:  # which would be no filter at all
        raise BadRequestError("filter_unreadable", reason=Message("value.empty"))
    return found


def _place(text: str) -> Message:
    """Where the parser stopped."""
    found = _STOPPED.search(text)
    if found is None:
        return Message("value.refused")
    return Message("value.unreadable_at", line=int(found[1]), column=int(found[2]))


def _one_line(text: str) -> str:
    """What the parser says, with what it expected, for a program's log."""
    lines = [line.strip(" |=^-") for line in text.splitlines()]
    return " ".join(line for line in lines if line)
