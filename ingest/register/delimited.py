"""Delimited text as columns: whatever a city's spreadsheet wrote as "CSV".

Pure: bytes in, columns of text out. Takes a byte-order mark, UTF-16, cp1252 where it is no UTF-8, commas, semicolons,
tabs and pipes; every row of the file is answered for once, as a row of the columns or as an issue.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from ingest.errors import UnusableError
from ingest.register.issue import Issue
from languages.message import Message, Plain

MAX_FIELD: Final = 4096  # characters; no property of a street light is longer
MAX_COLUMNS: Final = 1000
_MAX_FIELDS: Final = 16_384  # of a row: a spreadsheet's width, which some write out with separators
_MAX_LINE: Final = 4 << 20  # characters; what a longer line holds is not even split
DELIMITERS: Final = (",", ";", "\t", "|")
_MOST_LINES: Final = 30  # of one row; a quote that is open for longer is a stray one
_BOM: Final = "\ufeff"
_TOO_LARGE: Final = "field larger than field limit"  # of the reader's words
_CHUNK: Final = 10_000  # rows
_MOST_WORDS: Final = 20_000  # different texts of a column that are kept once each

Row = tuple[int, "list[str] | Message"]
"""A row's line, and its values or the reason why it cannot be read."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table of text.

    Attributes:
        file: the name that issues carry.
        columns: header -> values, all of the length of `lines`, without surrounding blanks.
        lines: where each row begins.
        issues: rows that are not among the columns (refused), and what was mended in reading.
        n_rows: rows of the source, refused ones included; blank lines are no rows.
        exact: columns whose numbers the source kept as numbers, so that their point is a decimal one.
        is_cut: the last row ends in mid-air: the file was not written to its end.
    """

    file: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    issues: tuple[Issue, ...]
    n_rows: int
    exact: frozenset[str] = frozenset()
    is_cut: bool = False


def read_delimited(content: bytes, file: str) -> TextTable:
    """Parse delimited text with a header row, as a city's own files are.

    Raises:
        UnusableError: there is no header, or it names a column twice.
    """
    issues: list[Issue] = []
    encoding = _encoding(content, file, issues)
    lines = text_lines(content, encoding)
    head, start = "", 0
    for head in lines:
        if head.strip():
            break
        start += 1
    delimiter = _delimiter(head)
    rows = split_rows(chain((head,), lines), delimiter, start)
    header = _header(next(rows, (start, []))[1], file)
    table = table_of_rows(file, header, rows, issues)
    is_last_refused = bool(issues) and issues[-1].is_refused and issues[-1].line > max(table.lines, default=0)
    # an export that was copied halfway ends within a row: without the line's end, or with too few fields
    is_cut = bool(content) and (not content.rstrip(b"\0").endswith((b"\n", b"\r")) or is_last_refused)
    return TextTable(table.file, table.columns, table.lines, table.issues, table.n_rows, is_cut=is_cut)


def text_lines(content: bytes, encoding: str) -> Iterator[str]:
    """The lines of a text, their ends kept; bytes that the encoding does not know become U+FFFD.

    Byte-order marks are left out wherever they stand: files that were joined have one in the middle.
    """
    text = io.TextIOWrapper(io.BytesIO(content), encoding, errors="replace", newline="")
    lines = _cut_lines(text) if _may_have_long_line(content) else iter(text)
    if encoding.startswith("utf-8") and content.find(codecs.BOM_UTF8, 1) < 0:
        return lines
    return (line.replace(_BOM, "") for line in lines)


def _may_have_long_line(content: bytes) -> bool:
    """Whether some line may be longer than is read: then it covers a whole block of half that length."""
    block = _MAX_LINE // 2
    starts = range(0, len(content) - block + 1, block)
    return any(max(content.rfind(end, at, at + block) for end in (b"\n", b"\r")) < 0 for at in starts)


def _cut_lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines of which those that are too long end in a null character, for which their row is refused."""
    while line := text.readline(_MAX_LINE):
        if len(line) < _MAX_LINE or line.endswith(("\n", "\r")):
            yield line
            continue
        while (rest := text.readline(_MAX_LINE)) and not rest.endswith(("\n", "\r")):
            pass
        yield line + "\0\n"


def table_of_rows(
    file: str, header: Sequence[str], rows: Iterable[Row], issues: list[Issue], exact: frozenset[str] = frozenset()
) -> TextTable:
    """Put rows into columns; a row given as a message is refused with that reason.

    Args:
        file: the name that issues carry.
        header: unique column names; "" for columns without one, which are left out.
        rows: (line, values) each; blank rows are passed over.
        issues: what was found so far; more are added to it.
        exact: see `TextTable`.
    """
    columns: list[list[str]] = [[] for _ in header]
    words: list[dict[str, str]] = [{} for _ in header]
    chunk: list[list[str]] = []
    lines: list[int] = []
    n_refused = 0

    def put() -> None:
        for column, known, values in zip(columns, words, zip(*chunk, strict=True), strict=True):
            stripped = map(str.strip, values)
            if len(known) < _MOST_WORDS:  # a city has few streets and technologies: one object for each
                column.extend([known.setdefault(value, value) for value in stripped])
            else:
                column.extend(stripped)
        chunk.clear()

    n_columns = len(header)
    for line, row in rows:
        reason = row if isinstance(row, Message) else _reason_to_refuse(row, header)
        if reason is not None:
            n_refused += 1
            issues.append(Issue(file, line, "", reason, is_refused=True))
        elif isinstance(row, list) and any(row):
            chunk.append(row if len(row) == n_columns else row[:n_columns])
            lines.append(line)
            if len(chunk) >= _CHUNK:
                put()
    if chunk:
        put()
    named = {name: column for name, column in zip(header, columns, strict=True) if name}
    return TextTable(file, named, lines, tuple(issues), len(lines) + n_refused, exact)


def _reason_to_refuse(row: list[str], header: Sequence[str]) -> Message | None:
    if len(row) != len(header):
        if not any(map(str.strip, row)):
            row.clear()
            return None
        # trailing separators are what spreadsheets leave behind; anything else has slipped out of its column
        if len(row) < len(header) or any(map(str.strip, row[len(header) :])):
            return Message("finding.n_fields", n=len(row), n_header=len(header))
    joined = "".join(row)
    if "\0" in joined:
        return Message("finding.null_byte")
    if len(joined) > MAX_FIELD and max(map(len, row)) > MAX_FIELD:
        return Message("finding.long_field", n=max(map(len, row)))
    if not joined.strip():
        row.clear()
    return None


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


def _encoding(content: bytes, file: str, issues: list[Issue]) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"  # Excel's "Unicode text"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        issues.append(Issue(file, line, "", Message("finding.not_utf8"), is_refused=False))
        return "cp1252"
    return "utf-8-sig"


def _delimiter(head: str) -> str:
    """The separator that the header uses most, outside of quotes."""
    outside = "".join(head.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _header(row: list[str] | Message, file: str) -> list[str]:
    header = [] if isinstance(row, Message) else [" ".join(name.replace("\0", "").split()) for name in row]
    if not any(header):
        raise UnusableError(Message("terminal.error.no_header", file=Plain(file)))
    check_width(header, file)
    for name, n in Counter(header).items():
        if name and n > 1:
            raise UnusableError(Message("terminal.error.doubled_column", file=Plain(file), column=Plain(name)))
    return header


def check_width(names: Sequence[str], file: str) -> None:
    """Refuse a table with more named columns than any register has.

    Raises:
        UnusableError: it has.
    """
    if (n := sum(map(bool, names))) > MAX_COLUMNS:
        raise UnusableError(Message("terminal.error.many_columns", file=Plain(file), n=n, most=MAX_COLUMNS))
