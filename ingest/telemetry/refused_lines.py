"""Lines that InfluxDB refuses permanently, kept in bounded files so that they can be corrected and imported.

``refused_lines.txt`` in the city's data folder, and the one before it: line protocol as it was sent, under a comment
that says why. Independent of the server.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ingest.errors import StoreUnavailableError

FILE_NAME: Final = "refused_lines.txt"
MAX_FILE_BYTES: Final = 32_000_000


class RefusedLines:
    """Appends lines to the file and syncs it."""

    def __init__(self, folder: Path) -> None:
        """Write into ``folder``, which is made when the first line comes."""
        self._path = folder / FILE_NAME

    def add(self, reason: str, body: memoryview) -> None:
        """Set lines aside for good.

        Raises:
            StoreUnavailableError: the disk is full or refuses.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > MAX_FILE_BYTES:
                self._path.replace(self._path.with_suffix(".old.txt"))
            with self._path.open("ab") as file:
                file.write(f"# {' '.join(reason.split())}\n".encode())
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreUnavailableError(f"{self._path}: {error.strerror}") from error
