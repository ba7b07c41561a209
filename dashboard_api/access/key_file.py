"""The city's key file, ``data/api.key``, with the API's errors; what stands in it is ``ingest.schema.key_file``'s."""

from __future__ import annotations

from pathlib import Path

from dashboard_api.errors import UnusableError
from ingest.schema import key_file
from ingest.schema.errors import KeyFileError
from languages.message import why

FILE_NAME = key_file.FILE_NAME


class KeyFile(key_file.KeyFile):
    """Reads the key when it is first needed, and makes it where there is none."""

    def derived(self, purpose: str) -> bytes:
        """The 32-byte key for one purpose.

        Raises:
            UnusableError: the file cannot be read or made, holds no key, or others may read it.
        """
        try:
            return super().derived(purpose)
        except KeyFileError as error:
            raise UnusableError(why(error)) from error


def check_mode(path: Path) -> None:
    """Refuse a file of secrets that others may read.

    Raises:
        UnusableError: group or others have rights on it.
        OSError: there is no such file.
    """
    try:
        key_file.check_mode(path)
    except KeyFileError as error:
        raise UnusableError(why(error)) from error
