"""The register of a city's folder, ``lamps.csv`` and ``cabinets.csv``: read, and kept the same in the database.

The database's register is the truth once one was applied. The folder's files replace it when a person edited them on
this machine since both were last the same, and nothing speaks against them; else they wait for ``terang-city apply``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine

from durable_files.bounded_read import read_bounded
from ingest.audit_trail import Note
from ingest.errors import UnusableError
from ingest.register.agreement import Agreement, read_agreement, write_agreement
from ingest.register.archive import MAX_BYTES, keep, kept_registers
from ingest.register.check import check_cabinets, check_lamps
from ingest.register.column_cache import FILE_NAME as COPY_FILE
from ingest.register.csv_pair import NEW, cabinets_csv, lamps_csv, publish, settle
from ingest.register.database_table import (
    load_register,
    store_register,
    stored_digest,
    stored_ids,
    stored_version,
)
from ingest.register.delimited import TextTable, read_delimited
from ingest.register.fields import Fields
from ingest.register.issue import Issue, listed
from ingest.register.loss import is_large_loss, n_lost
from ingest.register.position_order import SURVEYED, with_position_sources
from ingest.register.register import Register, with_centroids
from ingest.schema.city import CABINETS_FILE, LAMPS_FILE
from languages.message import Message, Plain, why

_LOGGED: Final = 20
_DATA: Final = "data"  # the city's data folder
REQUIRED: Final = {LAMPS_FILE: ("lamp_id", "latitude", "longitude"), CABINETS_FILE: ("cabinet_id",)}


@dataclass(frozen=True, slots=True)
class FolderRegister:
    """What a folder's two files say.

    Attributes:
        register: without refused rows, ``version`` 0.
        issues: everything that is wrong, in file and line order.
        contents: the files' bytes by name.
        cut: files whose last row ends in mid-air.
        n_survey, n_estimated: positions without a source that were taken as a survey's, and as an estimate.
    """

    register: Register
    issues: tuple[Issue, ...]
    contents: dict[str, bytes]
    cut: tuple[str, ...]
    n_survey: int
    n_estimated: int


def read_folder(folder: Path) -> FolderRegister:
    """Read a city's two CSV files.

    Raises:
        UnusableError: a file is missing, unreadable or lacks a required column.
    """
    contents = _contents(folder)
    cabinet_table, lamp_table = (_table(contents[name], name) for name in (CABINETS_FILE, LAMPS_FILE))
    cabinet_fields, lamp_fields = Fields(cabinet_table), Fields(lamp_table)
    cabinets = check_cabinets(cabinet_fields)
    found = check_lamps(lamp_fields, cabinets)
    lamps = with_position_sources(found, cabinets)
    blank = [row for row, source in enumerate(found.position_source) if not source and found.position[row] >= 0]
    n_survey = sum(lamps.position_source[row] == SURVEYED for row in blank)
    issues = tuple(sorted(cabinet_fields.issues + lamp_fields.issues, key=lambda issue: (issue.file, issue.line)))
    return FolderRegister(
        Register(lamps, with_centroids(cabinets, lamps), 0, digest_of(contents)),
        issues,
        contents,
        tuple(table.file for table in (cabinet_table, lamp_table) if table.is_cut),
        n_survey,
        len(blank) - n_survey,
    )


def read_city_files(folder: Path, *, is_strict: bool = False) -> tuple[Register, tuple[Issue, ...]]:
    """Read a city's two CSV files.

    Args:
        folder: the city's folder.
        is_strict: a single refused row refuses the whole register.

    Returns:
        The register without its refused rows (``version`` 0), and everything that is wrong, in file and line order.

    Raises:
        UnusableError: a file is missing, unreadable or lacks a required column; with ``is_strict`` also for any
            refused row.
    """
    found = read_folder(folder)
    refused = [issue for issue in found.issues if issue.is_refused]
    if is_strict and refused:
        first, file = refused[0].message, folder / refused[0].file
        if len(refused) == 1:
            raise UnusableError(Message("terminal.error.at", where=file, reason=first))
        raise UnusableError(Message("terminal.error.refused_rows", file=file, first=first, n=len(refused) - 1))
    return found.register, found.issues


def files_digest(folder: Path) -> str:
    """SHA-256 over both files.

    Raises:
        UnusableError: a file is missing or unreadable.
    """
    return digest_of(_contents(folder))


def sync_register(
    engine: Engine,
    folder: Path,
    *,
    is_takeover: bool = False,
    tell: Callable[[str | None], object] = lambda _reason: None,
    note: Note | None = None,
) -> tuple[Register, tuple[Issue, ...]]:
    """Make the database hold what the folder's files say, where they may replace it, and load it.

    Args:
        engine: the city's database.
        folder: the city's folder.
        is_takeover: this process took the city over from another one: a register that the database holds stays.
        tell: called with why the folder's files wait for a person, None if they do not.
        note: writes the audit log's line where the files are applied.

    Returns:
        The register as the database holds it, and the issues of the files if they were applied (else none).

    Raises:
        UnusableError: a file is missing or unusable, and the database holds no register to go on with.
        sqlalchemy.exc.SQLAlchemyError: the database refused; the register that it held is still there.
    """
    data = folder / _DATA
    copy = data / COPY_FILE
    held = Agreement(stored_version(engine), stored_digest(engine))
    try:
        _finish(folder, held)
        digest = files_digest(folder)
        if digest == held.digest:
            write_agreement(data, held)
            tell(None)
            return load_register(engine, copy), ()
        reason = "" if not held.version else _older(folder, held, digest, engine, is_takeover=is_takeover)
        found = read_folder(folder) if not reason else None
        if found is not None and held.version:
            reason = _doubtful(found, engine)
    except UnusableError as error:
        if not held.version:
            raise
        reason, found = str(error), None
    if reason or found is None:
        tell(f"the folder's register waits for 'terang-city apply': {reason}")
        log = structlog.get_logger("register")
        log.warning(
            "the register was not replaced; 'terang-city apply' puts the folder's in force",
            folder=str(folder),
            reason=reason,
        )
        return load_register(engine, copy), ()
    apply_folder(engine, folder, found, str(folder), note)
    tell(None)
    _log(found.issues)
    return load_register(engine, copy), found.issues  # as every later start sees it


def apply_folder(engine: Engine, folder: Path, found: FolderRegister, source: str, note: Note | None = None) -> int:
    """Let the database hold what a folder's files say, and keep them; returns the register's new version.

    ``note`` writes the audit log's line.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refused; the register that it held is still there.
    """
    keep_outgoing(engine, folder)
    last = read_agreement(folder / _DATA)  # a database made anew must not give a version to another register
    version = store_register(engine, found.register, source, note, after=0 if last is None else last.version)
    note_applied(folder, version, found.register, found.contents[LAMPS_FILE], found.contents[CABINETS_FILE], source)
    return version


def note_applied(folder: Path, version: int, register: Register, lamps: bytes, cabinets: bytes, source: str) -> None:
    """Keep the files of a register that was just applied, and note that folder and database agree."""
    data = folder / _DATA
    write_agreement(data, Agreement(version, register.digest))
    try:
        keep(data, version, register.digest, lamps, cabinets, source, len(register.lamps))
    except OSError as error:
        _could_not_keep(error)


def keep_outgoing(engine: Engine, folder: Path) -> None:
    """Keep the register that is about to be replaced, unless it was kept when it was applied."""
    data = folder / _DATA
    version, digest = stored_version(engine), stored_digest(engine)
    if not version or any(kept.digest == digest for kept in kept_registers(data)):
        return
    old = load_register(engine, data / COPY_FILE)
    try:
        keep(data, version, digest, lamps_csv(old.lamps), cabinets_csv(old.cabinets), "the database", len(old.lamps))
    except OSError as error:
        _could_not_keep(error)


def _could_not_keep(error: OSError) -> None:
    log = structlog.get_logger("register")
    log.warning("a register could not be kept for restore-register", reason=error.strerror or str(error))


def _finish(folder: Path, held: Agreement) -> None:
    """Publish files that an import staged and the database took, had it been cut short between the two."""
    new = folder / NEW
    try:
        if held.version and all((new / name).is_file() for name in REQUIRED):
            contents = {name: read_bounded(new / name, MAX_BYTES) for name in REQUIRED}
            if digest_of(contents) == held.digest:
                publish(folder)
    except OSError as error:
        raise UnusableError(
            Message("terminal.error.import_cut_short", folder=Plain(folder), reason=why(error))
        ) from error


def _older(folder: Path, held: Agreement, digest: str, engine: Engine, *, is_takeover: bool) -> str:
    """Why the folder's files may not replace the database's register by themselves; "" = they may."""
    last = read_agreement(folder / _DATA)
    if last is not None and last.digest == digest:
        return f"the database holds version {held.version}, the folder's files are version {last.version} of it"
    if last is not None and last.version != held.version:
        return f"the folder's files were edited on version {last.version}, the database holds version {held.version}"
    if is_takeover or (last is None and engine.dialect.name != "sqlite"):
        return f"the database holds version {held.version}, and nobody applied the folder's other files"
    return ""


def _doubtful(found: FolderRegister, engine: Engine) -> str:
    """What speaks against the folder's files: a copy that was cut short, or a large part of the city gone."""
    if found.cut:
        return f"the last row of {listed(found.cut)} is cut off"
    old_lamps, old_cabinets = stored_ids(engine)
    for what, old, new in (
        ("lamps", old_lamps, found.register.lamps.lamp_id),
        ("cabinets", old_cabinets, found.register.cabinets.cabinet_id),
    ):
        n_gone = n_lost(old, new)
        if is_large_loss(len(old), n_gone, len(new)):
            return f"{n_gone} of {len(old)} {what} would vanish"
    return ""


def _log(issues: tuple[Issue, ...]) -> None:
    """Say what is wrong with the files where an operator looks; ``terang-city check`` tells all of it."""
    log = structlog.get_logger("register")
    for issue in issues[:_LOGGED]:
        log.warning("a bad row in the register", row=str(issue))
    if len(issues) > _LOGGED:
        log.warning("more bad rows in the register; terang-city check tells all", n_more=len(issues) - _LOGGED)


def _contents(folder: Path) -> dict[str, bytes]:
    try:
        settle(folder)  # an import that a power cut interrupted
    except OSError as error:
        raise UnusableError(
            Message("terminal.error.import_cut_short", folder=Plain(folder), reason=why(error))
        ) from error
    return {name: _content(folder / name) for name in (CABINETS_FILE, LAMPS_FILE)}


def _content(path: Path) -> bytes:
    try:
        before = path.stat()
        content = read_bounded(path, MAX_BYTES)
        after = path.stat()
    except FileNotFoundError as error:
        raise UnusableError(Message("terminal.error.missing_register", file=Plain(path))) from error
    except OSError as error:
        raise UnusableError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size) or len(content) != after.st_size:
        raise UnusableError(Message("terminal.error.changed", file=Plain(path)))
    return content


def digest_of(contents: Mapping[str, bytes]) -> str:
    """SHA-256 over a register's files, by name."""
    total = hashlib.sha256()
    for name in sorted(contents):
        total.update(hashlib.sha256(contents[name]).digest())
    return total.hexdigest()


def _table(content: bytes, file: str) -> TextTable:
    table = read_delimited(content, file)
    for column in REQUIRED[file]:
        if column not in table.columns:
            name, has = Plain(column), listed(table.columns)
            raise UnusableError(Message("terminal.error.missing_column", file=Plain(file), column=name, columns=has))
    return table
