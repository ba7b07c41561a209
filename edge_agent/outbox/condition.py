"""Diagnosis of an outbox's file and storage: meaning of SQLite errors, and damage from a power cut.

Knows the file's name and SQLite's codes, and opens no database.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

HEAD_BYTES: Final = 100  # SQLite's file header: magic, then the size of a page
LEAST_BYTES: Final = 512  # the smallest page of SQLite


class NotOurs(sqlite3.DatabaseError):
    """A database, but not an outbox that this version can use."""


def is_corrupt(error: Exception) -> bool:
    """Whether an SQLite error means that the file's contents are wrong, not that storage is full or absent."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return isinstance(error, NotOurs)
    return (code & 0xFF) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_full(error: Exception) -> bool:
    """Whether an SQLite error means that storage has no room."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}


def is_failing(error: Exception) -> bool:
    """Whether an SQLite error means that storage or file system do not do what they should."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_IOERR


def is_read_only(path: Path) -> bool:
    """Whether the file system of a path is read-only: mounted so, or made so by the kernel after errors."""
    try:
        return bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def torn(path: Path) -> str:
    """What a power cut has left of an outbox without SQLite noticing it, in words; empty = nothing.

    Storage that reports writes it has not made can leave an empty file, or none, beside a log with contents, which
    SQLite would delete without a word; or a file that ends within a page, whose rest SQLite would read as zeros.
    """
    try:
        size = path.stat().st_size if path.exists() else 0
        log = path.with_name(path.name + "-wal")
        has_log = log.exists() and log.stat().st_size > 0
        if not size:
            return "the file is empty or missing, its log is not" if has_log else ""
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return ""
    page = int.from_bytes(head[16:18], "big") if len(head) == HEAD_BYTES else 0
    is_cut = size < LEAST_BYTES or (not has_log and page >= LEAST_BYTES and size % page > 0)
    return f"the file is cut to {size} bytes" if is_cut else ""
