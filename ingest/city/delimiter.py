"""Which character separates the fields of a delimited text. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ingest.city.header import n_called
from ingest.register.csv_rows import split_rows
from ingest.register.delimited import DELIMITERS
from languages.message import Message


def likely_delimiter(lines: Sequence[str], names: Sequence[str] = ()) -> str:
    """The separator under which most of the mapping's ``names`` head a column; else the best fit to the lines."""
    ranked = sorted(DELIMITERS, key=lambda mark: _evenness(lines, mark), reverse=True)
    if not names:
        return ranked[0]
    return max(ranked, key=lambda mark: _headed(lines, mark, names))  # the first of equals


def _evenness(lines: Sequence[str], mark: str) -> tuple[int, int, int]:
    """How well a separator explains the lines from the header on: each holds it, and none more often than the header.

    Lines above the header are titles. Rows that end early lack separators; a decimal comma is in no header.
    """
    counts = [_n_marks(line, mark) for line in lines if line.strip()]
    usual = Counter(filter(None, counts))
    if not usual:
        return -len(counts), 0, 0
    mode, n_usual = max(usual.items(), key=lambda item: (item[1], item[0]))
    start = next(at for at, n in enumerate(counts) if n >= 0.6 * mode)
    width = max(counts[start], mode)
    n_explained = sum(1 if 0 < n <= width else -1 for n in counts[start:])
    return n_explained, n_usual, mode


def _headed(lines: Sequence[str], mark: str, names: Sequence[str]) -> tuple[int, int]:
    """How many of the names are in one row, and how many rows below have no more fields than that one."""
    rows = [row for _line, row in split_rows(iter(lines), mark) if not isinstance(row, Message)]
    if not rows:
        return 0, 0
    at = max(range(len(rows)), key=lambda row: n_called(names, rows[row]))  # the first of equals
    return n_called(names, rows[at]), sum(len(row) <= len(rows[at]) for row in rows[at:])


def mark_counts(lines: Sequence[str], mark: str) -> Counter[int]:
    """How many lines hold a separator how often, outside of quotes."""
    return Counter(n for line in lines if (n := _n_marks(line, mark)))


def _n_marks(line: str, mark: str) -> int:
    return "".join(line.split('"')[::2]).count(mark)
