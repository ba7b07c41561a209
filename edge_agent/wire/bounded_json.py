"""Parses JSON from outside with limits on size, depth, numbers and texts.

Python's own reader follows nesting until its stack ends, takes NaN and numbers of any length, and of a name that stands
twice keeps the last. None of that is wanted of a document that anybody may send.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, Final

from edge_agent.wire.errors import WireError

MAX_BYTES: Final = 65_536
MAX_DEPTH: Final = 16
MAX_INTEGER: Final = (1 << 63) - 1
MAX_DIGITS: Final = 40  # of one number as it is written
# a text to its end, or to the document's; or one bracket
_TEXT_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def read_json(data: bytes | str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """Parse a JSON document (RFC 8259) within limits.

    Args:
        data: UTF-8 bytes, or text.
        max_bytes: its length at most (of a text: characters).
        max_depth: arrays and objects within each other at most.

    Raises:
        WireError: it is no JSON; or it is longer, nested deeper or holds a larger number than allowed, NaN or an
            infinity, a name twice in one object, or a text with control characters or half of a surrogate pair.
    """
    if len(data) > max_bytes:
        raise WireError(f"not JSON that is read: {len(data)} bytes, and {max_bytes} are allowed")
    try:
        text = data if isinstance(data, str) else data.decode()
        _check_depth(text, max_depth)
        document = json.loads(
            text, parse_int=_integer, parse_float=_number, parse_constant=_constant, object_pairs_hook=_members
        )
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON that is read: {error}") from error
    for found in _texts(document):
        if (match := _FORBIDDEN.search(found)) is not None:
            raise WireError(f"not JSON that is read: a text holds the character U+{ord(match[0]):04X}")
    return document


def _check_depth(text: str, max_depth: int) -> None:
    depth = 0
    for match in _TEXT_OR_BRACKET.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            if depth > max_depth:
                raise ValueError(f"nested deeper than {max_depth}")
        elif mark in "]}":
            depth -= 1


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS or abs(value := int(text)) > MAX_INTEGER:
        raise ValueError(f"a number is too large: {text[:24]}")
    return value


def _number(text: str) -> float:
    if len(text) > MAX_DIGITS or not isfinite(value := float(text)):
        raise ValueError(f"a number is too large or too long: {text[:24]}")
    return value


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object holds a name twice")
    return members


def _texts(document: Any) -> Iterator[str]:
    """Every text in a document, names included."""
    waiting = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, dict):
            waiting += item.keys()
            waiting += item.values()
