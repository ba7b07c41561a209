"""Findings about accepted lamps beside each other: far places, ids that differ by case, identical places. Pure.

Each function takes the accepted lamps and the fields of all rows, and returns one `Issue` for each lamp that a person
should check; no row is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np

from ingest.city.extent import shared_points
from ingest.city.header import column_called
from ingest.city.places import far_from_the_rest
from ingest.city.vocabulary import says_removed
from ingest.register.fields import Fields
from ingest.register.issue import Issue
from ingest.register.register import Lamps
from ingest.register.text_table import TextTable
from languages.message import Message, Plain, shown

_MOST_STATES: Final = 500  # different values of a column that may hold states or remarks


def far_lamps(lamps: Lamps, fields: Fields) -> list[Issue]:
    """Report lamps far from all other lamps."""
    rows = np.flatnonzero(~fields.is_refused)
    return [
        Issue(fields.table.file, int(fields.table.lines[rows[at]]), "", Message("finding.far"), is_refused=False)
        for at in np.flatnonzero(far_from_the_rest(lamps.latitude, lamps.longitude)).tolist()
    ]


def alike_ids(lamps: Lamps, fields: Fields, column: str) -> list[Issue]:
    """Report lamps whose ids differ by case alone: two lamps, or one that was typed twice."""
    folded = [lamp_id.casefold() for lamp_id in lamps.lamp_id]
    if len(set(folded)) == len(folded):
        return []
    rows = np.flatnonzero(~fields.is_refused)
    first: dict[str, int] = {}
    found = []
    for at, key in enumerate(folded):
        other = first.setdefault(key, at)
        if other != at:
            line, other_line = (int(fields.table.lines[rows[row]]) for row in (at, other))
            name, other_name = lamps.lamp_id[at], lamps.lamp_id[other]
            reason = Message("finding.alike", value=name, other=other_name, line=other_line)
            found.append(Issue(fields.table.file, line, column, reason, is_refused=False))
    return found


def shared_places(lamps: Lamps, fields: Fields) -> list[Issue]:
    """Report lamps at one identical point: twin lamps of a pole, or a place that represents many."""
    rows = np.flatnonzero(~fields.is_refused)
    lines = fields.table.lines
    found = []
    for first, others in shared_points(lamps):
        more = ", ".join(str(lines[rows[row]]) for row in others[:5]) + (" …" if len(others) > 5 else "")
        reason = Message("finding.shared_point", n=len(others) + 1, lines=Plain(more))
        found.append(Issue(fields.table.file, int(lines[rows[first]]), "", reason, is_refused=False))
    return found


def taken_down(table: TextTable, filtered: Sequence[str], refused: AbstractSet[int]) -> list[Issue]:
    """Report values that say of imported lamps that they are there no more, in columns by which nothing is left out.

    Args:
        table: the lamps' rows.
        filtered: columns by which rows are left out.
        refused: lines that are not imported.
    """
    known = {column_called(name, table.columns) for name in filtered}
    found = []
    for name, values in table.columns.items():
        if name in known:
            continue
        counts = Counter(values)
        words = {value for value in counts if says_removed(value)} if len(counts) <= _MOST_STATES else set()
        rows = (
            [at for at, value in enumerate(values) if value in words and table.lines[at] not in refused]
            if words
            else []
        )
        n_rows = len(rows)
        if n_rows:
            some = Plain(" / ".join(map(shown, list(dict.fromkeys(values[at] for at in rows))[:3])))
            reason = Message("finding.taken_down", n=n_rows, values=some)
            found.append(Issue(table.file, 0, name, reason, is_refused=False))
    return found
