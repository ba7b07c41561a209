"""Parses TOML files with limits on size, depth, keys, numbers and texts.

Python's own reader follows nesting until its stack ends, takes quadratic time over a key of many parts, and reads
numbers of any length, which nothing can write again. A file that was damaged, or came from elsewhere, may hold any.
"""

from __future__ import annotations

import re
from typing import Any, Final

from edge_agent.wire.errors import WireError

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 16
MAX_TEXT: Final = 20_000
MAX_INTEGER: Final = 1 << 63  # TOML's own range
_KEY_PARTS: Final = 16
# a text of any of the four kinds, to its end or to the file's; or a comment; longest kinds first
_TEXT_OR_COMMENT: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|\\?\Z)'
    r"|'''(?:[^']|'(?!''))*+(?:'''|\Z)"
    r'|"(?:[^"\\\n]|\\.)*+(?:"|\\?\Z|(?=\n))'
    r"|'[^'\n]*+(?:'|\Z|(?=\n))"
    r"|#[^\n]*+",
    re.DOTALL,
)
_BRACKET: Final = re.compile(r"[\[\]{}]")
_LONG_KEY: Final = re.compile(rf"(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_-]++[ \t]*+\.[ \t]*+){{{_KEY_PARTS}}}")


def read_toml_text(data: bytes, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Parse a TOML document (1.0) within limits.

    Args:
        data: UTF-8, with or without a byte-order mark.
        max_bytes: its length at most.

    Raises:
        WireError: it is no TOML; or it is longer, nested deeper, or holds a longer key, number or text than allowed.
    """
    import tomllib  # noqa: PLC0415 - files are read once, and most programs of the agent read none

    if len(data) > max_bytes:
        raise WireError(f"{len(data)} bytes, and {max_bytes} are allowed")
    try:
        text = data.decode("utf-8-sig")
        _check_shape(_TEXT_OR_COMMENT.sub("x", text))
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(str(error)) from error
    _check_values(document)
    return document


def _check_shape(bare: str) -> None:
    """Refuse what is nested or dotted too deep, by a text that holds ``x`` for every text and comment."""
    depth = 0
    for match in _BRACKET.finditer(bare):
        depth = depth + 1 if match[0] in "[{" else max(0, depth - 1)
        if depth > MAX_DEPTH:
            raise WireError(f"nested deeper than {MAX_DEPTH}")
    if _LONG_KEY.search(bare) is not None:
        raise WireError(f"a key of more than {_KEY_PARTS} parts")


def _check_values(document: dict[str, Any]) -> None:
    waiting: list[Any] = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.keys()
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str) and len(item) > MAX_TEXT:
            raise WireError(f"a text of {len(item)} characters, and {MAX_TEXT} are allowed")
        elif isinstance(item, int) and not -MAX_INTEGER <= item < MAX_INTEGER:
            raise WireError("a whole number of more than 64 bits")
