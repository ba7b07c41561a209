"""One thing wrong with one row of a city's files: where it stands, why, and what was done about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Issue:
    """A finding in a file.

    Attributes:
        file: its name as the person gave it.
        line: 1-based line where the row begins (the sheet's row in a workbook, the feature's number in GeoJSON);
            0 = the whole file.
        column: the file's own column name, "" = the whole row.
        reason: what is wrong and what was made of it, in one line.
        is_refused: the row was left out; otherwise it was taken, with this value mended or left empty.
    """

    file: str
    line: int
    column: str
    reason: str
    is_refused: bool

    def __str__(self) -> str:
        """``lamps.csv:12: latitude: 'abc' is no number (row refused)``."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        column = f" {self.column}:" if self.column else ""
        return printable(f"{where}:{column} {self.reason}{' (row refused)' if self.is_refused else ''}")


def printable(text: str) -> str:
    """A text with everything escaped that could move a terminal's cursor, change its colours or break the line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def listed(names: Iterable[str], most: int = 30) -> str:
    """Names in one line, each fit for a terminal; what is beyond ``most`` is only counted."""
    all_names = [printable(name if len(name) <= SHOWN_CHARACTERS else name[:SHOWN_CHARACTERS] + "…") for name in names]
    more = f" and {len(all_names) - most} more" if len(all_names) > most else ""
    return ", ".join(all_names[:most]) + more


def shown(text: str) -> str:
    """A value in quotes, control characters escaped and cut where it is long: fit for one line of a terminal."""
    cut = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
    return repr(cut)
