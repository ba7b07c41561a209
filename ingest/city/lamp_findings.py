"""Findings about accepted lamps beside each other: far places, ids that differ by case, identical places. Pure.

Each function takes the accepted lamps and the fields of all rows, and returns one `Issue` for each lamp that a person
should check; no row is refused.
"""

from __future__ import annotations

import numpy as np

from ingest.city.extent import shared_points
from ingest.city.places import far_from_the_rest
from ingest.register.fields import Fields
from ingest.register.issue import Issue
from ingest.register.register import Lamps
from languages.message import Message, Plain


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
