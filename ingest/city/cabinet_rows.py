"""The cabinets of an import: from their own file or rows, else from what the lamps' rows say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ingest.city.chosen_system import chosen_system
from ingest.city.mapping import ImportMap, Rule, SourceSection
from ingest.city.places import with_degrees
from ingest.city.row_filter import rows_of, rows_where
from ingest.city.rows_above import filled_down
from ingest.city.source import read_source
from ingest.city.source_table import GEOMETRY_X, GEOMETRY_Y, Source
from ingest.city.translation import Translation, rules_for, translate
from ingest.errors import UnusableError
from ingest.register.check import CABINET_COLUMNS, keep_cabinets
from ingest.register.fields import Fields
from ingest.register.register import UNKNOWN_INT, Cabinets, Lamps
from ingest.register.text_table import TextTable
from languages.message import Message, why


def listed_cabinets(whole: Source, path: Path, mapping: ImportMap, crs: str, o_side: int) -> Fields | None:
    """Cabinets of their own file, or of their own rows of the same table; None where only lamps speak of them.

    Args:
        whole: the lamps' source.
        path: its file.
        mapping: which column means what.
        crs: the system that the lamps are read in.
        o_side: what the letter O means, see `ingest.city.angles`.
    """
    if mapping.has_cabinet_file:
        section = mapping.cabinet_source or SourceSection()
        try:
            own = read_source(_cabinet_path(mapping.cabinet_file, path), mapping.cabinet_reading())
        except UnusableError as error:
            raise UnusableError(Message("terminal.error.cabinet_source", reason=why(error))) from error
        own_crs, _remark = chosen_system(section.crs or mapping.source.crs, own)
        own = replace(own, table=filled_down(own.table, section.fill_down))
        own = replace(own, table=rows_of(own.table, rows_where(own.table, section.where, "cabinet_source")))
    elif mapping.cabinet_where is not None:
        own, own_crs = whole, crs
    else:
        return None
    table = rows_of(own.table, rows_where(own.table, mapping.cabinet_where or (), "cabinet"))
    if own is whole:
        table = replace(table, issues=())  # reported once, with the lamps
    rules = rules_for(mapping.cabinet, table, (GEOMETRY_X, GEOMETRY_Y))
    keep = "all" if own is not whole else mapping.source.keep
    cabinet_map = translate(table, rules, CABINET_COLUMNS, keep)
    if {"latitude", "longitude"} <= cabinet_map.table.columns.keys():
        cabinet_map = with_degrees(cabinet_map, own_crs, o_side)
    return Fields(cabinet_map.table, cabinet_map.names)


def _cabinet_path(named: Path | None, source: Path) -> Path:
    """The cabinets' file: the lamps' own where none is named; beside the mapping, or else beside the lamps' file."""
    if named is None:
        return source
    beside = source.parent / named.name
    return beside if not named.exists() and beside.is_file() else named


def without_idle(lamps: Lamps, cabinets: Cabinets, n_listed: int) -> tuple[Lamps, Cabinets]:
    """Leave out cabinets that no file lists and no accepted lamp names: only refused rows named them."""
    is_kept = np.bincount(lamps.cabinet[lamps.cabinet >= 0], minlength=len(cabinets)) > 0
    is_kept[:n_listed] = True
    if is_kept.all():
        return lamps, cabinets
    new_row = np.append(np.cumsum(is_kept) - 1, UNKNOWN_INT).astype(np.int32)  # -1 stays -1
    return replace(lamps, cabinet=new_row[lamps.cabinet]), keep_cabinets(cabinets, is_kept)


def named_cabinets(translation: Translation, table: TextTable, mapping: ImportMap, known: Cabinets | None) -> TextTable:
    """A table of the cabinets that the lamps' rows name, each with the most common value of its lamps' rows."""
    ids = translation.table.columns.get("cabinet_id", ())
    listed = set(known.cabinet_id) if known is not None else set()
    members: dict[str, list[int]] = {}
    for row, cabinet_id in enumerate(ids):
        if cabinet_id and cabinet_id not in listed:
            members.setdefault(cabinet_id, []).append(row)
    rules: Mapping[str, Rule] = {} if known is not None else mapping.cabinet
    own = {field: rule for field, rule in rules.items() if field != "cabinet_id"}
    filled = translate(replace(table, issues=()), own, (), "none").table
    columns = {
        field: [_most_common(values, rows) for rows in members.values()] for field, values in filled.columns.items()
    }
    columns["cabinet_id"] = list(members)
    lines = [table.lines[rows[0]] for rows in members.values()]
    return TextTable(table.file, columns, lines, (), len(lines))


def _most_common(values: Sequence[str], rows: list[int]) -> str:
    counted = Counter(values[row] for row in rows if values[row])
    return counted.most_common(1)[0][0] if counted else ""


def joined(first: Cabinets, second: Cabinets) -> Cabinets:
    """The rows of both tables."""
    joined: dict[str, Any] = {}
    for name in first.__dataclass_fields__:
        one, two = getattr(first, name), getattr(second, name)
        joined[name] = np.concatenate((one, two)) if isinstance(one, np.ndarray) else [*one, *two]
    return Cabinets(**joined)
