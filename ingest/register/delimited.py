"""Delimited text as columns: whatever a city's spreadsheet wrote as "CSV".

Pure: bytes in, columns of text out. Takes a byte-order mark, UTF-16, cp1252 where it is no UTF-8, commas, semicolons,
tabs and pipes; every row of the file is answered for once, as a row of the columns or as an issue.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.errors import UnusableError
from ingest.register.issue import Issue

MAX_FIELD: Final = 4096  # characters; no property of a street light is longer
_DELIMITERS: Final = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table of text.

    Attributes:
        file: the name that issues carry.
        columns: header -> values, all of the length of `lines`, without surrounding blanks.
        lines: where each row begins.
        issues: rows that are not among the columns (refused), and what was mended in reading.
        n_rows: rows of the source, refused ones included; blank lines are no rows.
    """

    file: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    issues: tuple[Issue, ...]
    n_rows: int


def read_delimited(content: bytes, file: str) -> TextTable:
    """Parse delimited text with a header row.

    Raises:
        UnusableError: there is no header, or it names a column twice.
    """
    issues: list[Issue] = []
    physical = list(io.StringIO(_decode(content, file, issues), newline=""))
    start = next((index for index, line in enumerate(physical) if line.strip()), len(physical))
    delimiter = _delimiter(physical[start]) if start < len(physical) else ","
    records = _records(physical, start, delimiter)
    header = _header(next(records, (start, []))[1], file)
    return table_of_rows(file, header, ((index + 1, row) for index, row in records), issues)


def table_of_rows(
    file: str, header: Sequence[str], rows: Iterator[tuple[int, list[str] | str]], issues: list[Issue]
) -> TextTable:
    """Put rows into columns; a row given as a text is refused with that text as the reason.

    Args:
        file: the name that issues carry.
        header: unique column names; "" for columns without one, which are left out.
        rows: (line, values) each; blank rows are passed over.
        issues: what was found so far; more are added to it.
    """
    taken: list[list[str]] = []
    lines: list[int] = []
    n_refused = 0
    for line, row in rows:
        reason = row if isinstance(row, str) else _reason_to_refuse(row, header)
        if reason:
            n_refused += 1
            issues.append(Issue(file, line, "", reason, is_refused=True))
        elif isinstance(row, list) and any(row):
            taken.append(row[: len(header)])
            lines.append(line)
    columns = [list(map(str.strip, column)) for column in zip(*taken, strict=True)] or [[] for _ in header]
    named = {name: column for name, column in zip(header, columns, strict=True) if name}
    return TextTable(file, named, lines, tuple(issues), len(lines) + n_refused)


def _reason_to_refuse(row: list[str], header: Sequence[str]) -> str:
    if len(row) != len(header):
        if not any(map(str.strip, row)):
            row.clear()
            return ""
        # trailing separators are what spreadsheets leave behind; anything else has slipped out of its column
        if len(row) < len(header) or any(map(str.strip, row[len(header) :])):
            return f"{len(row)} fields where the header names {len(header)}"
    joined = "".join(row)
    if "\0" in joined:
        return "a null byte in the row"
    if len(joined) > MAX_FIELD and max(map(len, row)) > MAX_FIELD:
        return f"a field of {max(map(len, row))} characters"
    if not joined.strip():
        row.clear()
    return ""


def _records(physical: list[str], start: int, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Rows with the index of the line they begin on; a quote that never closes costs its own line alone."""
    n_columns = 0
    while start < len(physical):
        reader = csv.reader(iter(physical[start:]) if start else iter(physical), delimiter=delimiter)
        before = 0
        is_broken = False
        while not is_broken:
            try:
                row = next(reader, None)
            except csv.Error:  # a field beyond all measure: a stray quote has swallowed the rows after it
                row = []
                is_broken = True
            if row is None:
                return
            n_lines = reader.line_num - before
            n_columns = n_columns or len(row)
            if n_lines > 1 and not is_broken:
                inner = physical[start + before + 1 : start + reader.line_num]
                is_broken = len(row) != n_columns or _holds_rows(inner, delimiter, n_columns)
            if is_broken:
                yield start + before, "a quote opens and does not close within the row"
                start += before + 1
            else:
                yield start + before, row
                before = reader.line_num


def _holds_rows(inner: list[str], delimiter: str, n_columns: int) -> bool:
    """Whether the lines within a quoted field look like rows of their own: then the quote is a stray one."""
    return n_columns > 2 and any(line.count(delimiter) >= n_columns - 1 for line in inner)


def _decode(content: bytes, file: str, issues: list[Issue]) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")  # Excel's "Unicode text"
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        issues.append(Issue(file, line, "", "not UTF-8 from here on: the file was read as cp1252", is_refused=False))
        return content.removeprefix(codecs.BOM_UTF8).decode("cp1252", errors="replace")


def _delimiter(head: str) -> str:
    """The separator that the header uses most, outside of quotes."""
    outside = "".join(head.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


def _header(row: list[str] | str, file: str) -> list[str]:
    header = [] if isinstance(row, str) else [" ".join(name.replace("\0", "").split()) for name in row]
    if not any(header):
        raise UnusableError(f"{file}: no header: the first row has to name the columns")
    for name in header:
        if name and header.count(name) > 1:
            raise UnusableError(f"{file}:1: {name}: stands twice in the header")
    return header
