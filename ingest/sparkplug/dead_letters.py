"""Dead letters: input that could not be processed, kept in bounded files for inspection.

Two JSON Lines files in the city's data folder, ``quarantine.jsonl`` and its predecessor. Independent of sessions.
"""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from pathlib import Path
from typing import Final

from ingest.damaged_file import set_aside
from ingest.errors import StoreUnavailableError

FILE_NAME: Final = "quarantine.jsonl"
MAX_FILE_BYTES: Final = 8_000_000
_MAX_PAYLOAD: Final = 65_536  # of one payload; the beginning is enough to identify it
_MAX_WAITING: Final = 256  # of one flush; bounds the file's growth under a flood of garbage
_MAX_OF_SOURCE: Final = 100  # lines of one topic in one file: one source cannot displace the others
_MAX_HEAD: Final = 1024  # of a payload of a node that no register knows
_STRANGERS: Final = "strangers"


class DeadLetters:
    """Collects lines during a tick; ``take`` and ``write`` store them."""

    def __init__(self, folder: Path) -> None:
        """Write into ``folder``, which is created with the first line."""
        self._path = folder / FILE_NAME
        self._waiting: list[str] = []
        self._n_of: Counter[str] = Counter()
        self._is_new_file = False

    def add(self, topic: str, reason: str, text: str, payload: bytes, at_us: int, *, is_stranger: bool = False) -> None:
        """Add one payload; of unknown nodes only the first few in each file, and only the beginning of each."""
        if self._is_new_file:
            self._is_new_file = False
            self._n_of.clear()
        source = _STRANGERS if is_stranger else topic
        if len(self._waiting) >= _MAX_WAITING or self._n_of[source] >= _MAX_OF_SOURCE:
            return
        self._n_of[source] += 1
        self._waiting.append(self.line(topic, reason, text, payload[:_MAX_HEAD] if is_stranger else payload, at_us))

    def line(self, topic: str, reason: str, text: str, payload: bytes, at_us: int) -> str:
        """Format a line of the file."""
        line = {
            "at_us": at_us,
            "topic": topic,
            "reason": reason,
            "text": text,
            "size": len(payload),
            "payload": base64.b64encode(payload[:_MAX_PAYLOAD]).decode(),
        }
        return json.dumps(line) + "\n"

    def take(self) -> list[str]:
        """The lines to be written with the next flush."""
        lines, self._waiting = self._waiting, []
        return lines

    def write(self, lines: list[str]) -> None:
        """Append lines and sync them.

        Raises:
            StoreUnavailableError: the disk is full or fails.
        """
        if not lines:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(self._path) and not self._path.is_file():  # a link that leads nowhere too
                set_aside(self._path)  # an unusable file must not block storing
            if self._path.exists() and self._path.stat().st_size > MAX_FILE_BYTES:
                self._path.replace(self._path.with_suffix(".old.jsonl"))
                self._is_new_file = True
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreUnavailableError(f"{self._path}: {error.strerror}") from error
