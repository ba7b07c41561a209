"""Records the version of the database's register that a folder's files last agreed with.

Several machines may each hold a folder of the same city; the database's register is the truth once one was applied. A
folder may change it only from the version that it last agreed with: an older copy cannot come back by itself.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replace_file

_MAX_BYTES: Final = 10_000
FILE: Final = "register.json"  # in the city's data folder


@dataclass(frozen=True, slots=True)
class Agreement:
    """A version of the database's register, and the digest that it and the folder's files had."""

    version: int
    digest: str


def read_agreement(data_folder: Path) -> Agreement | None:
    """The last agreement; None if there is none or it cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        document = json.loads(read_bounded(data_folder / FILE, _MAX_BYTES))
        return Agreement(int(document["version"]), str(document["digest"]))
    return None


def write_agreement(data_folder: Path, agreement: Agreement) -> None:
    """Note that folder and database hold the same; a note that cannot be written is only a question later."""
    if read_agreement(data_folder) == agreement:
        return
    document = {"version": agreement.version, "digest": agreement.digest}
    with suppress(OSError):
        data_folder.mkdir(parents=True, exist_ok=True)
        replace_file(data_folder / FILE, json.dumps(document).encode(), is_shared=True)
