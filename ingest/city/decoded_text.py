"""Texts of cells, and what a library says in one line."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from languages.message import Plain

BATCH: Final = 20_000
_MOST_NAMES: Final = 30  # of layers or sheets that a message lists
_SAID: Final = 400  # characters of what a library says


def one_line(said: object) -> Plain:
    """What a library says, in one line of bounded length."""
    return Plain(" ".join(str(said).split())[:_SAID])


def listed_names(names: Iterable[str]) -> Plain:
    """The first names of layers or sheets, as a message lists them."""
    return Plain(", ".join(map(repr, islice(names, _MOST_NAMES))))


def cell_text(value: Any) -> str:
    """A cell's or property's value as a person would type it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex() if len(value) <= 64 else f"{len(value)} bytes"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
