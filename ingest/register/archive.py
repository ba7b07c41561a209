"""The last registers of a city, kept in its data folder so that they can be restored.

One ZIP file for each version, holding the two CSV files as they were applied and a few words about them. Written beside
and renamed, so that a power cut leaves whole files alone.
"""

from __future__ import annotations

import json
import re
import time
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from durable_files.whole_file import replacing
from ingest.errors import UnusableError
from ingest.schema.city import CABINETS_FILE, LAMPS_FILE

FOLDER: Final = "registers"  # in the city's data folder
KEPT: Final = 10
_ABOUT: Final = "about.json"
_NAME: Final = re.compile(r"register-(\d{6,10})-([0-9a-f]{12})\.zip")
_MAX_BYTES: Final = 2 << 30


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
        with suppress(OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError):
            with zipfile.ZipFile(path) as archive:
                about = json.loads(archive.read(_ABOUT))
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


def files_of(kept: Kept) -> tuple[bytes, bytes]:
    """``lamps.csv`` and ``cabinets.csv`` of a kept register.

    Raises:
        UnusableError: its file cannot be read.
    """
    try:
        with zipfile.ZipFile(kept.path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MAX_BYTES:
                raise UnusableError(f"{kept.path}: unpacks to more than {_MAX_BYTES >> 30} GiB")
            return archive.read(LAMPS_FILE), archive.read(CABINETS_FILE)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise UnusableError(f"{kept.path}: cannot be read: {error}") from error
