"""A foreign register's columns under the contract's names: columns chosen, values translated, units made one.

Pure. What a value could not be made into is left empty and noted; the checks that follow are those of a
city's own files. Coordinates stay as they are: `ingest.city.places` reads them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ingest.city.dates import read_date
from ingest.city.header import with_aliases
from ingest.city.mapping import Rule
from ingest.city.power import power_mark, read_power
from ingest.city.vocabulary import PHASE_WORDS, is_empty, technology_of
from ingest.errors import UnusableError
from ingest.register.issue import Issue, listed
from ingest.register.text_table import TextTable
from languages.message import Message, Plain

METERING: Final = frozenset({"bus", "address", "profile", "phase", "position", "position_source"})
"""Fields that steer metering and verdicts: a column fills them only where the mapping says so."""
_WHOLE: Final = frozenset({"lamp_id", "cabinet_id", "circuit", "controller_id"})  # parts of them alone are other ids
_PLACES: Final = frozenset({"latitude", "longitude"})
_KILO: Final = re.compile(r"(?<![a-z])k\s?(?:w|va)(?![a-z])", re.IGNORECASE)

Reading = tuple[str, Message | None]
"""A value, and what a person should know about it (None = nothing)."""


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

    A source column that has a field's own name fills that field unless the rules say otherwise; those of `METERING` are
    filled by rules alone.

    Raises:
        UnusableError: a rule names a column that the source does not have.
    """
    aliases = with_aliases(table.columns, [column for rule in rules.values() for column in rule.columns])
    all_rules = {field: _with_columns(rule, aliases) for field, rule in rules.items()}
    used = {column for rule in all_rules.values() for column in rule.columns}
    for field in fields:
        if field not in all_rules and field not in METERING and field in table.columns and field not in used:
            all_rules[field] = Rule(column=field)
            used.add(field)
    issues = list(table.issues)
    columns: dict[str, Sequence[str]] = {}
    names: dict[str, str] = {}
    for field, rule in all_rules.items():
        names[field] = " + ".join(rule.columns) or field
        columns[field] = _filled(table, field, rule, names[field], issues)
    captured = []
    for name, values in table.columns.items():
        if name not in used and (keep == "all" or name in keep):
            kept = _one_line(name)
            if name in fields:
                kept = f"source_{name}"
                captured += [kept] if name in METERING else []
            columns[kept] = list(map(_one_line, values))
    if captured:
        reason = Message("finding.not_mapped", names=listed(captured))
        issues.append(Issue(table.file, 0, "", reason, is_refused=False))
    exact = frozenset(field for field, rule in all_rules.items() if rule.columns and set(rule.columns) <= table.exact)
    return Translation(replace(table, columns=columns, issues=tuple(issues), exact=exact & _PLACES), names)


def _with_columns(rule: Rule, aliases: Mapping[str, str]) -> Rule:
    if not any(column in aliases for column in rule.columns):
        return rule
    columns = tuple(aliases.get(column, column) for column in rule.columns)
    return rule.model_copy(update={"column": columns if len(columns) > 1 else columns[0]})


def _filled(table: TextTable, field: str, rule: Rule, name: str, issues: list[Issue]) -> Sequence[str]:
    n_rows = len(table.lines)
    if rule.constant is not None:
        return [rule.constant] * n_rows
    for column in rule.columns:
        if column not in table.columns:
            has = listed(table.columns)
            name = Plain(field)
            raise UnusableError(
                Message("terminal.error.no_column_for", file=Plain(table.file), column=column, field=name, columns=has)
            )
    texts, n_partial = _joined([table.columns[column] for column in rule.columns], rule, field)
    if n_partial:
        reason = Message("finding.partial_ids", n=n_partial)
        issues.append(Issue(table.file, 0, name, reason, is_refused=False))
    words = {_key(word): _word(value) for word, value in rule.values.items()}
    pattern = re.compile(rule.pattern) if rule.pattern else None
    if field in _PLACES and not words and pattern is None and not rule.otherwise:
        return texts
    read = _reader(field, rule, name, texts, table, issues)
    known: dict[str, Reading] = {}
    filled = []
    for row, text in enumerate(texts):
        found = known.get(text)
        if found is None:
            found = known[text] = _value(text, words, pattern, read)
        value, remark = found
        if remark is not None:
            issues.append(Issue(table.file, table.lines[row], name, remark, is_refused=False))
        filled.append(value or rule.otherwise)
    return filled


def _joined(sources: Sequence[Sequence[str]], rule: Rule, field: str) -> tuple[Sequence[str], int]:
    """The columns' texts as one, and in how many rows an id lacks a part."""
    if len(sources) == 1:
        return sources[0], 0
    is_whole = field in _WHOLE
    separator = rule.separator if rule.separator is not None else "-" if is_whole else " "
    texts = []
    n_partial = 0
    for parts in zip(*sources, strict=True):
        known = [part for part in parts if not is_empty(part)]
        if is_whole and 0 < len(known) < len(parts):
            n_partial += 1
            known = []
        texts.append(separator.join(known))
    return texts, n_partial


def _value(
    text: str, words: Mapping[str, str], pattern: re.Pattern[str] | None, read: Callable[[str], Reading]
) -> Reading:
    """A field's value: the translation of the whole text, else of what the pattern finds in it, else as it reads."""
    word = words.get(_key(text))
    if word is not None:
        return word, None
    if pattern is not None and text:
        match = pattern.search(text)
        if match is not None:
            text = (match[1] or "").strip()
            word = words.get(_key(text))
            if word is not None:
                return word, None
    return ("", None) if is_empty(text) else read(text)


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()


def _word(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _one_line(text: str) -> str:
    return text if text.isprintable() else " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _reader(
    field: str, rule: Rule, name: str, texts: Sequence[str], table: TextTable, issues: list[Issue]
) -> Callable[[str], Reading]:
    """What makes a field's value out of a text."""
    if field in {"rated_power_w", "supply_va"}:
        return _power_reader(field, rule, name, texts, table, issues)
    if field == "installed_on":
        return lambda text: read_date(text, rule.formats)
    if field == "technology":
        _tell_words(texts, rule, name, table.file, issues)
        return lambda text: (technology_of(text) or text, None)
    if field == "phase":
        return lambda text: (PHASE_WORDS.get(text.casefold(), text), None)
    return _read_text


def _read_text(text: str) -> Reading:
    """A text in one line; what stands for no blank and cannot be printed is reported, as it may be part of a name."""
    kept = _one_line(text)
    if kept == text or all(c.isprintable() or c.isspace() for c in text):
        return kept, None
    return kept, Message("finding.unprintable", value=text, kept=kept)


def _power_reader(
    field: str, rule: Rule, name: str, texts: Sequence[str], table: TextTable, issues: list[Issue]
) -> Callable[[str], Reading]:
    is_apparent = field == "supply_va"
    unit: str = rule.unit or ""
    if not unit:
        base = "VA" if is_apparent else "W"
        unit = f"k{base}" if _KILO.search(name) else base
        if unit != base:
            reason = Message("finding.unit_by_name", unit=Plain(unit))
            issues.append(Issue(table.file, 0, name, reason, is_refused=False))
    is_exact = set(rule.columns) <= table.exact
    mark = "." if is_exact else power_mark(dict.fromkeys(texts))

    def read(text: str) -> Reading:
        found = read_power(text, mark, unit, rule.several, is_apparent=is_apparent, is_exact=is_exact)
        return "" if found.value is None else repr(found.value), found.remark

    return read


def _tell_words(texts: Sequence[str], rule: Rule, name: str, file: str, issues: list[Issue]) -> None:
    """Say once for each of a register's own words which technology it was taken for."""
    if rule.pattern is not None:
        return
    mapped = {_key(word) for word in rule.values}
    for text, n_rows in Counter(texts).most_common(50):
        meant = technology_of(text)
        if meant and _key(text) not in mapped and text.casefold() != meant.casefold():
            reason = Message("finding.technology", value=text, technology=Plain(meant), n=n_rows)
            issues.append(Issue(file, 0, name, reason, is_refused=False))


def rules_for(rules: Mapping[str, Rule], table: TextTable, geometry: tuple[str, str]) -> Mapping[str, Rule]:
    """The rules for this source: a vector file's points replace coordinate columns."""
    x, y = geometry
    if x not in table.columns:
        return rules
    return {**rules, "longitude": Rule(column=x), "latitude": Rule(column=y)}
