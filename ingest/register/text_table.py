"""A table of text: rows put into columns, those that do not fit refused with the reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.errors import UnusableError
from ingest.register.csv_rows import MAX_FIELD, Row
from ingest.register.issue import Issue
from languages.message import Message, Plain

MAX_COLUMNS: Final = 1000
_CHUNK: Final = 10_000  # rows
_MOST_WORDS: Final = 20_000  # different texts of a column that are kept once each


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


def check_width(names: Sequence[str], file: str) -> None:
    """Refuse a table with more named columns than any register has.

    Raises:
        UnusableError: it has.
    """
    if (n := sum(map(bool, names))) > MAX_COLUMNS:
        raise UnusableError(Message("terminal.error.many_columns", file=Plain(file), n=n, most=MAX_COLUMNS))
