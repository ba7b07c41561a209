"""The lock of a city's folder: only one ingest may use it at a time.

A file lock, which ends with the process. A worker elected by a group lock (``ingest.workers.group_lock``) does not stop
at the file of another worker: that one has lost the group and hangs, and can write nothing to the store any more
(``ingest.telemetry.parquet``). It takes the file's place by another file, and everybody else meets that.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

import structlog

from ingest.errors import UnusableError
from languages.message import Message, Plain, why

_ELECTED: Final = b"worker\n"
_ALONE: Final = b"alone\n"
_PATIENCE_S: Final = 4.0  # a worker that is on its way out needs no more


class FolderLock:
    """The lock file of one folder, held until released."""

    def __init__(self, path: Path, *, is_elected: bool = False) -> None:
        """Take it.

        Raises:
            UnusableError: another ingest works on this city.
        """
        self._path = path
        owner = _ELECTED if is_elected else _ALONE
        patience_until = time.monotonic() + (_PATIENCE_S if is_elected else 0.0)
        while True:
            try:
                self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as error:
                raise UnusableError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
            is_taken = self._take()
            if is_taken and self._is_in_place():
                break
            other = os.pread(self._descriptor, 16, 0)
            os.close(self._descriptor)
            if is_taken:
                continue  # somebody put another file in its place meanwhile
            if time.monotonic() < patience_until:
                time.sleep(0.1)
            elif is_elected and other == _ELECTED:
                structlog.get_logger("ingest").warning("ignoring the folder's lock of a worker that hangs")
                path.unlink(missing_ok=True)
            else:
                raise UnusableError(Message("terminal.error.city_taken", file=Plain(path)))
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, owner, 0)

    def _take(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _is_in_place(self) -> bool:
        try:
            return os.stat(self._path).st_ino == os.fstat(self._descriptor).st_ino  # noqa: PTH116  # beside fstat
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let the next one have it."""
        os.close(self._descriptor)
