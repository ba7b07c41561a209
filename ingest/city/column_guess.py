"""Which column of an unknown register is likely to mean what: by its name in many languages, checked by its values.

Pure. Only a suggestion: a person reads it before it counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from ingest.city.angles import read_degrees, split_pair
from ingest.city.dates import date_forms
from ingest.city.vocabulary import is_empty, letters_of, plain_letters, technology_of, words
from ingest.register.number_format import plain_text, read_number

_MARKS: Final = re.compile(r"[\W_]+")
_WITH_POWER: Final = re.compile(r"\d\s*(?:k?w(?:att)?|вт|瓦|ワット)(?![^\W\d_])", re.IGNORECASE)


@cache
def _names() -> Mapping[str, list[str]]:
    listed: Mapping[str, list[str]] = words()["columns"]
    return {field: [letters_of(word) for word in meaning] for field, meaning in listed.items()}


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
    if "lamp_id" not in found:
        found |= _general_name({name: values for name, values in columns.items() if name not in used})
    if "latitude" in found and "longitude" in found:
        found.pop("both", None)
    _with_shared_column(found, columns)
    return found


def _general_name(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """``lamp_id`` from a column such as ``Name`` in which every row has another value; else nothing."""
    general = {letters_of(word) for word in words()["general_names"]}
    for name, values in columns.items():
        known = {value for value in values if not is_empty(value)}
        if letters_of(name) in general and len(values) > 1 and len(known) == len(values):
            return {"lamp_id": name}
    return {}


def _with_shared_column(found: dict[str, str], columns: Mapping[str, Sequence[str]]) -> None:
    """A column such as ``VS 150W`` tells both the technology and the power."""
    if "rated_power_w" not in found and "technology" in found:
        known = [value for value in columns[found["technology"]] if not is_empty(value)]
        if sum(_WITH_POWER.search(plain_text(value)) is not None for value in known) > 0.5 * len(known):
            found["rated_power_w"] = found["technology"]
    elif "technology" not in found and "rated_power_w" in found:
        known = [value for value in columns[found["rated_power_w"]] if not is_empty(value)]
        if _share("technology", known) > 0.5:
            found["technology"] = found["rated_power_w"]


def number_in_cabinet(columns: Mapping[str, Sequence[str]], guessed: Mapping[str, str]) -> str | None:
    """A column of numbers that are unique within a cabinet alone; None where there is none."""
    cabinets = columns.get(guessed.get("cabinet_id", ""))
    if cabinets is None or "lamp_id" in guessed:
        return None
    used = set(guessed.values())
    for name in sorted(columns, key=lambda name: -_named("lamp_id", name)):
        if name in used or _named("lamp_id", name) <= 0:
            continue
        pairs = [(box, number) for box, number in zip(cabinets, columns[name], strict=True) if number]
        if len(pairs) > 0.8 * len(cabinets) and len(set(pairs)) > 0.9 * len(pairs):
            return name
    return None


def field_named(name: str, fields: Sequence[str]) -> str:
    """The field that a column's name alone speaks for; "" = none of these."""
    return max((field for field in fields if _named(field, name) > 0), key=lambda f: _named(f, name), default="")


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
    whole = letters_of(name)
    for at, word in enumerate(known):
        if whole == word:
            return 2.0 - at / 100
    parts = [part for part in _MARKS.split(plain_letters(plain_text(name))) if part]
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
        return 1.0 if date_forms(known) is not None else 0.0
    return 1.0


def _is_dates(values: Sequence[str]) -> bool:
    known = [value for value in values if not is_empty(value)]
    return bool(known) and all(len(value) >= 8 for value in known) and date_forms(known) is not None


def is_coordinate(value: str, field: str) -> bool:
    """Whether a text may be a coordinate, in degrees or in a projection."""
    return not math.isnan(read_degrees(value, field)) or bool(read_number(plain_text(value), ""))


def is_in_degrees(values: Sequence[str], field: str) -> bool:
    """Whether a coordinate's column holds degrees."""
    most = 90 if field == "latitude" else 180
    angles = [read_degrees(value, field) for value in values if value]
    return bool(angles) and sum(abs(angle) <= most for angle in angles) > 0.9 * len(angles)
