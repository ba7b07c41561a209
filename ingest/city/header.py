"""Where a foreign table's header stands, and what its columns are called.

Title rows above it, two rows that name the columns together, names that stand twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ingest.errors import UnusableError
from ingest.register.issue import Issue
from languages.message import Message, Plain

LOOKED_AT: Final = 30  # rows in which a header is looked for
_NUMBERLIKE: Final = re.compile(r"[NSEWnsew]?\s*[+-]?\d[\d.,:°'\" ]*[NSEWnsew]?")
_SAME: Final = re.compile(r"[\W_]+")


def find_header(rows: Sequence[Sequence[str]], names: Sequence[str] = ()) -> tuple[int, ...]:
    """The rows (numbers from 0) that name the columns: one, or two where the second completes the first.

    Args:
        rows: the first of the table.
        names: of columns that the mapping uses: a row that holds more of them than the likeliest header is the header.
    """
    found = _header_by_shape(rows)
    if not found or not names:
        return found
    by_name = max(range(len(rows)), key=lambda at: n_called(names, rows[at]))  # the first of equals
    joined = _joined_names([rows[at] for at in found])
    n_found = sum(name in joined or column_called(name, joined) is not None for name in set(names))
    return (by_name,) if n_called(names, rows[by_name]) > n_found else found


def n_called(names: Iterable[str], cells: Sequence[str]) -> int:
    """How many of the names a row's cells bear, whatever the case, blanks and marks."""
    keys = {_key(cell) for cell in cells}
    return sum(_key(name) in keys for name in set(names) if name.strip())


def _header_by_shape(rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """A title fills few of the columns; the header is the first row that fills nearly as many as those below."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    if not any(filled):
        return ()
    widest = max(filled)
    first = next(at for at, n in enumerate(filled) if n)
    for at, n_filled in enumerate(filled):
        if n_filled >= max(2, 0.6 * widest) and _n_numbers(rows[at]) <= n_filled / 2:
            first = at
            break
    pair = (first, first + 1)
    if first + 1 < len(rows) and _completes(rows[first], rows[first + 1]):
        return pair
    if first and _completes(rows[first - 1], rows[first]) and filled[first - 1] >= 2:
        return (first - 1, first)
    return (first,)


def _n_numbers(row: Sequence[str]) -> int:
    return sum(_NUMBERLIKE.fullmatch(cell.strip()) is not None for cell in row if cell.strip())


def _completes(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """Whether a row names what the one above it leaves open: parts of a group, units; and nothing of it is data."""
    upper = [*upper, *[""] * (len(lower) - len(upper))]
    cells = [cell.strip() for cell in lower]
    is_group = any(not above.strip() and below for above, below in zip(upper[1:], cells[1:], strict=False))
    has_hole = any(above.strip() and not below for above, below in zip(upper, cells, strict=False))
    return is_group and has_hole and not any(any(c.isdigit() for c in cell) for cell in cells)


def names_of(rows: Sequence[Sequence[str]], file: str, line: int, issues: list[Issue]) -> list[str]:
    """Unique column names out of one header row, or of several that are put together: ``Koordinat Lintang``.

    Raises:
        UnusableError: no column has a name.
    """
    names = _joined_names(rows)
    if not any(names):
        raise UnusableError(Message("terminal.error.no_header_row", file=Plain(file)))
    taken: set[str] = set()
    n_so_far: dict[str, int] = {}
    for at, name in enumerate(names):
        unique, n_same = name, n_so_far.get(name, 1)
        while unique and unique in taken:
            n_same += 1
            unique = f"{name} ({n_same})"
        n_so_far[name] = n_same
        if unique != name:
            reason = Message("finding.doubled_name", n=n_same, name=unique)
            issues.append(Issue(file, line, name, reason, is_refused=False))
        names[at] = unique
        taken.add(unique)
    return names


def _joined_names(rows: Sequence[Sequence[str]]) -> list[str]:
    width = max(map(len, rows), default=0)
    padded = [[" ".join(cell.replace("\0", "").split()) for cell in row] + [""] * (width - len(row)) for row in rows]
    for upper in padded[:-1]:  # a group's name is in its first column alone
        for at in range(1, width):
            if not upper[at] and padded[-1][at]:
                upper[at] = upper[at - 1]
    return [" ".join(dict.fromkeys(part for part in parts if part)) for parts in zip(*padded, strict=True)]


def column_called(name: str, columns: Iterable[str]) -> str | None:
    """The column that a mapping means: its name, or the only one that differs by case, blanks and marks, or ends so."""
    all_columns = list(columns)
    if name in all_columns:
        return name
    wanted = _key(name)
    keys = [(column, _key(column)) for column in all_columns]
    for found in (
        [column for column, key in keys if key == wanted],
        [column for column, key in keys if wanted and key.split()[-1:] == [wanted]],
    ):
        if len(found) == 1:
            return found[0]
    parts = [column for column in all_columns if name in column.split(" ")]
    return parts[0] if len(parts) == 1 else None


def with_aliases(columns: Mapping[str, Sequence[str]], names: Iterable[str]) -> dict[str, str]:
    """The columns meant by a mapping's names, where they are not the columns' own."""
    return {
        name: found for name in names if name not in columns and (found := column_called(name, columns)) is not None
    }


def _key(name: str) -> str:
    folded = name.casefold()
    return " ".join(_SAME.sub(" ", folded).split()) or folded.strip()  # "№" and "#" are names too
