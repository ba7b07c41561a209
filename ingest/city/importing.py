"""An import from beginning to end: a foreign register in, folder and database replaced, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingest.audit_trail import Note
from ingest.city.cabinet_names import with_one_spelling
from ingest.city.cabinet_rows import joined, listed_cabinets, named_cabinets, without_idle
from ingest.city.cable import with_positions
from ingest.city.chosen_system import chosen_system
from ingest.city.extent import o_side_of, place_issues
from ingest.city.header import column_called
from ingest.city.lamp_findings import alike_ids, far_lamps, shared_places, taken_down
from ingest.city.mapping import ImportMap
from ingest.city.naming import expanded, with_ids, with_pole_suffixes
from ingest.city.places import WGS84, with_degrees, zone_issues
from ingest.city.row_filter import rows_of, rows_where
from ingest.city.rows_above import filled_down
from ingest.city.source import read_source
from ingest.city.source_table import GEOMETRY_X, GEOMETRY_Y, Source
from ingest.city.translation import Translation, rules_for, translate
from ingest.errors import NothingTakenError, UnusableError
from ingest.register.check import LAMP_COLUMNS, check_cabinets, check_lamps
from ingest.register.csv_pair import cabinets_csv, discard, lamps_csv, publish, stage
from ingest.register.database_table import store_register
from ingest.register.fields import Fields
from ingest.register.folder_register import digest_of, read_city_files
from ingest.register.issue import Issue, listed
from ingest.register.register import Cabinets, Lamps, Register, with_centroids
from ingest.register.sync import keep_outgoing, note_applied
from ingest.schema.city import CABINETS_FILE, LAMPS_FILE
from languages.message import Message, Plain, why

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
        advance: called with the progress.
        known: the register in force: nameless lamps that moved a little keep their ids; another place is reported.
        timezone: the city's, to check where the lamps lie; "" = not checked.

    Raises:
        NothingTakenError: not one row can be taken; the error carries every row's reason.
        UnusableError: the source or the mapping cannot be used.
    """
    whole = read_source(path, mapping.reading())
    whole = replace(whole, table=filled_down(whole.table, mapping.source.fill_down))
    source, n_left_out = _filtered(whole, mapping)
    n_rows = len(source.table.lines)
    advance("read", n_rows)
    crs, crs_remark = chosen_system(mapping.source.crs, source)
    cabinets, cabinet_issues, n_listed, translation = _translated(
        source, whole, path, mapping, crs, known, o_side_of(timezone)
    )
    advance("translate", n_rows)
    fields = Fields(translation.table, translation.names)
    lamps = check_lamps(fields, cabinets)
    if not translation.table.n_rows:
        if n_left_out:
            raise UnusableError(Message("terminal.error.all_left_out", file=path, n=n_left_out))
        raise UnusableError(Message("terminal.error.no_rows", file=path))
    if not len(lamps):
        first = next(issue for issue in fields.issues if issue.is_refused)  # as there are rows, and none was taken
        message = Message("terminal.error.nothing_taken", file=path, first=first.message)
        raise NothingTakenError(message, _sorted([*cabinet_issues, *fields.issues]))
    lamps, cabinets = without_idle(lamps, cabinets, n_listed)
    advance("check", n_rows)
    lamps, n_estimated = with_positions(lamps, cabinets, lambda n: advance("order", n))
    found = [*cabinet_issues, *fields.issues, *far_lamps(lamps, fields), *shared_places(lamps, fields)]
    found += alike_ids(lamps, fields, translation.names.get("lamp_id", "lamp_id"))
    found += place_issues(lamps, timezone, known.lamps if known is not None else None)
    if known is None:
        found += zone_issues(lamps, crs, timezone)
    refused = {issue.line for issue in found if issue.is_refused}
    found += taken_down(source.table, mapping.filtered_columns, refused)
    if crs_remark is not None:
        found.append(Issue(source.table.file, 0, "[source] crs", crs_remark, is_refused=False))
    n_rows_lamps = translation.table.n_rows
    return Draft(
        lamps, cabinets, tuple(_sorted(found)), n_rows_lamps, translation.n_named, n_estimated, crs, n_left_out
    )


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
        raise UnusableError(_at(error.filename or folder, why(error))) from error
    except SQLAlchemyError as error:
        reason = Plain(" ".join(str(getattr(error, "orig", None) or error).split()))
        raise UnusableError(Message("terminal.error.database_refused", reason=reason)) from error
    return version


def _at(where: object, reason: Message | Plain) -> Message:
    return Message("terminal.error.at", where=Plain(where), reason=reason)


def _translated(
    source: Source, whole: Source, path: Path, mapping: ImportMap, crs: str, known: Register | None, o_side: int
) -> tuple[Cabinets, list[Issue], int, Translation]:
    """Cabinets with what is wrong with them and how many are listed, and the lamps' rows under the contract's names."""
    table = source.table
    repeats: dict[int, int] = {}
    if mapping.source.count is not None:
        column = column_called(mapping.source.count, table.columns)
        if column is None:
            file, has = Plain(table.file), listed(table.columns)
            raise UnusableError(
                Message("terminal.error.no_count_column", file=file, column=mapping.source.count, columns=has)
            )
        table, repeats = expanded(table, column)
    rules = rules_for(mapping.lamp, table, (GEOMETRY_X, GEOMETRY_Y))
    translation = with_degrees(translate(table, rules, LAMP_COLUMNS, mapping.source.keep), crs, o_side)
    own_cabinets = listed_cabinets(whole, path, mapping, crs, o_side)
    known_cabinets = check_cabinets(own_cabinets) if own_cabinets is not None else None
    translation = with_one_spelling(translation, known_cabinets.cabinet_id if known_cabinets is not None else ())
    # named after the place on earth, so that a city's CSV and its GeoJSON give a nameless lamp the same id
    are_lamps = mapping.source.copies == "lamps"
    translation = with_pole_suffixes(translation, table, repeats, are_copies_lamps=are_lamps)
    translation = with_ids(translation, known.lamps if known is not None else None)
    wanted = named_cabinets(translation, table, mapping, known_cabinets)
    fields = Fields(wanted, {})
    spoken = check_cabinets(fields)
    # a lamp whose cabinet cannot be taken says so itself, in its own row
    issues = [issue for issue in fields.issues if not issue.is_refused]
    if known_cabinets is None or own_cabinets is None:
        return spoken, issues, 0, translation
    return joined(known_cabinets, spoken), [*own_cabinets.issues, *issues], len(known_cabinets), translation
