"""An import from beginning to end: a foreign register in, folder and database replaced, or nothing at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingest.city.cable import with_positions
from ingest.city.mapping import ImportMap, Rule
from ingest.city.places import far_from_the_rest, with_degrees
from ingest.city.source import GEOMETRY_X, GEOMETRY_Y, Source, read_source
from ingest.city.translation import Translation, rules_for, translate, with_ids
from ingest.errors import UnusableError
from ingest.register.check import CABINET_COLUMNS, LAMP_COLUMNS, check_cabinets, check_lamps, keep_cabinets
from ingest.register.csv_pair import cabinets_csv, discard, lamps_csv, publish, stage
from ingest.register.database_table import store_register
from ingest.register.delimited import TextTable
from ingest.register.fields import Fields
from ingest.register.issue import Issue
from ingest.register.register import UNKNOWN_INT, Cabinets, Lamps
from ingest.register.sync import read_city_files

STEPS: Final = ("read", "translate", "check", "order", "write")
Advance = Callable[[str, int], None]
"""Called with a step of `STEPS` and how many of its rows are done now."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A register as an import would make it.

    Attributes:
        lamps, cabinets: those that were taken.
        issues: everything that was refused or mended, in line order.
        n_rows: lamps' rows in the source.
        n_named: lamps that got an id.
        n_estimated: positions that were estimated.
    """

    lamps: Lamps
    cabinets: Cabinets
    issues: tuple[Issue, ...]
    n_rows: int
    n_named: int
    n_estimated: int

    @property
    def n_refused(self) -> int:
        """Rows left out."""
        return self.n_rows - len(self.lamps)

    @property
    def n_mended(self) -> int:
        """Rows taken with at least one value mended or left empty."""
        return len({(issue.file, issue.line) for issue in self.issues if issue.line and not issue.is_refused})


def draft_register(path: Path, mapping: ImportMap, advance: Advance) -> Draft:
    """Read a source through a mapping; writes nothing.

    Raises:
        UnusableError: the source or the mapping cannot be used.
    """
    source = read_source(path, mapping.source.sheet)
    n_rows = len(source.table.lines)
    advance("read", n_rows)
    translation = _translated(source, mapping)
    advance("translate", n_rows)
    cabinets, cabinet_issues, n_listed = _cabinets(translation, source, mapping)
    fields = Fields(translation.table, translation.names)
    lamps = check_lamps(fields, cabinets)
    if not source.table.n_rows:
        raise UnusableError(f"{path}: holds no row below its header; nothing changed")
    if not len(lamps):
        raise UnusableError(f"{path}: not one row can be taken; the first: {_first(fields.issues)}")
    lamps, cabinets = _without_idle(lamps, cabinets, n_listed)
    advance("check", n_rows)
    lamps, n_estimated = with_positions(lamps, cabinets, lambda n: advance("order", n))
    issues = sorted([*cabinet_issues, *fields.issues, *_far(lamps, fields)], key=lambda issue: (issue.file, issue.line))
    n_named = sum(lamp_id.startswith("row-") for lamp_id in lamps.lamp_id)
    return Draft(lamps, cabinets, tuple(issues), source.table.n_rows, n_named, n_estimated)


def apply_draft(draft: Draft, folder: Path, engine: Engine, source: Path) -> int:
    """Replace the folder's files and the database's register.

    Returns:
        The register's new version.

    Raises:
        UnusableError: the folder or the database refused; both hold what they held.
    """
    try:
        new = stage(folder, lamps_csv(draft.lamps), cabinets_csv(draft.cabinets))
        try:
            register, _issues = read_city_files(new, is_strict=True)  # what counts is what every later start reads
            version = store_register(engine, register, source.name)
            # from here on the files follow: should that fail, the next start makes the database follow the old files
            publish(folder)
        except BaseException:
            discard(folder)
            raise
    except OSError as error:
        raise UnusableError(f"{error.filename or folder}: {error.strerror or error}") from error
    except SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise UnusableError(f"the database refused the register: {reason}") from error
    return version


def _first(issues: tuple[Issue, ...] | list[Issue]) -> str:
    return str(next((issue for issue in issues if issue.is_refused), "nothing told"))


def _translated(source: Source, mapping: ImportMap) -> Translation:
    rules = rules_for(mapping.lamp, source.table, (GEOMETRY_X, GEOMETRY_Y))
    translation = translate(source.table, rules, LAMP_COLUMNS, mapping.source.keep)
    # named after the place on earth, so that a city's CSV and its GeoJSON give a nameless lamp the same id
    return with_ids(with_degrees(translation, source.crs or mapping.source.crs))


def _cabinets(translation: Translation, source: Source, mapping: ImportMap) -> tuple[Cabinets, list[Issue], int]:
    """Cabinets of their own file, if the mapping names one, then those that only lamps name; and how many it lists."""
    listed: Fields | None = None
    if mapping.cabinet_file is not None:
        own = read_source(mapping.cabinet_file)
        rules = rules_for(mapping.cabinet, own.table, (GEOMETRY_X, GEOMETRY_Y))
        cabinet_map = translate(own.table, rules, CABINET_COLUMNS, "all")
        if {"latitude", "longitude"} <= cabinet_map.table.columns.keys():
            cabinet_map = with_degrees(cabinet_map, own.crs or mapping.source.crs)
        listed = Fields(cabinet_map.table, cabinet_map.names)
    known = check_cabinets(listed) if listed else None
    wanted = _spoken_of(translation, source, mapping, known)
    fields = Fields(wanted, {})
    spoken = check_cabinets(fields)
    # a lamp whose cabinet cannot be taken says so itself, in its own row
    issues = [*(listed.issues if listed else []), *(issue for issue in fields.issues if not issue.is_refused)]
    return (spoken, issues, 0) if known is None else (_joined(known, spoken), issues, len(known))


def _without_idle(lamps: Lamps, cabinets: Cabinets, n_listed: int) -> tuple[Lamps, Cabinets]:
    """Leave out cabinets that no file lists and no taken lamp names: a refused row alone spoke of them."""
    is_kept = np.bincount(lamps.cabinet[lamps.cabinet >= 0], minlength=len(cabinets)) > 0
    is_kept[:n_listed] = True
    if is_kept.all():
        return lamps, cabinets
    new_row = np.append(np.cumsum(is_kept) - 1, UNKNOWN_INT).astype(np.int32)  # -1 stays -1
    return replace(lamps, cabinet=new_row[lamps.cabinet]), keep_cabinets(cabinets, is_kept)


def _spoken_of(translation: Translation, source: Source, mapping: ImportMap, known: Cabinets | None) -> TextTable:
    """A table of the cabinets that the lamps' rows name, each with the most common value of its lamps' rows."""
    ids = translation.table.columns.get("cabinet_id", ())
    listed = set(known.cabinet_id) if known is not None else set()
    rows_of: dict[str, list[int]] = {}
    for row, cabinet_id in enumerate(ids):
        if cabinet_id and cabinet_id not in listed:
            rows_of.setdefault(cabinet_id, []).append(row)
    rules: Mapping[str, Rule] = {} if mapping.cabinet_file is not None else mapping.cabinet
    own = {field: rule for field, rule in rules.items() if field != "cabinet_id"}
    filled = translate(replace(source.table, issues=()), own, (), "none").table
    columns = {
        field: [_most_common(values, rows) for rows in rows_of.values()] for field, values in filled.columns.items()
    }
    columns["cabinet_id"] = list(rows_of)
    lines = [source.table.lines[rows[0]] for rows in rows_of.values()]
    return TextTable(source.table.file, columns, lines, (), len(lines))


def _most_common(values: Sequence[str], rows: list[int]) -> str:
    counted = Counter(values[row] for row in rows if values[row])
    return counted.most_common(1)[0][0] if counted else ""


def _joined(first: Cabinets, second: Cabinets) -> Cabinets:
    joined: dict[str, Any] = {}
    for name in first.__dataclass_fields__:
        one, two = getattr(first, name), getattr(second, name)
        joined[name] = np.concatenate((one, two)) if isinstance(one, np.ndarray) else [*one, *two]
    return Cabinets(**joined)


def _far(lamps: Lamps, fields: Fields) -> list[Issue]:
    rows = np.flatnonzero(~fields.is_refused)
    return [
        Issue(
            fields.table.file,
            int(fields.table.lines[rows[at]]),
            "",
            "stands far from all other lamps; check its place",
            False,
        )
        for at in np.flatnonzero(far_from_the_rest(lamps.latitude, lamps.longitude)).tolist()
    ]
