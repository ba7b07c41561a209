"""Which column of an unknown register is likely to mean what: by its name in many languages, checked by its values.

Pure. Only a suggestion: a person reads it before it counts.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from ingest.city.angles import read_degrees, split_pair
from ingest.city.vocabulary import is_empty, letters_of, technology_of, words
from ingest.register.number_format import plain_text, read_number

_MARKS: Final = re.compile(r"[\W_]+")
FORMATS: Final = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%Y%m%d",
    "%d/%m/%y",
    "%d %B %Y",
    "%Y年%m月%d日",
    "%Y",
)


@cache
def _names() -> Mapping[str, list[str]]:
    listed: Mapping[str, list[str]] = words()["columns"]
    return {field: [letters_of(plain_text(word)) for word in meaning] for field, meaning in listed.items()}


def guess_columns(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Field -> column, for the fields that a column's name and values speak for; ``both`` holds both coordinates."""
    scored = sorted(
        (-_score(field, name, values), at, field, name)
        for at, (name, values) in enumerate(columns.items())
        for field in _names()
        if _score(field, name, values) > 0
    )
    found: dict[str, str] = {}
    used: set[str] = set()
    for _points, _at, field, name in scored:
        if field not in found and name not in used:
            found[field] = name
            used.add(name)
    if "installed_on" not in found:  # a column of dates, whatever its name
        dates = [name for name, values in columns.items() if name not in used and _is_dates(values)]
        if len(dates) == 1:
            found["installed_on"] = dates[0]
    if "latitude" in found and "longitude" in found:
        found.pop("both", None)
    return found


def _score(field: str, name: str, values: Sequence[str]) -> float:
    is_place = field in ("latitude", "longitude")
    known = [value for value in values if not (is_empty(value) or (is_place and value == "0"))]
    if not known:
        return 0.0
    by_name = _named(field, name)
    share = _share(field, known)
    if field == "both":
        return 3.0 * share if share > 0.8 else 0.0
    if share < 0.5:
        return 0.0
    return by_name * share * (len(known) / len(values) if is_place else 1.0)


def _named(field: str, name: str) -> float:
    """How well a column's name fits a field: 2 as a whole, 1 and more as a word of it, earlier words first."""
    known = _names()[field]
    whole = letters_of(plain_text(name))
    for at, word in enumerate(known):
        if whole == word:
            return 2.0 - at / 100
    parts = [part for part in _MARKS.split(plain_text(name).casefold()) if part]
    for at, word in enumerate(known):
        if word in parts or (len(word) >= 4 and word in whole) or (not word.isascii() and word in whole):
            return 1.0 - at / 100
    return 0.0


def _share(field: str, known: Sequence[str]) -> float:
    """The share of a column's values that can be what the field holds."""
    if field in ("latitude", "longitude"):
        return sum(is_coordinate(value, field) for value in known) / len(known)
    if field == "both":
        return sum(split_pair(value) is not None for value in known) / len(known)
    if field == "rated_power_w":
        return sum(any(c.isdigit() for c in value) for value in known) / len(known)
    if field == "technology":
        return sum(bool(technology_of(re.sub(r"[\d.,]+\s*[wW]?", "", value))) for value in known) / len(known)
    if field == "lamp_id":
        return len(set(known)) / len(known)
    if field == "installed_on":
        return 1.0 if date_format(known) is not None else 0.0
    return 1.0


def _is_dates(values: Sequence[str]) -> bool:
    known = [value for value in values if not is_empty(value)]
    return bool(known) and all(len(value) >= 8 for value in known) and date_format(known) is not None


def is_coordinate(value: str, field: str) -> bool:
    """Whether a text may be a coordinate, in degrees or in a projection."""
    return not math.isnan(read_degrees(value, field)) or bool(read_number(plain_text(value), ""))


def is_in_degrees(values: Sequence[str], field: str) -> bool:
    """Whether a coordinate's column holds degrees."""
    most = 90 if field == "latitude" else 180
    angles = [read_degrees(value, field) for value in values if value]
    return bool(angles) and sum(abs(angle) <= most for angle in angles) > 0.9 * len(angles)


def date_format(values: Sequence[str]) -> str | None:
    """The ``strptime`` format that reads all dates of a column; "" = ISO, None = none does."""
    if all(re.match(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}", value) for value in values):
        return ""
    for form in FORMATS:
        try:
            for value in values:
                dt.datetime.strptime(value, form)  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            continue
        else:
            return form
    return None
