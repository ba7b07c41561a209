"""Another sheet, layer or file that lists the cabinets which a register's lamps name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.city.cabinet_names import folded
from ingest.city.column_guess import guess_columns
from ingest.city.source import read_source
from ingest.city.source_table import GEOMETRY_X, ReadingRules
from ingest.city.text_encoding import is_unnamed_encoding, likely_encodings
from ingest.city.vector_source import texts_of
from ingest.city.vocabulary import is_empty
from ingest.errors import UnusableError
from ingest.register.text_table import TextTable

_ENOUGH: Final = 0.5  # of the cabinets that lamps name have to be in the table
_MOST_FILES: Final = 8
_MOST_BYTES: Final = 16 << 20  # of a file beside the register that is looked into


@dataclass(frozen=True, slots=True)
class CabinetTable:
    """Where cabinets are listed: another file beside the register, or another sheet or layer of it.

    Attributes:
        file: its name, "" = the lamps' own.
        sheet: or layer, "" = the file has but one.
        encoding: of its texts, "" = found by itself.
        cabinet_id: the column of the names that the lamps use.
        places: latitude and longitude -> column, where there are any.
    """

    file: str
    sheet: str
    encoding: str
    cabinet_id: str
    places: Mapping[str, str]


def find_cabinets(
    path: Path,
    sheet: str | None,
    parts: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    guessed: Mapping[str, str],
) -> CabinetTable | None:
    """The table that lists most of the lamps' cabinets, each once; None where there is none.

    Args:
        path: the register.
        sheet: of it that holds the lamps.
        parts: its sheets, layers or files.
        columns: of the lamps.
        guessed: which of them means what.
    """
    names = {folded(name) for name in columns.get(guessed.get("cabinet_id", ""), ()) if not is_empty(name)}
    if not names:
        return None
    places = [(path, part) for part in parts if part != sheet]
    if not parts and path.suffix.lower() == ".shp":
        beside = sorted(file for file in path.parent.glob("*.[sS][hH][pP]") if file.name != path.name)
        places = [(file, "") for file in beside[:_MOST_FILES] if file.stat().st_size <= _MOST_BYTES]
    for file, part in places:
        try:
            table, encoding = _read(file, part)
        except UnusableError:
            continue  # it is another matter, as the sheets of a workbook often are
        found = _column_of(table, names)
        if found is not None and len(table.lines) < max(map(len, columns.values())):
            guess = {} if GEOMETRY_X in table.columns else guess_columns(table.columns)
            where: dict[str, str] = {field: guess[field] for field in ("latitude", "longitude") if field in guess}
            return CabinetTable("" if file == path else file.name, part, encoding, found, where)
    return None


def _read(path: Path, sheet: str) -> tuple[TextTable, str]:
    try:
        return read_source(path, ReadingRules(sheet or None)).table, ""
    except UnusableError as error:
        if not is_unnamed_encoding(error):
            raise
        encoding = next(iter(likely_encodings(texts_of(path, sheet or None))), "")
        return read_source(path, ReadingRules(sheet or None, encoding or None)).table, encoding


def _column_of(table: TextTable, names: set[str]) -> str | None:
    for name, values in table.columns.items():
        known = [folded(value) for value in values if value]
        if len(set(known)) == len(known) and len(names & set(known)) >= _ENOUGH * len(names):
            return name
    return None
