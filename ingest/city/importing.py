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

from ingest.audit_trail import Note
from ingest.city.cabinet_names import with_one_spelling
from ingest.city.cable import with_positions
from ingest.city.extent import o_side_of, place_issues, shared_points
from ingest.city.header import column_called
from ingest.city.mapping import ImportMap, Rule
from ingest.city.naming import expanded, with_ids, with_pole_suffixes
from ingest.city.places import WGS84, far_from_the_rest, system_of, with_degrees, zone_issues
from ingest.city.row_filter import rows_of, rows_where
from ingest.city.source import GEOMETRY_X, GEOMETRY_Y, Source, read_source
from ingest.city.translation import Translation, rules_for, translate
from ingest.errors import NothingTakenError, UnusableError
from ingest.register.check import CABINET_COLUMNS, LAMP_COLUMNS, check_cabinets, check_lamps, keep_cabinets
from ingest.register.csv_pair import cabinets_csv, discard, lamps_csv, publish, stage
from ingest.register.database_table import store_register
from ingest.register.delimited import TextTable
from ingest.register.fields import Fields
from ingest.register.issue import Issue, listed, shown
from ingest.register.register import UNKNOWN_INT, Cabinets, Lamps, Register, with_centroids
from ingest.register.sync import digest_of, keep_outgoing, note_applied, read_city_files
from ingest.schema.city import CABINETS_FILE, LAMPS_FILE

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
        crs: the coordinate system that the places were read in.
        n_left_out: rows of the source that ``where`` leaves out.
    """

    lamps: Lamps
    cabinets: Cabinets
    issues: tuple[Issue, ...]
    n_rows: int
    n_named: int
    n_estimated: int
    crs: str = WGS84
    n_left_out: int = 0

    @property
    def n_refused(self) -> int:
        """Rows left out."""
        return self.n_rows - len(self.lamps)

    @property
    def n_mended(self) -> int:
        """Rows taken with at least one value mended or left empty."""
        refused = {(issue.file, issue.line) for issue in self.issues if issue.is_refused}
        mended = {(issue.file, issue.line) for issue in self.issues if issue.line and not issue.is_refused}
        return len(mended - refused)


def draft_register(
    path: Path, mapping: ImportMap, advance: Advance, *, known: Register | None = None, timezone: str = ""
) -> Draft:
    """Read a source through a mapping; writes nothing.

    Args:
        path: the source.
        mapping: which column means what.
        advance: told of the progress.
        known: the register in force: nameless lamps that moved a little keep their ids, and a city elsewhere is told.
        timezone: the city's, to check where the lamps lie; "" = not checked.

    Raises:
        NothingTakenError: not one row can be taken; the error carries every row's reason.
        UnusableError: the source or the mapping cannot be used.
    """
    whole = read_source(path, mapping.reading())
    source, n_left_out = _filtered(whole, mapping)
    n_rows = len(source.table.lines)
    advance("read", n_rows)
    crs, crs_remark = chosen_system(mapping.source.crs, source)
    cabinets, cabinet_issues, n_listed, translation = _translated(
        source, whole, mapping, crs, known, o_side_of(timezone)
    )
    advance("translate", n_rows)
    fields = Fields(translation.table, translation.names)
    lamps = check_lamps(fields, cabinets)
    if not translation.table.n_rows:
        left_out = f" but {n_left_out} that 'where' leaves out" if n_left_out else ""
        raise UnusableError(f"{path}: holds no row below its header{left_out}; nothing changed")
    if not len(lamps):
        first = next((issue for issue in fields.issues if issue.is_refused), "nothing told")
        text = f"{path}: not one row can be taken; the first: {first}"
        raise NothingTakenError(text, _sorted([*cabinet_issues, *fields.issues]))
    lamps, cabinets = _without_idle(lamps, cabinets, n_listed)
    advance("check", n_rows)
    lamps, n_estimated = with_positions(lamps, cabinets, lambda n: advance("order", n))
    found = [*cabinet_issues, *fields.issues, *_far(lamps, fields), *_shared(lamps, fields)]
    found += _alike(lamps, fields, translation.names.get("lamp_id", "lamp_id"))
    found += place_issues(lamps, timezone, known.lamps if known is not None else None)
    if known is None:
        found += zone_issues(lamps, crs, timezone)
    if crs_remark:
        found.append(Issue(source.table.file, 0, "[source] crs", crs_remark, is_refused=False))
    n_rows_lamps = translation.table.n_rows
    return Draft(
        lamps, cabinets, tuple(_sorted(found)), n_rows_lamps, translation.n_named, n_estimated, crs, n_left_out
    )


def chosen_system(named: str | None, source: Source) -> tuple[str, str]:
    """The coordinate system to read a source in, and what a person should know about the choice.

    The mapping's word counts before the file's, but a vector file's points in degrees are not read as metres.
    """
    own = source.crs
    if named is None or own is None:
        return named or own or WGS84, ""
    table = source.table
    if not system_of(named).is_geographic and system_of(own).is_geographic and GEOMETRY_X in table.columns:
        x, y = (
            np.array([text or "nan" for text in table.columns[name]], np.float64) for name in (GEOMETRY_X, GEOMETRY_Y)
        )
        if len(x) and np.nanmax(np.abs(x), initial=0) <= 360 and np.nanmax(np.abs(y), initial=0) <= 90:
            return own, f"the points are degrees, as the file says: read as {own}, not as {named}"
    if system_of(named) == system_of(own):
        return named, ""
    return named, f"the file says {shown(own)}: read as {named}, as the mapping says" if source.is_own_crs else ""


def _sorted(issues: list[Issue]) -> list[Issue]:
    return sorted(issues, key=lambda issue: (issue.file, issue.line))


def _filtered(whole: Source, mapping: ImportMap) -> tuple[Source, int]:
    """The source's rows that are lamps, and how many others it has."""
    is_kept = rows_where(whole.table, mapping.source.where, "source") & rows_where(
        whole.table, mapping.lamp_where, "lamp"
    )
    return replace(whole, table=rows_of(whole.table, is_kept)), int((~is_kept).sum())


def apply_draft(draft: Draft, folder: Path, engine: Engine, source: Path, note: Note | None = None) -> int:
    """Replace the folder's files and the database's register; ``note`` writes the audit log's line.

    Returns:
        The register's new version.

    Raises:
        UnusableError: the folder or the database refused; both hold what they held.
    """
    lamps, cabinets = lamps_csv(draft.lamps), cabinets_csv(draft.cabinets)
    digest = digest_of({LAMPS_FILE: lamps, CABINETS_FILE: cabinets})
    register = Register(draft.lamps, with_centroids(draft.cabinets, draft.lamps), 0, digest)
    return replace_files(folder, engine, lamps, cabinets, source.name, register, note)


def replace_files(
    folder: Path,
    engine: Engine,
    lamps: bytes,
    cabinets: bytes,
    source: str,
    register: Register | None = None,
    note: Note | None = None,
) -> int:
    """Replace the folder's files by these and the database's register by what they say; returns its new version.

    Args:
        folder: the city's folder.
        engine: its database.
        lamps: new content of ``lamps.csv``.
        cabinets: and of ``cabinets.csv``.
        source: where they come from, for the list of kept registers.
        register: what the files say, if that is known; else they are read.
        note: writes the audit log's line inside the transaction.

    Raises:
        UnusableError: the folder or the database refused; both hold what they held.
    """
    try:
        keep_outgoing(engine, folder)
        new = stage(folder, lamps, cabinets)
        try:
            if register is None:
                register, _issues = read_city_files(new, is_strict=True)
            version = store_register(engine, register, source, note)
            # from here on the files follow: should the power go now, the next start publishes what is staged
            publish(folder)
        except BaseException:
            discard(folder)
            raise
        note_applied(folder, version, register, lamps, cabinets, source)
    except OSError as error:
        raise UnusableError(f"{error.filename or folder}: {error.strerror or error}") from error
    except SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise UnusableError(f"the database refused the register: {reason}") from error
    return version


def _translated(
    source: Source, whole: Source, mapping: ImportMap, crs: str, known: Register | None, o_side: int
) -> tuple[Cabinets, list[Issue], int, Translation]:
    """Cabinets with what is wrong with them and how many are listed, and the lamps' rows under the contract's names."""
    table = source.table
    repeats: dict[int, int] = {}
    if mapping.source.count is not None:
        column = column_called(mapping.source.count, table.columns)
        if column is None:
            has = listed(table.columns)
            raise UnusableError(f"{table.file}: [source] count: no column {shown(mapping.source.count)}; it has {has}")
        table, repeats = expanded(table, column)
    rules = rules_for(mapping.lamp, table, (GEOMETRY_X, GEOMETRY_Y))
    translation = with_degrees(translate(table, rules, LAMP_COLUMNS, mapping.source.keep), crs, o_side)
    listed_cabinets = _listed_cabinets(whole, mapping, crs, o_side)
    known_cabinets = check_cabinets(listed_cabinets) if listed_cabinets is not None else None
    translation = with_one_spelling(translation, known_cabinets.cabinet_id if known_cabinets is not None else ())
    # named after the place on earth, so that a city's CSV and its GeoJSON give a nameless lamp the same id
    translation = with_ids(with_pole_suffixes(translation, table, repeats), known.lamps if known is not None else None)
    wanted = _spoken_of(translation, table, mapping, known_cabinets)
    fields = Fields(wanted, {})
    spoken = check_cabinets(fields)
    # a lamp whose cabinet cannot be taken says so itself, in its own row
    issues = [issue for issue in fields.issues if not issue.is_refused]
    if known_cabinets is None or listed_cabinets is None:
        return spoken, issues, 0, translation
    return _joined(known_cabinets, spoken), [*listed_cabinets.issues, *issues], len(known_cabinets), translation


def _listed_cabinets(whole: Source, mapping: ImportMap, crs: str, o_side: int) -> Fields | None:
    """Cabinets of their own file, or of their own rows of the same table; None where only lamps speak of them."""
    if mapping.cabinet_file is not None:
        own = read_source(mapping.cabinet_file)
        own_crs, _remark = chosen_system(mapping.source.crs, own)
    elif mapping.cabinet_where is not None:
        own, own_crs = whole, crs
    else:
        return None
    table = rows_of(own.table, rows_where(own.table, mapping.cabinet_where or (), "cabinet"))
    if own is whole:
        table = replace(table, issues=())  # told once, with the lamps
    rules = rules_for(mapping.cabinet, table, (GEOMETRY_X, GEOMETRY_Y))
    keep = "all" if own is not whole else mapping.source.keep
    cabinet_map = translate(table, rules, CABINET_COLUMNS, keep)
    if {"latitude", "longitude"} <= cabinet_map.table.columns.keys():
        cabinet_map = with_degrees(cabinet_map, own_crs, o_side)
    return Fields(cabinet_map.table, cabinet_map.names)


def _without_idle(lamps: Lamps, cabinets: Cabinets, n_listed: int) -> tuple[Lamps, Cabinets]:
    """Leave out cabinets that no file lists and no taken lamp names: a refused row alone spoke of them."""
    is_kept = np.bincount(lamps.cabinet[lamps.cabinet >= 0], minlength=len(cabinets)) > 0
    is_kept[:n_listed] = True
    if is_kept.all():
        return lamps, cabinets
    new_row = np.append(np.cumsum(is_kept) - 1, UNKNOWN_INT).astype(np.int32)  # -1 stays -1
    return replace(lamps, cabinet=new_row[lamps.cabinet]), keep_cabinets(cabinets, is_kept)


def _spoken_of(translation: Translation, table: TextTable, mapping: ImportMap, known: Cabinets | None) -> TextTable:
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


def _alike(lamps: Lamps, fields: Fields, column: str) -> list[Issue]:
    """Tell of lamps whose ids differ by case alone: two lamps, or one that was typed twice."""
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
            name, other_name = shown(lamps.lamp_id[at]), shown(lamps.lamp_id[other])
            reason = f"{name} differs from {other_name} in line {other_line} by case alone; both are kept"
            found.append(Issue(fields.table.file, line, column, reason, is_refused=False))
    return found


def _shared(lamps: Lamps, fields: Fields) -> list[Issue]:
    """Tell of lamps at one identical point: twin lamps of a pole, or a place that stands for many."""
    rows = np.flatnonzero(~fields.is_refused)
    lines = fields.table.lines
    found = []
    for first, others in shared_points(lamps):
        more = ", ".join(str(lines[rows[row]]) for row in others[:5]) + (" …" if len(others) > 5 else "")
        reason = f"{len(others) + 1} lamps stand at this very point; the others: line {more}"
        found.append(Issue(fields.table.file, int(lines[rows[first]]), "", reason, is_refused=False))
    return found
