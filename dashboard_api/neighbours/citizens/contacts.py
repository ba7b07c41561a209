"""Contacts of reporters, encrypted at rest with a key that its owner alone can read."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet

from dashboard_api.errors import UnavailableError
from durable_files.whole_file import create_file

KEY_FILE: Final = "reports.key"


class Contacts:
    """Encrypts contacts; the key is made when the first one comes."""

    def __init__(self, folder: Path) -> None:
        """``folder``: the city's data folder."""
        self._path = folder / KEY_FILE
        self._lock = threading.Lock()

    def encrypted(self, text: str) -> bytes:
        """A contact as it may be stored.

        Raises:
            UnavailableError: the key file cannot be read or made.
        """
        return self._fernet().encrypt(text.encode())

    def plain(self, contact: bytes) -> str:
        """A stored contact as text.

        Raises:
            UnavailableError: the key file cannot be read.
            cryptography.fernet.InvalidToken: it was encrypted with another key.
        """
        return self._fernet().decrypt(contact).decode()

    def _fernet(self) -> Fernet:
        with self._lock:
            try:
                if not self._path.exists():
                    self._make()
                if self._path.stat().st_mode & 0o077:
                    raise UnavailableError("report_key_open", file=KEY_FILE)
                return Fernet(self._path.read_bytes().strip())
            except (OSError, ValueError) as error:
                raise UnavailableError("report_key_unreadable", file=KEY_FILE, reason=type(error).__name__) from error

    def _make(self) -> None:
        """Write a key whole or not at all; of two processes, one wins and both read that one's."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        create_file(self._path, Fernet.generate_key(), mode=0o600)
