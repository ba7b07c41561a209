"""Reads the register of a city's folder, ``lamps.csv`` and ``cabinets.csv``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from durable_files.bounded_read import read_bounded
from ingest.errors import UnusableError
from ingest.register.archive import MAX_BYTES
from ingest.register.check import check_cabinets, check_lamps
from ingest.register.csv_pair import settle
from ingest.register.delimited import read_delimited
from ingest.register.fields import Fields
from ingest.register.issue import Issue, listed
from ingest.register.position_order import SURVEYED, with_position_sources
from ingest.register.register import Register, with_centroids
from ingest.register.text_table import TextTable
from ingest.schema.city import CABINETS_FILE, LAMPS_FILE
from languages.message import Message, Plain, why

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
