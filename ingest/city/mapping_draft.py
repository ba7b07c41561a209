"""The draft of a mapping: what `ingest.city.suggest` found, with a comment wherever a person has to decide.

The comments are in the language of whoever asked, out of the message catalogues.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.city.angles import read_degrees
from ingest.city.cabinet_search import CabinetTable
from ingest.city.dates import date_forms, is_day_first_open
from ingest.city.power import has_several, power_mark
from ingest.city.source_table import GEOMETRY_Y, Source
from ingest.city.translation import METERING
from ingest.city.vocabulary import is_empty, letters_of, says_removed, technology_of, words
from languages.catalogue import Catalogue
from languages.message import printable

_FEW_WORDS: Final = 25  # different values that a draft translates one by one
_MOST_KINDS: Final = 8
_ORDER: Final = (
    "lamp_id", "latitude", "longitude", "cabinet_id", "circuit", "rated_power_w", "technology", "street", "district",
    "village", "installed_on",
)  # fmt: skip
_UNMAPPED: Final = {
    "lamp_id": "terminal.city.draft.no_id",
    "latitude": "terminal.city.draft.required",
    "longitude": "terminal.city.draft.required",
}


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of a register.

    Attributes:
        file: its name.
        source: as it was read.
        columns: values of the rows that were looked at, filled down.
        guessed: field -> column; ``both`` holds latitude and longitude.
        systems: the likely coordinate system and those that mean nearly the same place; none = the
            default or the file's.
        encodings: that it may be in, the likeliest first.
        sheet: that was read, if one has to be named.
        fill_down: columns whose empty cells mean the row above.
        cabinets: another table that lists the cabinets.
        n_copies: rows that repeat another one.
        number: a column of numbers that are unique within a cabinet alone.
    """

    file: str
    source: Source
    columns: Mapping[str, Sequence[str]]
    guessed: Mapping[str, str]
    systems: Sequence[str]
    encodings: Sequence[str]
    sheet: str | None
    fill_down: Sequence[str]
    cabinets: CabinetTable | None
    n_copies: int = 0
    number: str | None = None


Say = Callable[..., str]
"""A comment in the words of a catalogue: ``   # …``."""


def draft_of(found: Findings, catalogue: Catalogue) -> str:
    """The text of a mapping file."""

    def say(message: str, **values: object) -> str:
        return f"   # {printable(catalogue.say(f'terminal.city.draft.{message}', **values))}"

    source = found.source
    lines = [say("title", file=found.file).strip(), say("use", file=found.file).strip(), ""]
    if found.cabinets is not None and found.cabinets.file:
        lines += [f"cabinet_file = {_quoted(found.cabinets.file)}{say('cabinets')}", ""]
    lines.append("[source]")
    if source.encoding and source.encoding not in {"utf-8", "utf-8-sig", "utf-16"}:
        others = ", ".join(found.encodings[1:4])
        lines.append(f"encoding = {_quoted(source.encoding)}{say('letters', names=others) if others else ''}")
    if source.delimiter:
        lines.append(f"delimiter = {_quoted('tab' if source.delimiter == chr(9) else source.delimiter)}")
    if source.header_rows and (source.header_rows[0] > 1 or len(source.header_rows) > 1):
        rows = source.header_rows
        lines.append(f"header_row = {rows[0] if len(rows) == 1 else list(rows)}")
    if found.sheet:
        lines.append(f"sheet = {_quoted(found.sheet)}")
    if found.systems:
        others = ", ".join(found.systems[1:])
        lines.append(f"crs = {_quoted(found.systems[0])}{say('crs_or', names=others) if others else say('crs')}")
    elif source.crs:
        lines.append(f"# crs = {_quoted(source.crs)}{say('own_crs')}")
    if found.fill_down:
        lines.append(f"fill_down = {_listed(found.fill_down)}{say('fill_down')}")
    if found.n_copies:
        lines.append(f'# copies = "lamps"{say("copies", n=found.n_copies)}')
    lines += [_where_line(found, say), "", "[lamp]"]
    for field in _ORDER:
        lines += _field_lines(field, found, say)
    lines += ["", say("metering").strip(), "# " + ", ".join(sorted(METERING)) + ", dimmable", ""]
    lines += _cabinet_lines(found, say)
    return "\n".join(lines) + "\n"


def _cabinet_lines(found: Findings, say: Say) -> list[str]:
    table = found.cabinets
    contactor = f'# switching = {{ constant = "contactor" }}{say("switching")}'
    if table is None:
        name = found.guessed.get("cabinet_id")
        off = "" if name else "# "
        return ["[cabinet]", f"{off}controller_id = {_quoted(name or 'COLUMN')}{say('controller')}", contactor]
    lines = []
    if table.sheet or table.encoding:
        lines.append(f"[cabinet_source]{'' if table.file else say('cabinets')}")
        lines += [f"sheet = {_quoted(table.sheet)}"] if table.sheet else []
        lines += [f"encoding = {_quoted(table.encoding)}"] if table.encoding else []
        lines.append("")
    lines += ["[cabinet]", f"cabinet_id = {_quoted(table.cabinet_id)}"]
    lines += [f"{field} = {_quoted(name)}" for field, name in table.places.items()]
    return [*lines, f"controller_id = {_quoted(table.cabinet_id)}{say('controller')}", contactor]


def _where_line(found: Findings, say: Say) -> str:
    """A row filter to fill in, with the values of the column that seems to say what a row is."""
    free = [name for name in found.columns if name not in found.guessed.values()]
    for name in free:
        removed = [value for value in dict.fromkeys(found.columns[name]) if says_removed(value)]
        if 1 <= len(removed) <= _MOST_KINDS:
            rule = f"{{ {_quoted(name)} = {{ not = {_listed(removed)} }} }}"
            return f"# where = {rule}{say('removed')}"
    for name in free:
        values = list(dict.fromkeys(found.columns[name]))
        if _says_kind(name) and 2 <= len(values) <= _MOST_KINDS:
            return f"# where = {{ {_quoted(name)} = {_listed(values)} }}{say('where_kinds')}"
    return f'# where = {{ COLUMN = ["value"] }}{say("where")}'


def _says_kind(name: str) -> bool:
    letters = letters_of(name)
    listed: list[str] = words()["rows"]["kind"]
    return any(letters_of(word) in letters for word in listed)


def _field_lines(field: str, found: Findings, say: Say) -> list[str]:
    columns, guessed = found.columns, found.guessed
    if field in ("latitude", "longitude") and GEOMETRY_Y in columns:
        return [] if field == "longitude" else [say("own_points").strip()]
    if field == "lamp_id" and found.number:
        names = _listed([guessed["cabinet_id"], found.number])
        return [f"lamp_id = {{ column = {names} }}{say('in_cabinet')}"]
    name = guessed.get("both") if field in ("latitude", "longitude") and "both" in guessed else guessed.get(field)
    if name is None:
        why = _UNMAPPED.get(field)
        return [f'# {field} = "COLUMN"{say(why.rpartition(".")[2]) if why else ""}']
    values = [value for value in columns[name] if not is_empty(value)]
    if field == "rated_power_w":
        return [_power_line(name, values, say)]
    if field == "technology":
        return [_technology_line(name, values, say)]
    if field == "installed_on":
        return [_date_line(name, values, say)]
    note = ""
    if field == "lamp_id" and len(set(values)) < len(values):
        note = say("not_unique")
    if field == "latitude" and values and all(not math.isnan(read_degrees(value, field)) for value in values[:50]):
        note = say("such_as", value=values[0])
    return [f"{field} = {_quoted(name)}{note}"]


def _power_line(name: str, values: Sequence[str], say: Say) -> str:
    double = next((value for value in values if has_several(value)), "")
    if double:
        return f'rated_power_w = {{ column = {_quoted(name)}, several = "sum" }}{say("several", value=double[:20])}'
    is_clear = power_mark(values) or not any(mark in value for value in values for mark in ".,")
    return f"rated_power_w = {_quoted(name)}{'' if is_clear else say('unclear_mark')}"


def _date_line(name: str, values: Sequence[str], say: Say) -> str:
    forms = date_forms(values) or ()
    if not forms:
        return f"installed_on = {_quoted(name)}"
    form = _quoted(forms[0]) if len(forms) == 1 else _listed(forms)
    note = say("month_first") if forms[0] == "%d/%m/%Y" and is_day_first_open(values) else ""
    return f"installed_on = {{ column = {_quoted(name)}, format = {form} }}{note}"


def _technology_line(name: str, values: Sequence[str], say: Say) -> str:
    common = [word for word, _n in Counter(values).most_common(_FEW_WORDS)]
    unknown = [word for word in common if not technology_of(word)]
    if not unknown:
        return f"technology = {_quoted(name)}"
    pairs = ", ".join(f'{_quoted(word)} = "other"' for word in unknown)
    return f"technology = {{ column = {_quoted(name)}, values = {{ {pairs} }} }}{say('technologies')}"


def _listed(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
