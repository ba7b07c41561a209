"""Converts columns of text to columns of values: in one pass if all are valid, else value by value.

Pure. Every deviation is noted with line, column and reason; an empty text is "unknown" and never a deviation by itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.register.issue import Issue
from ingest.register.number_format import decimal_mark, plain_text, read_number
from ingest.register.text_table import TextTable
from languages.message import Message, Plain

Texts = Sequence[str]
Unit = Plain | Message
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "t", "1", "1.0", "yes", "y", "ya", "benar", "si", "sí", "sim", "oui", "ja", "tak"), True),
    **dict.fromkeys(("да", "evet", "예", "はい", "是", "ใช่", "có"), True),
    **dict.fromkeys(("false", "f", "0", "0.0", "no", "n", "tidak", "salah", "não", "non", "nein", "nie", ""), False),
    **dict.fromkeys(("нет", "hayır", "아니오", "いいえ", "否", "ไม่", "không"), False),
}

_Number = tuple[float, Message | None, bool]
"""A text's number (NaN = none), what is wrong with it, and whether it was written otherwise than with a point."""


class Fields:
    """Reads one `TextTable` column by column and keeps what was wrong with it."""

    def __init__(self, table: TextTable, names: Mapping[str, str] | None = None) -> None:
        """``names``: field -> the source's own column name, as issues should show it."""
        self.table = table
        self.n_rows = len(table.lines)
        self.is_refused: npt.NDArray[np.bool_] = np.zeros(self.n_rows, np.bool_)
        self.issues: list[Issue] = list(table.issues)
        self._names = names or {}

    def refuse(self, row: int, column: str, reason: Message) -> None:
        """Leave a row out; only the first reason is reported."""
        if not self.is_refused[row]:
            self.is_refused[row] = True
            self._note(row, column, reason, is_refused=True)

    def mend(self, row: int, column: str, reason: Message) -> None:
        """Take a row in spite of one bad value."""
        if not self.is_refused[row]:
            self._note(row, column, reason, is_refused=False)

    def mend_all(self, column: str, reason: Message) -> None:
        """Note what was done to a whole column."""
        name = self._names.get(column, column)
        self.issues.append(Issue(self.table.file, 0, name, reason, is_refused=False))

    def _note(self, row: int, column: str, reason: Message, *, is_refused: bool) -> None:
        name = self._names.get(column, column)
        self.issues.append(Issue(self.table.file, int(self.table.lines[row]), name, reason, is_refused))

    def raw(self, column: str) -> Texts:
        """A column as it stands; empty texts where the table has none."""
        return self.table.columns.get(column) or [""] * self.n_rows

    def texts(self, column: str, longest: int) -> list[str]:
        """A column of texts, what is longer than the store takes or cannot be printed left empty."""
        values = list(self.raw(column))
        for row, value in enumerate(values):
            if len(value) > longest:
                self.mend(row, column, Message("finding.long_text", value=value, n=longest))
                values[row] = ""
            elif not value.isprintable():
                values[row] = " ".join("".join(c if c.isprintable() else " " for c in value).split())
        return values

    def keys(self, column: str, longest: int) -> list[str]:
        """A column of required, unique ids; other rows are refused."""
        values = [one_form(value) for value in self.raw(column)]
        first: dict[str, int] = {}
        for row, value in enumerate(values):
            if self.is_refused[row]:
                continue
            if not value:
                self.refuse(row, column, Message("finding.required"))
            elif len(value) > longest or not value.isprintable():
                self.refuse(row, column, Message("finding.no_id", value=value, n=longest))
            elif value in first:
                line = self.table.lines[first[value]]
                self.refuse(row, column, Message("finding.doubled", value=value, line=line))
            else:
                first[value] = row
        return values

    def numbers(
        self, column: str, minimum: float, maximum: float, unit: Unit | None = None, *, may_group: bool = False
    ) -> npt.NDArray[np.float64]:
        """A column of numbers; empty, no number, ambiguous or out of range = NaN.

        Args:
            column: the field.
            minimum: the least that it can be.
            maximum: the most.
            unit: as shown in messages, None = a number of things.
            may_group: a point, too, may represent thousands (``1.250`` W); where both readings are possible, the
                value is left empty.

        Returns:
            float64 (n_rows,).
        """
        texts = self.raw(column)
        if not may_group and all(map(_is_plain, texts)):
            values = np.array([text or "nan" for text in texts], dtype=np.float64)
        else:
            values = self._parse(column, texts, minimum, maximum, may_group=may_group)
        with np.errstate(invalid="ignore"):
            is_outside = (values < minimum) | (values > maximum)
        for row in np.flatnonzero(is_outside).tolist():
            self.mend(row, column, _outside(texts[row], minimum, maximum, unit))
        values[is_outside] = np.nan
        return values

    def _parse(
        self, column: str, texts: Texts, minimum: float, maximum: float, *, may_group: bool
    ) -> npt.NDArray[np.float64]:
        mark = "." if column in self.table.exact else decimal_mark(map(plain_text, dict.fromkeys(texts)))
        known: dict[str, _Number] = {"": (np.nan, None, False)}
        values = np.full(self.n_rows, np.nan)
        n_changed = 0
        for row, text in enumerate(texts):
            found = known.get(text)
            if found is None:
                found = known[text] = _number(text, mark, minimum, maximum, may_group=may_group)
            values[row], reason, is_changed = found
            n_changed += is_changed
            if reason is not None:
                self.mend(row, column, reason)
        if n_changed:
            self.mend_all(column, Message("finding.marks", n=n_changed))
        return values

    def integers(self, column: str, minimum: int, maximum: int) -> npt.NDArray[np.int32]:
        """A column of whole numbers; empty, none or out of range = -1.

        Returns:
            int32 (n_rows,).
        """
        values = self.numbers(column, minimum, maximum).copy()
        is_broken = ~np.isnan(values) & (values != np.floor(values))
        for row in np.flatnonzero(is_broken).tolist():
            self.mend(row, column, Message("finding.no_whole", value=self.raw(column)[row]))
        values[is_broken | np.isnan(values)] = -1
        return values.astype(np.int32)

    def choices(self, column: str, allowed: Sequence[str], otherwise: str) -> list[str]:
        """A column of words out of a list, whatever their case; others become ``otherwise``."""
        by_case = {word.casefold(): word for word in allowed} | {"": otherwise}
        values = list(self.raw(column))
        listed = Plain(", ".join(allowed))
        so = Message("finding.so.taken", word=Plain(otherwise)) if otherwise else Message("finding.so.empty")
        for row, value in enumerate(values):
            word = by_case.get(value.casefold())
            if word is None:
                self.mend(row, column, Message("finding.no_choice", value=value, words=listed, so=so))
                word = otherwise
            values[row] = word
        return values

    def booleans(self, column: str) -> npt.NDArray[np.bool_]:
        """A column of true and false (bool (n_rows,)); empty = false."""
        values = np.zeros(self.n_rows, np.bool_)
        for row, text in enumerate(self.raw(column)):
            value = _BOOLEANS.get(text.casefold())
            if value is None:
                self.mend(row, column, Message("finding.no_boolean", value=text))
            values[row] = bool(value)
        return values

    def where(self, is_bad: npt.NDArray[np.bool_], tell: Callable[[int], None]) -> None:
        """Call ``tell`` for each row that a mask marks."""
        for row in np.flatnonzero(is_bad).tolist():
            tell(row)


def one_form(text: str) -> str:
    """A text in Unicode's composed form (NFC), in which ids are compared: ``é`` is one letter, however it was typed."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _outside(value: str, minimum: float, maximum: float, unit: Unit | None) -> Message:
    if unit is None:
        return Message("finding.outside", value=value, least=minimum, most=maximum)
    return Message("finding.outside_unit", value=value, least=minimum, most=maximum, unit=unit)


def _number(text: str, mark: str, minimum: float, maximum: float, *, may_group: bool) -> _Number:
    is_plain = _is_plain(text)
    if is_plain and (mark != "," or "." not in text) and not may_group:
        return float(text), None, False
    found = read_number(plain_text(text), mark)
    if not found:
        return np.nan, Message("finding.no_number", value=text), False
    possible = [value for value in found if minimum <= value <= maximum] or list(found[:1])
    if len(possible) == 2:
        return np.nan, Message("finding.ambiguous", value=text, one=possible[0], other=possible[1]), False
    return possible[0], None, not (is_plain and float(text) == possible[0])


def _is_plain(text: str) -> bool:
    return not text or _NUMBER.fullmatch(text) is not None
