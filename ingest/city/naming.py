"""Ids for lamps that have none, and for several lamps that a register lists under one pole's number."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ingest.city.translation import Translation
from ingest.register.issue import Issue
from ingest.register.register import Lamps
from ingest.register.text_table import TextTable
from languages.message import Message, Plain

PREFIX: Final = "row-"
SAME_POLE_DEGREES: Final = 0.0003  # 33 m: what surveys of one pole differ by
MOVED_DEGREES: Final = 0.0003
MOST_LAMPS: Final = 12  # at one pole


def expanded(table: TextTable, column: str) -> tuple[TextTable, dict[int, int]]:
    """Rows that represent several lamps, each as often as its count says.

    Returns:
        The table, and for each added row the row that it repeats.
    """
    counts = table.columns[column]
    rows: list[int] = []
    repeats: dict[int, int] = {}
    issues = list(table.issues)
    for row, text in enumerate(counts):
        n_lamps = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 1
        if not 1 <= n_lamps <= MOST_LAMPS or (text and not text.isdigit()):
            reason = Message("finding.no_count", value=text, most=MOST_LAMPS)
            issues.append(Issue(table.file, table.lines[row], column, reason, is_refused=False))
            n_lamps = 1
        first = len(rows)
        rows += [row] * n_lamps
        repeats.update(dict.fromkeys(range(first + 1, first + n_lamps), first))
    if not repeats:
        return replace(table, issues=tuple(issues)), {}
    columns = {name: [values[row] for row in rows] for name, values in table.columns.items()}
    lines = [table.lines[row] for row in rows]
    n_rows = table.n_rows + len(rows) - len(counts)
    issues = [issue for issue in issues if issue.column != column or issue.reason.code != "finding.count_unread"]
    return replace(table, columns=columns, lines=lines, n_rows=n_rows, issues=tuple(issues)), repeats


def with_pole_suffixes(
    translation: Translation, source: TextTable, repeats: Mapping[int, int], *, are_copies_lamps: bool = False
) -> Translation:
    """Give the second and later lamps of one pole's number an id of their own: ``T-1`` and ``T-1-2``.

    Rows count as lamps of one pole if they stand within 33 m of each other and differ in something; an exact copy of a
    row, unless copies are lamps too, and one that stands elsewhere, keep their id and are refused by the check.
    """
    table = translation.table
    ids = [unicodedata.normalize("NFC", lamp_id) for lamp_id in table.columns.get("lamp_id", ())]
    taken = set(ids)
    if len(taken - {""}) == len(ids) - ids.count(""):
        return _with_ids(translation, ids, ()) if ids else translation
    latitude, longitude = table.columns["latitude"], table.columns["longitude"]
    first_row: dict[str, int] = {}
    n_at: dict[str, int] = {}
    seen: dict[str, set[tuple[str, ...]]] = {}
    issues = []
    raw = list(source.columns.values())
    for row, lamp_id in enumerate(ids):
        first = first_row.setdefault(lamp_id, row)
        if not lamp_id or first == row:
            continue
        if not _is_near(latitude[first], longitude[first], latitude[row], longitude[row]):
            continue
        known = seen.setdefault(lamp_id, {tuple(values[first] for values in raw)})
        content = tuple(values[row] for values in raw)
        if content in known and row not in repeats and not are_copies_lamps:
            continue
        known.add(content)
        n_lamps = n_at.get(lamp_id, 1) + 1
        while f"{lamp_id}-{n_lamps}" in taken:
            n_lamps += 1
        n_at[lamp_id] = n_lamps
        ids[row] = f"{lamp_id}-{n_lamps}"
        taken.add(ids[row])
        reason = Message("finding.same_pole", value=lamp_id, line=table.lines[first], name=ids[row])
        column = translation.names.get("lamp_id", "lamp_id")
        issues.append(Issue(table.file, table.lines[row], column, reason, is_refused=False))
    return _with_ids(translation, ids, issues)


def _is_near(latitude: str, longitude: str, other_latitude: str, other_longitude: str) -> bool:
    try:
        north = float(latitude) - float(other_latitude)
        east = (float(longitude) - float(other_longitude)) * math.cos(math.radians(float(latitude)))
    except ValueError:
        return False
    return math.hypot(north, east) <= SAME_POLE_DEGREES


def with_ids(translation: Translation, known: Lamps | None = None) -> Translation:
    """Give every lamp without id one from its source row: where it stands and what feeds it.

    The same row gets the same id whatever stands before it in the file; lamps of one place and cabinet are counted. A
    lamp that moved by less than 33 m since the register that is in force keeps the id that it has there.

    Args:
        translation: with degrees as coordinates.
        known: lamps of the register that is in force.
    """
    table = translation.table
    blank = [""] * len(table.lines)
    ids = list(table.columns.get("lamp_id", blank))
    parts = [table.columns.get(field, blank) for field in ("cabinet_id", "latitude", "longitude")]
    nameless = [row for row, lamp_id in enumerate(ids) if not lamp_id and parts[1][row] and parts[2][row]]
    if not nameless:
        return translation  # a row without a place is refused below anyway
    taken = set(ids)
    named: dict[int, str] = {}
    for row in nameless:
        key = "\n".join(column[row] for column in parts)
        stem = PREFIX + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:10]
        name, n_same = stem, 1
        while name in taken:
            n_same += 1
            name = f"{stem}-{n_same}"
        taken.add(name)
        named[row] = name
    moved = _moved(named, parts[1], parts[2], known, taken) if known is not None else {}
    issues = []
    column = translation.names.get("lamp_id", "lamp_id")
    for row, name in named.items():
        ids[row] = moved.get(row, name)
        code = "finding.named_as_before" if row in moved else "finding.named_by_place"
        reason = Message(code, name=Plain(ids[row]))
        issues.append(Issue(table.file, table.lines[row], column, reason, is_refused=False))
    return replace(_with_ids(translation, ids, issues), n_named=len(nameless))


def _moved(
    named: Mapping[int, str], latitude: Sequence[str], longitude: Sequence[str], known: Lamps, taken: set[str]
) -> dict[int, str]:
    """Row -> old id, for lamps that lost their place's name by moving a little; nearest pairs first, each id once."""
    gone: dict[tuple[int, int], list[tuple[float, float, str]]] = {}
    names = set(named.values())
    old = {lamp_id for lamp_id in known.lamp_id if lamp_id.startswith(PREFIX)}
    for row, lamp_id in enumerate(known.lamp_id):
        if lamp_id in old and lamp_id not in taken:
            place = float(known.latitude[row]), float(known.longitude[row])
            gone.setdefault(_cell(*place), []).append((*place, lamp_id))
    pairs = []
    for row, name in named.items():
        if name in old or not gone:
            continue
        try:
            place = float(latitude[row]), float(longitude[row])
        except ValueError:
            continue
        north, east = _cell(*place)
        shrink = math.cos(math.radians(place[0]))
        for cell in ((north + i, east + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
            for other_latitude, other_longitude, lamp_id in gone.get(cell, ()):
                away = math.hypot(place[0] - other_latitude, (place[1] - other_longitude) * shrink)
                if away <= MOVED_DEGREES:
                    pairs.append((away, row, lamp_id))
    found: dict[int, str] = {}
    used: set[str] = set()
    for _away, row, lamp_id in sorted(pairs):
        if row not in found and lamp_id not in used and lamp_id not in names:
            found[row] = lamp_id
            used.add(lamp_id)
    return found


def _cell(latitude: float, longitude: float) -> tuple[int, int]:
    size = 2 * MOVED_DEGREES  # longitudes shrink towards the poles: twice as wide is enough to 60 degrees
    return math.floor(latitude / size), math.floor(longitude / size)


def _with_ids(translation: Translation, ids: Sequence[str], issues: Sequence[Issue]) -> Translation:
    table = translation.table
    columns = {**table.columns, "lamp_id": ids}
    placed = replace(table, columns=columns, issues=(*table.issues, *issues))
    return replace(translation, table=placed)
