"""Files that hold secrets: written with mode 0600 from the first byte on, read only if nobody else may read them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from city_pki.errors import PkiError, SecretFileError
from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replace_file
from languages.message import Message, Plain, why

MAX_BYTES: Final = 64 * 1024 * 1024
_OTHERS: Final = 0o077  # rights of group and others


def is_open_to_others(path: Path | None) -> bool:
    """Whether others than its owner may read or write a file; False for one that is not there."""
    try:
        return path is not None and bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def read_secret(path: Path) -> bytes:
    """Contents of a file that only its owner may read.

    Raises:
        SecretFileError: it is missing, unreadable, or open to others; the text never holds its contents.
    """
    try:
        mode = path.stat().st_mode
        if mode & _OTHERS:
            raise SecretFileError(
                Message("terminal.error.secret_open", file=Plain(path), mode=Plain(f"{mode & 511:04o}"))
            )
        return read_bounded(path, MAX_BYTES)
    except OSError as error:
        raise SecretFileError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error


def write_secret(path: Path, data: bytes) -> None:
    """Replace a file that only its owner may read, as a whole and synced.

    Raises:
        PkiError: it cannot be written; the old file is kept.
    """
    _write(path, data, 0o600)


def write_public(path: Path, data: bytes) -> None:
    """Replace a file that everybody may read, as a whole and synced.

    Raises:
        PkiError: it cannot be written; the old file is kept.
    """
    _write(path, data, 0o644)


def _write(path: Path, data: bytes, mode: int) -> None:
    try:
        replace_file(path, data, mode=mode, is_shared=True)
    except OSError as error:
        raise PkiError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the lock file itself stays.

    Raises:
        PkiError: the lock file cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PkiError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
