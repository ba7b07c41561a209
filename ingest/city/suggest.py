"""``terang-city suggest``: what an unknown register holds; `ingest.city.mapping_draft` drafts its mapping."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from ingest.city.cabinet_search import find_cabinets
from ingest.city.column_guess import field_named, guess_columns, is_in_degrees, number_in_cabinet
from ingest.city.extent import zone_place
from ingest.city.likely_systems import likely_systems
from ingest.city.mapping_draft import Findings, draft_of
from ingest.city.rows_above import filled_down, looks_filled_down
from ingest.city.source import parts_in, read_source
from ingest.city.source_table import GEOMETRY_X, GEOMETRY_Y, ReadingRules, Source
from ingest.city.text_encoding import is_unnamed_encoding, likely_encodings
from ingest.city.vector_source import texts_of
from ingest.city.vocabulary import is_empty
from ingest.errors import UnusableError
from ingest.register.number_format import decimal_mark, plain_text, read_number
from languages.catalogue import FALLBACK, Catalogue, load_catalogue
from languages.message import printable, shown

_SAMPLE: Final = 2000  # rows that are looked at
_SHOWN: Final = 4  # different values of a column
_MOST_COLUMNS: Final = 200
_SAME_PLACE_KM: Final = 20.0
_MOST_SYSTEMS: Final = 3  # that put the lamps within a kilometre
_MOST_PARTS: Final = 8  # sheets, layers or files in which cabinets are looked for
_KINDS: Final = {"delimited text": "terminal.city.kind.delimited", "workbook": "terminal.city.kind.workbook"}
_GROUPS: Final = ("cabinet_id", "street", "district", "village", "circuit")  # what a register names once for many rows


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
    parts = parts_in(path) if path.is_file() else []
    is_chosen = sheet is None and len(parts) > 1
    if is_chosen:
        sheet = max(parts, key=lambda part: part[1])[0]  # lamps are more than anything else in a register
    source, encodings = _read(path, sheet)
    fill_down = _filled_down_columns(source)
    whole = filled_down(source.table, fill_down).columns
    step = max(1, len(source.table.lines) // _SAMPLE)
    columns = {name: list(values[::step]) for name, values in list(whole.items())[:_MOST_COLUMNS]}
    guessed = guess_columns({name: values for name, values in columns.items() if name not in (GEOMETRY_X, GEOMETRY_Y)})
    if GEOMETRY_X in columns:
        for field in ("latitude", "longitude", "both"):
            guessed.pop(field, None)
    system, system_lines = _system(source, columns, guessed, timezone, words)
    cabinets = find_cabinets(path, sheet, [name for name, _n in parts][:_MOST_PARTS], whole, guessed)
    size = {"n_rows": f"{source.table.n_rows:,}", "n_columns": len(source.table.columns)}
    lines = [words.say("terminal.city.suggest.file", file=path.name, kind=_shown_kind(source.kind, words), **size)]
    if sheet and len(parts) > 1:
        others = ", ".join(shown(name) for name, _n in parts if name != sheet)
        lines.append(words.say("terminal.city.suggest.part", part=shown(sheet), others=others))
    if source.encoding:
        lines.append(words.say("terminal.city.suggest.encoding", names=" / ".join([source.encoding, *encodings[1:4]])))
    if source.delimiter:
        lines.append(words.say("terminal.city.suggest.delimiter", mark=repr(source.delimiter)))
    if source.header_rows:
        form = "one" if len(source.header_rows) == 1 else "other"
        rows = ", ".join(map(str, source.header_rows))
        lines.append(words.say(f"terminal.city.suggest.header.{form}", lines=rows))
    lines += system_lines
    meanings: dict[str, str] = {}
    for field, name in guessed.items():
        meanings[name] = f"{meanings[name]}, {field}" if name in meanings else field
    for name in columns:
        lines.append(_column_line(name, source.table.columns[name][::step], meanings.get(name, ""), words))
    lines += [
        issue.say(words) for issue in source.table.issues[:10] if not (is_chosen and issue.code in {"sheet", "layer"})
    ]
    found = Findings(
        path.name, source, columns, guessed, system, encodings, sheet, fill_down, cabinets, _copies(source)
    )
    found = replace(found, number=number_in_cabinet(columns, guessed) if step == 1 else None)
    return Suggestion(tuple(map(printable, lines)), draft_of(found, words))


def _shown_kind(kind: str, words: Catalogue) -> str:
    """What people call a kind of file; a format's own name, such as GeoJSON, is the same in every language."""
    return words.say(_KINDS[kind]) if kind in _KINDS else kind


def _copies(source: Source) -> int:
    """How many rows repeat another one word for word."""
    different = {hash(row) for row in zip(*source.table.columns.values(), strict=True)}
    return len(source.table.lines) - len(different)


def _filled_down_columns(source: Source) -> tuple[str, ...]:
    """Columns that name their value in the first row of each group alone, and mean something."""
    return tuple(
        name
        for name, values in source.table.columns.items()
        if looks_filled_down(values) and field_named(name, (*_GROUPS, "lamp_id", "technology")) in _GROUPS
    )


def _read(path: Path, sheet: str | None) -> tuple[Source, list[str]]:
    """The source, in the likeliest encoding where nothing tells it."""
    try:
        return read_source(path, ReadingRules(sheet)), []
    except UnusableError as error:
        if not is_unnamed_encoding(error):
            raise
        encodings = likely_encodings(texts_of(path, sheet))
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
) -> tuple[tuple[str, ...], list[str]]:
    """The likely coordinate system, with others that mean nearly the same place, and lines about it.

    None where the default or the file's own will do.
    """
    if source.crs:
        return (), [words.say("terminal.city.suggest.own_system", crs=source.crs)]
    if "both" in guessed:
        return (), [words.say("terminal.city.suggest.both")]
    has_points = GEOMETRY_X in columns
    if not has_points and not {"latitude", "longitude"} <= guessed.keys():
        return (), [words.say("terminal.city.suggest.no_places")]
    names = (GEOMETRY_Y, GEOMETRY_X) if has_points else (guessed["latitude"], guessed["longitude"])
    north, east = (columns[name] for name in names)
    if is_in_degrees(north, "latitude") and is_in_degrees(east, "longitude"):
        return (), [words.say("terminal.city.suggest.degrees")]
    x, y = _median(east), _median(north)
    place = zone_place(timezone) if timezone else None
    if place is None:
        return ("CHANGE-ME",), [words.say("terminal.city.suggest.metres", x=f"{x:,.0f}", y=f"{y:,.0f}")]
    found = [one for one in likely_systems(x, y, place) if not (has_points and one[3])]
    if not found:
        metres = {"x": f"{x:,.0f}", "y": f"{y:,.0f}"}
        return ("CHANGE-ME",), [words.say("terminal.city.suggest.no_system", timezone=timezone, **metres)]
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
    nearly = [code for away, code, _name, flip in found[1:] if flip == is_exchanged and abs(away - found[0][0]) < 1.0]
    return (best, *nearly[:_MOST_SYSTEMS]), lines


def _median(texts: Sequence[str]) -> float:
    plain = [plain_text(text) for text in texts if text]
    mark = decimal_mark(plain)
    numbers = [found[-1] for text in plain if (found := read_number(text, mark))]
    return float(np.median(numbers)) if numbers else math.nan
