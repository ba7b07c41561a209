"""Records the version of the database's register that a folder's files last agreed with.

Several machines may each hold a folder of the same city; the database's register is the truth once one was applied. A
folder may change it only from the version that it last agreed with: an older copy cannot come back by itself.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = "register.json"  # in the city's data folder


@dataclass(frozen=True, slots=True)
class Agreement:
    """A version of the database's register, and the digest that it and the folder's files had."""

    version: int
    digest: str


def read_agreement(data_folder: Path) -> Agreement | None:
    """The last agreement; None if there is none or it cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        document = json.loads((data_folder / FILE).read_text(encoding="utf-8"))
        return Agreement(int(document["version"]), str(document["digest"]))
    return None


def write_agreement(data_folder: Path, agreement: Agreement) -> None:
    """Note that folder and database hold the same; a note that cannot be written is only a question later."""
    if read_agreement(data_folder) == agreement:
        return
    beside = data_folder / f"{FILE}.{os.getpid()}.tmp"
    with suppress(OSError):
        data_folder.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps({"version": agreement.version, "digest": agreement.digest}), encoding="utf-8")
        beside.replace(data_folder / FILE)
