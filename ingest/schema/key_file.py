"""The city's API key file: 32 random bytes that the audit log and the device cookies are keyed with."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import stat
from functools import cached_property
from pathlib import Path
from typing import Final

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import create_file
from ingest.schema.city import City
from ingest.schema.errors import KeyFileError
from languages.message import Message, Plain, why

FILE_NAME: Final = "api.key"
_MAX_BYTES: Final = 10_000
_BYTES: Final = 32


class KeyFile:
    """Reads the key when it is first needed, and makes it where there is none."""

    def __init__(self, path: Path) -> None:
        """``path``: mode 0600, 64 hexadecimal digits."""
        self.path = path

    def derived(self, purpose: str) -> bytes:
        """The 32-byte key for one purpose.

        Raises:
            KeyFileError: the file cannot be read or made, holds no key, or others may read it.
        """
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).digest()

    @cached_property
    def _key(self) -> bytes:
        try:
            self._make()
            check_mode(self.path)
            key = bytes.fromhex(read_bounded(self.path, _MAX_BYTES).decode("ascii").strip())
        except KeyFileError:
            raise
        except (OSError, ValueError) as error:
            raise KeyFileError(Message("terminal.error.at", where=Plain(self.path), reason=why(error))) from error
        if len(key) != _BYTES:
            raise KeyFileError(Message("terminal.error.no_hexadecimal", file=Plain(self.path), value=Plain(2 * _BYTES)))
        return key

    def _make(self) -> None:
        if self.path.exists():
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_file(self.path, f"{secrets.token_hex(_BYTES)}\n".encode(), mode=0o600, is_owned_like_folder=True)


def key_file_of(city: City) -> KeyFile:
    """The city's key file."""
    named = city.web.key_file
    return KeyFile(city.data_folder / FILE_NAME if named is None else city.folder / named)


def check_mode(path: Path) -> None:
    """Refuse a file of secrets that others may read.

    Raises:
        KeyFileError: group or others have rights on it.
        OSError: there is no such file.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyFileError(Message("terminal.error.open_to_others", file=Plain(path), mode=Plain(f"{mode:04o}")))
