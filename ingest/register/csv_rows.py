"""Splits lines of delimited text into rows; a quote that never closes costs one row, not the rest of the file. Pure."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final

from languages.message import Message

MAX_FIELD: Final = 4096  # characters; no property of a street light is longer
_MAX_FIELDS: Final = 16_384  # of a row: a spreadsheet's width, which some write out with separators
_MOST_LINES: Final = 30  # of one row; a quote that is open for longer is a stray one
_TOO_LARGE: Final = "field larger than field limit"  # of the reader's words
_CHUNK: Final = 10_000  # lines that are looked at together

Row = tuple[int, "list[str] | Message"]
"""A row's line, and its values or the reason why it cannot be read."""


class _StrayQuoteError(Exception):
    """A quote is open over lines that are rows of their own."""


class _Lines:
    """Lines for a CSV reader, those of the row that is being read kept, so that they can be read again."""

    def __init__(self, lines: Iterator[str], delimiter: str, start: int) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self._n_characters = 0
        self.number = start  # of lines handed out, from 0
        self.n_columns = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        self._row.append(line)
        self._n_characters += len(line)
        if len(self._row) > 1:
            is_row = self.n_columns > 2 and line.count(self._delimiter) >= self.n_columns - 1
            if is_row or len(self._row) > _MOST_LINES or self._n_characters > 16 * MAX_FIELD:
                raise _StrayQuoteError
        return line

    def begin_row(self) -> int:
        """Forget the last row's lines; returns the number of the next line."""
        self._row.clear()
        self._n_characters = 0
        return self.number

    @property
    def n_lines(self) -> int:
        """Lines that the row took so far."""
        return len(self._row)

    def read_again(self) -> None:
        """Hand out the row's lines but the first once more."""
        self._again.extendleft(reversed(self._row[1:]))
        self.number -= len(self._row) - 1


def split_rows(lines: Iterator[str], delimiter: str, start: int = 0, n_columns: int = 0) -> Iterator[Row]:
    """Rows with the line that each begins on, from 1; a quote that never closes costs its own line alone.

    Args:
        lines: with their ends.
        delimiter: one character.
        start: lines before the first.
        n_columns: of most rows, 0 = as many as the first row has.
    """
    block: list[str] = []
    while block := list(islice(lines, _CHUNK)):
        if (
            '"' in (text := "".join(block))
            or len(text) > _CHUNK * MAX_FIELD
            or max(map(len, block)) > csv.field_size_limit()
        ):
            break
        for number, values in enumerate(csv.reader(block, delimiter=delimiter), start=start + 1):
            yield number, values if len(values) <= _MAX_FIELDS else _too_many(values)
            n_columns = n_columns or len(values)
        start += len(block)
    yield from _quoted_rows(chain(block, lines), delimiter, start, n_columns)


def _quoted_rows(lines: Iterator[str], delimiter: str, start: int, n_columns: int) -> Iterator[Row]:
    """`split_rows` where fields may be quoted: a row may go over several lines, a stray quote must not swallow any."""
    source = _Lines(lines, delimiter, start)
    source.n_columns = n_columns
    reader = csv.reader(source, delimiter=delimiter)
    while True:
        begin = source.begin_row()
        reason = Message("finding.open_quote")
        try:
            row = next(reader, None)
            is_broken = False
        except (csv.Error, _StrayQuoteError) as error:
            row = []
            is_broken = True
            if _TOO_LARGE in str(error):
                reason = Message("finding.longer_field", n=csv.field_size_limit())
        if row is None:
            return
        source.n_columns = source.n_columns or len(row)
        if source.n_lines > 1 and not is_broken:
            is_broken = len(row) != source.n_columns
        if is_broken:
            yield begin + 1, reason
            source.read_again()
            reader = csv.reader(source, delimiter=delimiter)
        else:
            yield begin + 1, row if len(row) <= _MAX_FIELDS else _too_many(row)


def _too_many(row: list[str]) -> Message:
    return Message("finding.many_fields", n=len(row), most=_MAX_FIELDS)
