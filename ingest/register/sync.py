"""Keeps the database's register and that of the city's folder the same.

The database's register is the truth once one was applied. The folder's files replace it when a person edited them on
this machine since both were last the same, and nothing speaks against them; else they wait for ``terang-city apply``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine

from durable_files.bounded_read import read_bounded
from ingest.audit_trail import Note
from ingest.errors import UnusableError
from ingest.register.agreement import Agreement, read_agreement, write_agreement
from ingest.register.archive import MAX_BYTES, keep, kept_registers
from ingest.register.column_cache import FILE_NAME as COPY_FILE
from ingest.register.csv_pair import NEW, cabinets_csv, lamps_csv, publish
from ingest.register.database_table import (
    load_register,
    store_register,
    stored_digest,
    stored_ids,
    stored_version,
)
from ingest.register.folder_register import REQUIRED, FolderRegister, digest_of, files_digest, read_folder
from ingest.register.issue import Issue, listed
from ingest.register.loss import is_large_loss, n_lost
from ingest.register.register import Register
from ingest.schema.city import CABINETS_FILE, LAMPS_FILE
from languages.message import Message, Plain, why

_LOGGED: Final = 20
_DATA: Final = "data"  # the city's data folder


def sync_register(
    engine: Engine,
    folder: Path,
    *,
    is_takeover: bool = False,
    tell: Callable[[Message | None], object] = lambda _reason: None,
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
        reason: Message | Plain | None = (
            None if not held.version else _older(folder, held, digest, engine, is_takeover=is_takeover)
        )
        found = read_folder(folder) if reason is None else None
        if found is not None and held.version:
            reason = _doubtful(found, engine)
    except UnusableError as error:
        if not held.version:
            raise
        reason, found = why(error), None
    if reason is not None or found is None:
        tell(Message("readiness.register_waits", reason=reason))
        log = structlog.get_logger("register")
        log.warning(
            "the register was not replaced; 'terang-city apply' puts the folder's in force",
            folder=str(folder),
            reason=str(reason),
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


def _older(folder: Path, held: Agreement, digest: str, engine: Engine, *, is_takeover: bool) -> Message | None:
    """Why the folder's files may not replace the database's register by themselves; None = they may."""
    last = read_agreement(folder / _DATA)
    if last is not None and last.digest == digest:
        return Message("readiness.older_files", held=held.version, last=last.version)
    if last is not None and last.version != held.version:
        return Message("readiness.edited_files", held=held.version, last=last.version)
    if is_takeover or (last is None and engine.dialect.name != "sqlite"):
        return Message("readiness.other_files", held=held.version)
    return None


def _doubtful(found: FolderRegister, engine: Engine) -> Message | None:
    """What speaks against the folder's files: a copy that was cut short, or a large part of the city gone."""
    if found.cut:
        return Message("readiness.cut_files", files=listed(found.cut))
    old_lamps, old_cabinets = stored_ids(engine)
    lamps, cabinets = found.register.lamps.lamp_id, found.register.cabinets.cabinet_id
    n_gone = n_lost(old_lamps, lamps)
    if is_large_loss(len(old_lamps), n_gone, len(lamps)):
        return Message("readiness.lost_lamps", n=n_gone, n_old=len(old_lamps))
    n_gone = n_lost(old_cabinets, cabinets)
    if is_large_loss(len(old_cabinets), n_gone, len(cabinets)):
        return Message("readiness.lost_cabinets", n=n_gone, n_old=len(old_cabinets))
    return None


def _log(issues: tuple[Issue, ...]) -> None:
    """Say what is wrong with the files where an operator looks; ``terang-city check`` tells all of it."""
    log = structlog.get_logger("register")
    for issue in issues[:_LOGGED]:
        log.warning("a bad row in the register", row=str(issue))
    if len(issues) > _LOGGED:
        log.warning("more bad rows in the register; terang-city check tells all", n_more=len(issues) - _LOGGED)
