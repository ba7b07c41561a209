"""One thing wrong with one row of a city's files: where it stands, why, and what was done about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from languages.catalogue import Catalogue
from languages.message import SHOWN_CHARACTERS, Message, Plain, printable

FAMILY: Final = "finding."  # of the ids of reasons


@dataclass(frozen=True, slots=True)
class Issue:
    """A finding in a file.

    Attributes:
        file: its name as the person gave it.
        line: 1-based line where the row begins (the sheet's row in a workbook, the feature's number in GeoJSON);
            0 = the whole file.
        column: the file's own column name, "" = the whole row.
        reason: what is wrong and what was made of it, a message of `FAMILY`.
        is_refused: the row was left out; otherwise it was taken, with this value mended or left empty.
    """

    file: str
    line: int
    column: str
    reason: Message
    is_refused: bool

    @property
    def code(self) -> str:
        """A word for the kind of finding that stays the same in every language and version: ``no_number``."""
        return self.reason.code.removeprefix(FAMILY)

    @property
    def message(self) -> Message:
        """``lamps.csv:12: latitude: 'abc' is no number (row refused)``."""
        where = Plain(f"{self.file}:{self.line}" if self.line else self.file)
        place = Plain(f"{where}: {self.column}") if self.column else where
        if self.is_refused:
            return Message("finding.at_refused", where=place, reason=self.reason)
        return Message("finding.at", where=place, reason=self.reason)

    def say(self, words: Catalogue) -> str:
        """The finding in one line."""
        return self.message.say(words)

    def __str__(self) -> str:
        """The finding in one line of English, for logs."""
        return str(self.message)


def listed(names: Iterable[str], most: int = 30) -> Plain | Message:
    """Names for one line of a message; what is beyond ``most`` is only counted."""
    all_names = [printable(name if len(name) <= SHOWN_CHARACTERS else name[:SHOWN_CHARACTERS] + "…") for name in names]
    first = Plain(", ".join(all_names[:most]))
    if len(all_names) <= most:
        return first
    return Message("finding.and_more", names=first, n=len(all_names) - most)
