"""Cells that mean "as in the row above": empty ones of columns that the mapping names, and ditto marks of any column.

Pure. Department's lists name a cabinet or a street once, and leave it out, or write 〃, in the rows that follow.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ingest.city.header import column_called
from ingest.city.vocabulary import is_ditto
from ingest.errors import UnusableError
from ingest.register.issue import Issue, listed
from ingest.register.text_table import TextTable
from languages.message import Message, Plain

_MOST_DIFFERENT: Final = 20_000  # values of a column in which ditto marks are looked for
_MOST_FILLED: Final = 0.5  # share of rows in which a column that is filled down has a value of its own


def filled_down(table: TextTable, names: Sequence[str]) -> TextTable:
    """The table with the values of the rows above where cells mean them; how many is reported.

    Below a row that could not be read nobody knows what the empty cells mean: they stay empty up to the next value.

    Raises:
        UnusableError: a name is of no column.
    """
    wanted = {_column(name, table) for name in names}
    refused = sorted(issue.line for issue in table.issues if issue.is_refused and issue.line)
    columns = dict(table.columns)
    issues = list(table.issues)
    for name, values in table.columns.items():
        is_wanted = name in wanted
        if not is_wanted and not _has_ditto(values):
            continue
        columns[name], n_filled, n_lost = _filled(values, table.lines, refused, is_wanted=is_wanted)
        if n_filled:
            reason = Message("finding.filled_down", n=n_filled)
            issues.append(Issue(table.file, 0, name, reason, is_refused=False))
        if n_lost:
            reason = Message("finding.not_filled_down", n=n_lost)
            issues.append(Issue(table.file, 0, name, reason, is_refused=False))
    return table if columns == table.columns else replace(table, columns=columns, issues=tuple(issues))


def _has_ditto(values: Sequence[str]) -> bool:
    different = set(values)  # where all differ nothing is repeated
    return len(different) <= _MOST_DIFFERENT and any(map(is_ditto, different))


def _column(name: str, table: TextTable) -> str:
    column = column_called(name, table.columns)
    if column is None:
        file, has = Plain(table.file), listed(table.columns)
        raise UnusableError(Message("terminal.error.no_fill_down_column", file=file, column=name, columns=has))
    return column


def _filled(
    values: Sequence[str], lines: Sequence[int], refused: Sequence[int], *, is_wanted: bool
) -> tuple[list[str], int, int]:
    filled = []
    above, line_above = "", 0
    n_filled = n_lost = 0
    for value, line in zip(values, lines, strict=True):
        if value and not is_ditto(value):
            above, line_above = value, line
        elif value or is_wanted:
            if bisect_left(refused, line_above) < bisect_left(refused, line):  # an unread row stands between
                above = ""
                n_lost += 1
            n_filled += bool(above)
            value = above  # noqa: PLW2901  # what the cell means
        filled.append(value)
    return filled, n_filled, n_lost


def looks_filled_down(values: Sequence[str]) -> bool:
    """Whether a column names its value in the first row of each group alone."""
    n_own = sum(map(bool, values))
    return len(values) > 2 and bool(values[0]) and 0 < n_own < _MOST_FILLED * len(values)
