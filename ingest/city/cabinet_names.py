"""Cabinets that a register writes in several ways: one name for those that differ by case and blanks alone."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from ingest.city.translation import Translation
from ingest.register.issue import Issue
from languages.message import Message


def folded(name: str) -> str:
    """What two spellings of one cabinet have in common."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def with_one_spelling(translation: Translation, known: Iterable[str] = ()) -> Translation:
    """Give each cabinet one name: that of a known cabinet, else the one that most lamps use; changes are reported."""
    table = translation.table
    names = table.columns.get("cabinet_id")
    if names is None:
        return translation
    spelled = {folded(name): name for name in known}
    for name, _n_lamps in Counter(names).most_common():
        if name:
            spelled.setdefault(folded(name), unicodedata.normalize("NFC", name))
    wanted = {name: spelled.get(folded(name), "") if name else "" for name in dict.fromkeys(names)}
    if all(name == spelling for name, spelling in wanted.items()):
        return translation
    issues = list(table.issues)
    column = translation.names.get("cabinet_id", "cabinet_id")
    for row, name in enumerate(names):
        if wanted[name] != unicodedata.normalize("NFC", name):
            reason = Message("finding.one_spelling", value=name, cabinet=wanted[name])
            issues.append(Issue(table.file, table.lines[row], column, reason, is_refused=False))
    columns = {**table.columns, "cabinet_id": [wanted[name] for name in names]}
    return replace(translation, table=replace(table, columns=columns, issues=tuple(issues)))
