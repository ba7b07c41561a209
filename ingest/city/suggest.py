"""``terang-city suggest``: what an unknown register holds, and a draft of its mapping to read, mend and use."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ingest.city.angles import read_degrees
from ingest.city.column_guess import date_format, guess_columns, is_in_degrees
from ingest.city.extent import zone_place
from ingest.city.likely_systems import likely_systems
from ingest.city.power import has_several, power_mark
from ingest.city.source import GEOMETRY_X, GEOMETRY_Y, ReadingRules, Source, read_source, texts_of
from ingest.city.text_encoding import is_unnamed_encoding, likely_encodings
from ingest.city.translation import METERING
from ingest.city.vocabulary import is_empty, technology_of
from ingest.errors import UnusableError
from ingest.register.number_format import decimal_mark, plain_text, read_number
from languages.catalogue import FALLBACK, Catalogue, load_catalogue
from languages.message import printable, shown

_SAMPLE: Final = 2000  # rows that are looked at
_SHOWN: Final = 4  # different values of a column
_MOST_COLUMNS: Final = 200
_FEW_WORDS: Final = 25  # different values that a draft translates one by one
_SAME_PLACE_KM: Final = 20.0
_MOST_KINDS: Final = 8
_KINDS: Final = re.compile(
    r"kind|class|categor|kategor|object|objek|status|jenis|tipo|type|typ|종류|種別|类型", re.IGNORECASE
)
_ORDER: Final = (
    "lamp_id", "latitude", "longitude", "cabinet_id", "circuit", "rated_power_w", "technology", "street", "district",
    "village", "installed_on",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What `suggest` found: lines for the terminal, and the draft of a mapping."""

    lines: tuple[str, ...]
    mapping: str


def suggest(
    path: Path, timezone: str | None = None, sheet: str | None = None, words: Catalogue | None = None
) -> Suggestion:
    """Look at a register.

    Args:
        path: the source.
        timezone: IANA name of the city's zone: tells which coordinate systems are likely.
        sheet: of a workbook, or a layer.
        words: of the terminal; English where they are left out.

    Raises:
        UnusableError: it cannot be read at all.
    """
    words = words or load_catalogue(FALLBACK)
    source, encodings = _read(path, sheet)
    step = max(1, len(source.table.lines) // _SAMPLE)
    columns = {name: list(values[::step]) for name, values in list(source.table.columns.items())[:_MOST_COLUMNS]}
    guessed = guess_columns({name: values for name, values in columns.items() if name not in (GEOMETRY_X, GEOMETRY_Y)})
    if GEOMETRY_X in columns:
        for field in ("latitude", "longitude", "both"):
            guessed.pop(field, None)
    system, system_lines = _system(source, columns, guessed, timezone, words)
    size = {"n_rows": f"{source.table.n_rows:,}", "n_columns": len(source.table.columns)}
    lines = [words.say("terminal.city.suggest.file", file=path.name, kind=source.kind, **size)]
    if source.encoding:
        lines.append(words.say("terminal.city.suggest.encoding", names=" / ".join([source.encoding, *encodings[1:4]])))
    if source.delimiter:
        lines.append(words.say("terminal.city.suggest.delimiter", mark=repr(source.delimiter)))
    if source.header_rows:
        form = "one" if len(source.header_rows) == 1 else "other"
        rows = ", ".join(map(str, source.header_rows))
        lines.append(words.say(f"terminal.city.suggest.header.{form}", lines=rows))
    lines += system_lines
    meanings = {name: field for field, name in guessed.items()}
    for name, values in columns.items():
        lines.append(_column_line(name, values, meanings.get(name, ""), words))
    lines += [issue.say(words) for issue in source.table.issues[:10]]
    return Suggestion(tuple(map(printable, lines)), _mapping(path, source, columns, guessed, system, encodings, sheet))


def _read(path: Path, sheet: str | None) -> tuple[Source, list[str]]:
    """The source, in the likeliest encoding where nothing tells it."""
    try:
        return read_source(path, ReadingRules(sheet)), []
    except UnusableError as error:
        if not is_unnamed_encoding(error):
            raise
        encodings = likely_encodings(texts_of(path))
        for encoding in encodings:
            return read_source(path, ReadingRules(sheet, encoding)), encodings
        raise


def _column_line(name: str, values: Sequence[str], meaning: str, words: Catalogue) -> str:
    known = [value for value in values if not is_empty(value)]
    share = f"{100 * len(known) / len(values):.0f}" if values else "0"
    most = [shown(value[:24]) for value, _n in Counter(known).most_common(_SHOWN)]
    column = f"{shown(name)}{f' -> {meaning}' if meaning else ''}"
    if not known:
        return words.say("terminal.city.suggest.empty_column", column=column)
    filled = {"percent": share, "n": len(set(known)), "values": ", ".join(most)}
    return words.say("terminal.city.suggest.column", column=column, **filled)


def _system(
    source: Source,
    columns: Mapping[str, Sequence[str]],
    guessed: dict[str, str],
    timezone: str | None,
    words: Catalogue,
) -> tuple[str, list[str]]:
    """The likely coordinate system, "" where the default or the file's own will do, and lines about it."""
    if source.crs:
        return "", [words.say("terminal.city.suggest.own_system", crs=source.crs)]
    if "both" in guessed:
        return "", [words.say("terminal.city.suggest.both")]
    has_points = GEOMETRY_X in columns
    if not has_points and not {"latitude", "longitude"} <= guessed.keys():
        return "", [words.say("terminal.city.suggest.no_places")]
    names = (GEOMETRY_Y, GEOMETRY_X) if has_points else (guessed["latitude"], guessed["longitude"])
    north, east = (columns[name] for name in names)
    if is_in_degrees(north, "latitude") and is_in_degrees(east, "longitude"):
        return "", [words.say("terminal.city.suggest.degrees")]
    x, y = _median(east), _median(north)
    place = zone_place(timezone) if timezone else None
    if place is None:
        return "CHANGE-ME", [words.say("terminal.city.suggest.metres", x=f"{x:,.0f}", y=f"{y:,.0f}")]
    found = [one for one in likely_systems(x, y, place) if not (has_points and one[3])]
    if not found:
        metres = {"x": f"{x:,.0f}", "y": f"{y:,.0f}"}
        return "CHANGE-ME", [words.say("terminal.city.suggest.no_system", timezone=timezone, **metres)]
    best, is_exchanged = found[0][1], found[0][3]
    places: dict[tuple[int, bool], tuple[float, str, str, bool]] = {}
    for one in found:  # the likeliest of those that mean the same place, so that neighbouring zones are among the first
        places.setdefault((round(one[0] / _SAME_PLACE_KM), one[3]), one)
    if is_exchanged:
        guessed["latitude"], guessed["longitude"] = guessed["longitude"], guessed["latitude"]
    lines = [
        words.say(
            "terminal.city.suggest.exchanged" if flip else "terminal.city.suggest.system",
            crs=code,
            name=name,
            km=f"{away:,.0f}",
            timezone=timezone,
        )
        for away, code, name, flip in list(places.values())[:5]
    ]
    return best, lines


def _median(texts: Sequence[str]) -> float:
    plain = [plain_text(text) for text in texts if text]
    mark = decimal_mark(plain)
    numbers = [found[-1] for text in plain if (found := read_number(text, mark))]
    return float(np.median(numbers)) if numbers else math.nan


def _mapping(
    path: Path,
    source: Source,
    columns: Mapping[str, Sequence[str]],
    guessed: Mapping[str, str],
    system: str,
    encodings: Sequence[str],
    sheet: str | None,
) -> str:
    """The draft of a mapping, with a comment wherever a person has to decide."""
    lines = [
        f"# Draft for {printable(path.name)}, made by terang-city suggest: read it, mend it, then",
        f"#   terang-city import DIR {printable(path.name)} --map THIS.toml --dry-run --preview map.html",
        "",
        "[source]",
    ]
    if source.encoding and source.encoding not in {"utf-8", "utf-8-sig", "utf-16"}:
        lines.append(f"encoding = {_quoted(source.encoding)}{_or(encodings[1:4])}")
    if source.delimiter:
        lines.append(f"delimiter = {_quoted('tab' if source.delimiter == chr(9) else source.delimiter)}")
    if source.header_rows and (source.header_rows[0] > 1 or len(source.header_rows) > 1):
        rows = source.header_rows
        lines.append(f"header_row = {rows[0] if len(rows) == 1 else list(rows)}")
    if sheet:
        lines.append(f"sheet = {_quoted(sheet)}")
    if system:
        lines.append(f"crs = {_quoted(system)}   # check it on the preview's map")
    elif source.crs:
        lines.append(f"# crs = {_quoted(source.crs)}   # the file's own")
    lines += [_where_line(columns, guessed), "", "[lamp]"]
    for field in _ORDER:
        lines += _field_lines(field, columns, guessed)
    off = "" if "cabinet_id" in guessed else "# "
    lines += [
        "",
        "# What steers metering is never guessed: name the columns if the register has them.",
        "# " + ", ".join(sorted(METERING)) + ", dimmable",
        "",
        "[cabinet]",
        f"{off}controller_id = {_quoted(guessed.get('cabinet_id', 'COLUMN'))}   # its Raspberry Pi",
        '# switching = { constant = "contactor" }   # or "lamp": each lamp switches itself',
    ]
    return "\n".join(lines) + "\n"


def _where_line(columns: Mapping[str, Sequence[str]], guessed: Mapping[str, str]) -> str:
    """A row filter to fill in, with the values of the column that seems to say what a row is."""
    for name, values in columns.items():
        words = list(dict.fromkeys(values))
        if name not in guessed.values() and _KINDS.search(name) and 2 <= len(words) <= _MOST_KINDS:
            listed = ", ".join(map(_quoted, words))
            return (
                f"# where = {{ {_quoted(name)} = [{listed}] }}   # if not every row is a lamp; [cabinet] takes one too"
            )
    return '# where = { COLUMN = ["value"] }   # if not every row is a lamp'


def _field_lines(field: str, columns: Mapping[str, Sequence[str]], guessed: Mapping[str, str]) -> list[str]:
    if field in ("latitude", "longitude") and GEOMETRY_Y in columns:
        return [] if field == "longitude" else ["# latitude, longitude: the file's own points"]
    name = guessed.get("both") if field in ("latitude", "longitude") and "both" in guessed else guessed.get(field)
    if name is None:
        why = {
            "lamp_id": "   # without ids lamps are named after their place",
            "latitude": "   # required",
            "longitude": "   # required",
        }
        return [f'# {field} = "COLUMN"{why.get(field, "")}']
    values = [value for value in columns[name] if not is_empty(value)]
    if field == "rated_power_w":
        double = next((value for value in values if has_several(value)), "")
        note = (
            ""
            if power_mark(values) or not any(mark in value for value in values for mark in ".,")
            else "   # decimal mark unclear"
        )
        if double:
            rule = f'{{ column = {_quoted(name)}, several = "sum" }}'
            return [f'{field} = {rule}   # {printable(double[:20])}: or "first", "largest"']
        return [f"{field} = {_quoted(name)}{note}"]
    if field == "technology":
        return _technology_lines(name, values)
    if field == "installed_on":
        form = date_format(values)
        if not form:
            return [f"{field} = {_quoted(name)}"]
        note = "   # or %m/%d/%Y?" if form == "%d/%m/%Y" and date_format_is_open(values) else ""
        return [f"{field} = {{ column = {_quoted(name)}, format = {_quoted(form)} }}{note}"]
    note = ""
    if field == "lamp_id" and len(set(values)) < len(values):
        note = "   # not unique: lamps within 33 m of each other get -2, -3 …"
    if field == "latitude" and values and all(not math.isnan(read_degrees(value, field)) for value in values[:50]):
        note = f"   # such as {printable(values[0])}"
    return [f"{field} = {_quoted(name)}{note}"]


def date_format_is_open(values: Sequence[str]) -> bool:
    """Whether no date of a column tells day and month apart."""
    return all(int(value[3:5]) <= 12 for value in values if value[3:5].isdigit())


def _technology_lines(name: str, values: Sequence[str]) -> list[str]:
    words = [word for word, _n in Counter(values).most_common(_FEW_WORDS)]
    unknown = [word for word in words if not technology_of(word)]
    if not unknown:
        return [f"technology = {_quoted(name)}"]
    pairs = ", ".join(f'{_quoted(word)} = "other"' for word in unknown)
    return [
        f"technology = {{ column = {_quoted(name)}, values = {{ {pairs} }} }}   # LED, HPS, MH, CFL, MV, IND or other",
    ]


def _or(names: Sequence[str]) -> str:
    return f"   # or {', '.join(names)}: look at the letters" if names else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
