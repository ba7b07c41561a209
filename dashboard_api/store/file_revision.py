"""Tells whether a SQLite database has changed, without a query: for answers that are kept until it has."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Final

_BUSY_S: Final = 0.0  # a caller makes its answer anew instead of waiting


class FileRevision:
    """A connection of its own that never writes, so that SQLite tells it of every commit of any other connection."""

    def __init__(self, path: Path) -> None:
        """Of the database at ``path``; opened at the first use."""
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._n_opened = 0

    def read(self) -> tuple[int, int] | None:
        """A mark that is another one after every commit, and where another file has come in place of this one.

        Returns:
            None where the database cannot be asked: nothing may be said to be as it was.
        """
        with self._lock:
            try:
                found = self._path.stat()
                if self._connection is None or self._file != (found.st_dev, found.st_ino):
                    self._open((found.st_dev, found.st_ino))
                assert self._connection is not None
                version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
            except (OSError, sqlite3.Error):
                self._close()
                return None
            return self._n_opened, version

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._close()

    def _open(self, file: tuple[int, int]) -> None:
        self._close()
        self._connection = sqlite3.connect(
            f"file:{self._path.absolute()}?mode=rw", uri=True, timeout=_BUSY_S, check_same_thread=False
        )
        self._file = file
        self._n_opened += 1

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
