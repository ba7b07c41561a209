"""The last registers of a city, kept in its data folder so that they can be restored.

One ZIP file for each version, holding the two CSV files as they were applied and a few words about them. Written beside
and renamed, so that a power cut leaves whole files alone.
"""

from __future__ import annotations

import json
import re
import time
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from durable_files.bounded_read import is_special
from durable_files.whole_file import replacing
from edge_agent.wire import read_json
from ingest.errors import UnusableError
from ingest.schema.city import CABINETS_FILE, LAMPS_FILE
from languages.message import Message, Plain, why

FOLDER: Final = "registers"  # in the city's data folder
KEPT: Final = 10
_ABOUT: Final = "about.json"
_NAME: Final = re.compile(r"register-(\d{6,10})-([0-9a-f]{12})\.zip")
MAX_BYTES: Final = 2 << 30  # of a register's files
_MAX_ABOUT_BYTES: Final = 10_000
# what a damaged archive makes of its readers
_BROKEN: Final = (OSError, zipfile.BadZipFile, zlib.error, ValueError, KeyError, TypeError, RuntimeError, EOFError)


@dataclass(frozen=True, slots=True)
class Kept:
    """A register that can be had back: its version, when and from where it was applied, how many lamps it has."""

    path: Path
    version: int
    digest: str
    applied_at_us: int
    source: str
    n_lamps: int


def keep(
    data_folder: Path, version: int, digest: str, lamps: bytes, cabinets: bytes, source: str, n_lamps: int
) -> None:
    """Keep a register that is in force now; the oldest beyond `KEPT` go.

    Raises:
        OSError: the folder cannot be written to.
    """
    folder = data_folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = f"register-{version:06d}-{digest[:12]}.zip"
    about = {
        "version": version,
        "digest": digest,
        "applied_at_us": time.time_ns() // 1000,
        "source": source,
        "n_lamps": n_lamps,
    }
    with (
        replacing(folder / name, is_shared=True) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        archive.writestr(_ABOUT, json.dumps(about))
        archive.writestr(LAMPS_FILE, lamps)
        archive.writestr(CABINETS_FILE, cabinets)
    for old in kept_registers(data_folder)[KEPT:]:
        with suppress(OSError):
            old.path.unlink()


def kept_registers(data_folder: Path) -> list[Kept]:
    """The registers that can be had back, newest first; files that cannot be read are passed over."""
    found = []
    for path in (data_folder / FOLDER).glob("register-*.zip"):
        match = _NAME.fullmatch(path.name)
        if match is None:
            continue
        with suppress(*_BROKEN):
            about = _about(path)
            found.append(
                Kept(
                    path,
                    int(about["version"]),
                    str(about["digest"]),
                    int(about["applied_at_us"]),
                    str(about["source"]),
                    int(about["n_lamps"]),
                )
            )
    return sorted(found, key=lambda kept: (kept.version, kept.applied_at_us), reverse=True)


def _about(path: Path) -> dict[str, Any]:
    """What an archive says of itself, read no further than that can be.

    Raises:
        Exception: one of ``_BROKEN``.
    """
    if is_special(path):
        raise ValueError("not a regular file")
    with zipfile.ZipFile(path) as archive, archive.open(_ABOUT) as file:
        document: dict[str, Any] = read_json(file.read(_MAX_ABOUT_BYTES + 1), max_bytes=_MAX_ABOUT_BYTES)
    return document


def files_of(kept: Kept) -> tuple[bytes, bytes]:
    """``lamps.csv`` and ``cabinets.csv`` of a kept register.

    Raises:
        UnusableError: its file cannot be read.
    """
    try:
        with zipfile.ZipFile(kept.path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise UnusableError(
                    Message("terminal.error.unpacks_to_gib", file=Plain(kept.path), max_bytes=Plain(MAX_BYTES >> 30))
                )
            return archive.read(LAMPS_FILE), archive.read(CABINETS_FILE)
    except _BROKEN as error:
        raise UnusableError(Message("terminal.error.unreadable", file=Plain(kept.path), reason=why(error))) from error
