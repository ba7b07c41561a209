"""A foreign register's columns under the contract's names: columns chosen, values translated, units made one.

Pure. What a value could not be made into is left empty and noted; the checks that follow are those of a
city's own files.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.city.mapping import UNITS, Rule
from ingest.errors import UnusableError
from ingest.register.delimited import TextTable
from ingest.register.issue import Issue, shown

Tell = Callable[[int, str], None]
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)?", re.ASCII)
_WATTS: Final = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:w|watts?)?", re.ASCII | re.IGNORECASE)
_ISO_DATE: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?", re.ASCII)
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+", re.ASCII)  # 9.824.847,80 of a European spreadsheet


@dataclass(frozen=True, slots=True)
class Translation:
    """A table under the contract's names, and what its columns were called at home."""

    table: TextTable
    names: Mapping[str, str]
    n_named: int = 0  # lamps that had no id and got one


def translate(
    table: TextTable, rules: Mapping[str, Rule], fields: Sequence[str], keep: str | tuple[str, ...]
) -> Translation:
    """Fill the contract's fields from a source's columns.

    A source column that has a field's own name fills that field unless the rules say otherwise.

    Raises:
        UnusableError: a rule names a column that the source does not have.
    """
    used = {column for rule in rules.values() for column in rule.columns}
    all_rules = dict(rules)
    for field in fields:
        if field not in all_rules and field in table.columns and field not in used:
            all_rules[field] = Rule(column=field)
            used.add(field)
    issues = list(table.issues)
    columns: dict[str, Sequence[str]] = {}
    names: dict[str, str] = {}
    for field, rule in all_rules.items():
        names[field] = " + ".join(rule.columns) or field
        columns[field] = _filled(table, field, rule, names[field], issues)
    for name, values in table.columns.items():
        if name not in used and (keep == "all" or name in keep):
            columns[name if name not in fields else f"source_{name}"] = [_one_line(value) for value in values]
    return Translation(TextTable(table.file, columns, table.lines, tuple(issues), table.n_rows), names)


def _filled(table: TextTable, field: str, rule: Rule, name: str, issues: list[Issue]) -> list[str]:
    n_rows = len(table.lines)
    if rule.constant is not None:
        return [rule.constant] * n_rows
    for column in rule.columns:
        if column not in table.columns:
            raise UnusableError(f"{table.file}: no column {column!r} for {field}; it has {', '.join(table.columns)}")
    sources = [table.columns[column] for column in rule.columns]
    joined = (rule.separator.join(parts) if all(parts) else "" for parts in zip(*sources, strict=True))

    def tell(row: int, reason: str) -> None:
        issues.append(Issue(table.file, table.lines[row], name, reason, is_refused=False))

    read = _READERS.get(field, _plain)
    words = {word.casefold(): _word(value) for word, value in rule.values.items()}
    pattern = re.compile(rule.pattern) if rule.pattern else None
    filled = []
    for row, text in enumerate(joined):
        word = words.get(text.casefold())
        if word is None:
            match = pattern.search(text) if pattern and text else None
            word = read(row, match[1] or "" if match else text, rule, tell)
        filled.append(word or rule.otherwise)
    return filled


def _word(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(_row: int, text: str, _rule: Rule, _tell: Tell) -> str:
    return _one_line(text)


def _one_line(text: str) -> str:
    return text if text.isprintable() else " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _coordinate(_row: int, text: str, _rule: Rule, _tell: Tell) -> str:
    return text.replace(".", "").replace(",", ".") if _GROUPED.fullmatch(text) else text


def _power(row: int, text: str, rule: Rule, tell: Tell) -> str:
    """The power in a text such as ``70``, ``70 W``, ``286(LED)`` or ``250/85``, in watts."""
    if not text:
        return ""
    whole = _WATTS.fullmatch(text)
    numbers = [float(number.replace(",", ".")) for number in ([whole[1]] if whole else _NUMBER.findall(text))]
    if not numbers or text.startswith("-"):
        tell(row, f"{shown(text)} is no power; rating left empty")
        return ""
    if len(numbers) > 1 and rule.several is None:
        tell(row, f"{shown(text)} is ambiguous: {len(numbers)} numbers; rating left empty")
        return ""
    chosen = {"sum": sum(numbers), "largest": max(numbers)}.get(rule.several or "", numbers[0])
    power = chosen * UNITS[rule.unit]
    if not whole:
        tell(row, f"{shown(text)} was read as {power:g} W")
    return repr(power)


def _date(row: int, text: str, rule: Rule, tell: Tell) -> str:
    if not text:
        return ""
    try:
        if rule.format is not None:
            return dt.datetime.strptime(text, rule.format).date().isoformat()  # noqa: DTZ007 - a calendar day has no zone
        match = _ISO_DATE.fullmatch(text)
        if match is not None:
            return dt.date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        pass
    tell(row, f"{shown(text)} is no date{f' like {rule.format}' if rule.format else ''}; left empty")
    return ""


_READERS: Final[Mapping[str, Callable[[int, str, Rule, Tell], str]]] = {
    "latitude": _coordinate,
    "longitude": _coordinate,
    "rated_power_w": _power,
    "installed_on": _date,
}


def with_ids(translation: Translation) -> Translation:
    """Give every lamp without id one from its source row: where it stands and what feeds it.

    The same row gets the same id whatever stands before it in the file; lamps of one place and cabinet are counted.
    """
    columns = dict(translation.table.columns)
    blank = [""] * len(translation.table.lines)
    ids = list(columns.get("lamp_id", blank))
    parts = [columns.get(field, blank) for field in ("cabinet_id", "latitude", "longitude")]
    taken = set(ids)
    issues = list(translation.table.issues)
    n_named = 0
    for row, lamp_id in enumerate(ids):
        if lamp_id or not (parts[1][row] and parts[2][row]):
            continue  # a row without a place is refused below anyway
        key = "\n".join(column[row] for column in parts)
        stem = "row-" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:10]
        name, n_same = stem, 1
        while name in taken:
            n_same += 1
            name = f"{stem}-{n_same}"
        taken.add(name)
        ids[row] = name
        n_named += 1
        column = translation.names.get("lamp_id", "lamp_id")
        reason = f"has no id; named {name} after its place"
        issues.append(Issue(translation.table.file, translation.table.lines[row], column, reason, is_refused=False))
    columns["lamp_id"] = ids
    table = TextTable(translation.table.file, columns, translation.table.lines, tuple(issues), translation.table.n_rows)
    return Translation(table, translation.names, n_named)


def rules_for(rules: Mapping[str, Rule], table: TextTable, geometry: tuple[str, str]) -> Mapping[str, Rule]:
    """The rules for this source: a GeoJSON's points stand in for coordinate columns."""
    x, y = geometry
    if x not in table.columns:
        return rules
    return {**rules, "longitude": Rule(column=x), "latitude": Rule(column=y)}
