"""The register of a city's folder, ``lamps.csv`` and ``cabinets.csv``: read, and kept the same in the database."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine

from ingest.errors import UnusableError
from ingest.register.check import check_cabinets, check_lamps
from ingest.register.column_cache import FILE_NAME as COPY_FILE
from ingest.register.csv_pair import settle
from ingest.register.database_table import load_register, store_register, stored_digest
from ingest.register.delimited import TextTable, read_delimited
from ingest.register.fields import Fields
from ingest.register.issue import Issue
from ingest.register.register import Register, with_centroids
from ingest.schema.city import CABINETS_FILE, LAMPS_FILE

_LOGGED: Final = 20
REQUIRED: Final = {LAMPS_FILE: ("lamp_id", "latitude", "longitude"), CABINETS_FILE: ("cabinet_id",)}


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
    contents = _contents(folder)
    cabinet_fields = Fields(_table(contents[CABINETS_FILE], CABINETS_FILE))
    cabinets = check_cabinets(cabinet_fields)
    lamp_fields = Fields(_table(contents[LAMPS_FILE], LAMPS_FILE))
    lamps = check_lamps(lamp_fields, cabinets)
    issues = tuple(sorted(cabinet_fields.issues + lamp_fields.issues, key=lambda issue: (issue.file, issue.line)))
    refused = [issue for issue in issues if issue.is_refused]
    if is_strict and refused:
        more = f", and {len(refused) - 1} more" if len(refused) > 1 else ""
        raise UnusableError(f"{folder / refused[0].file}: {refused[0]}{more}")
    return Register(lamps, with_centroids(cabinets, lamps), 0, _digest(contents)), issues


def files_digest(folder: Path) -> str:
    """SHA-256 over both files.

    Raises:
        UnusableError: a file is missing or unreadable.
    """
    return _digest(_contents(folder))


def sync_register(engine: Engine, folder: Path) -> tuple[Register, tuple[Issue, ...]]:
    """Make the database hold what the folder's files say, in one transaction, and load it.

    Returns:
        The register as the database holds it, and the issues of the files if they had to be read (else none).

    Raises:
        UnusableError: a file is missing or unusable.
        sqlalchemy.exc.SQLAlchemyError: the database refused; the register that it held is still there.
    """
    copy = folder / "data" / COPY_FILE
    if files_digest(folder) == stored_digest(engine):
        return load_register(engine, copy), ()
    register, issues = read_city_files(folder)
    store_register(engine, register, folder)
    _log(issues)
    return load_register(engine, copy), issues  # as every later start sees it


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
        raise UnusableError(f"{folder}: an import was cut short and cannot be finished: {error.strerror}") from error
    return {name: _content(folder / name) for name in (CABINETS_FILE, LAMPS_FILE)}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnusableError(f"{path}: no such file; 'terang-city init' writes one to begin with") from error
    except OSError as error:
        raise UnusableError(f"{path}: {error.strerror or error}") from error


def _digest(contents: dict[str, bytes]) -> str:
    total = hashlib.sha256()
    for name in sorted(contents):
        total.update(hashlib.sha256(contents[name]).digest())
    return total.hexdigest()


def _table(content: bytes, file: str) -> TextTable:
    table = read_delimited(content, file)
    for column in REQUIRED[file]:
        if column not in table.columns:
            raise UnusableError(f"{file}: the column {column} is missing; it has {', '.join(table.columns)}")
    return table
