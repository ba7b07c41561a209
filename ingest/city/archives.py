"""ZIP archives in which a register is handed out: a Shapefile's several files, KMZ, or one file of any other kind.

Members are unpacked, with bounded size, into a folder that is removed afterwards; nothing else of an archive is used.
"""

from __future__ import annotations

import contextlib
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from ingest.city.isolated_reading import check_archive
from ingest.errors import UnusableError
from ingest.register.issue import listed, shown

_SHAPEFILE: Final = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg"})
_REGISTERS: Final = frozenset({".shp", ".gpkg", ".kml", ".geojson", ".json", ".csv", ".txt", ".xlsx", ".xls", ".ods"})
_MOST_REGISTERS: Final = 50


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The folder that holds an archive's registers and what belongs to them.

    Raises:
        UnusableError: it is no archive, is encrypted or broken, or unpacks to more than a register can be.
    """
    check_archive(path, "archive")
    with tempfile.TemporaryDirectory(prefix="terang-") as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist():
                    member = PurePosixPath(entry.filename.replace("\\", "/"))
                    suffix = member.suffix.lower()
                    is_used = suffix in _REGISTERS | _SHAPEFILE and "__MACOSX" not in member.parts
                    if entry.is_dir() or not is_used or member.name.startswith("."):
                        continue
                    target = folder / f"{member.stem}{suffix}"
                    if target.exists():
                        raise UnusableError(f"{path}: holds {shown(member.name)} twice: unpack the one that counts")
                    with archive.open(entry) as content:
                        target.write_bytes(content.read())
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
            raise UnusableError(f"{path}: cannot be unpacked: {' '.join(str(error).split())}") from error
        yield folder


def registers_in(folder: Path) -> list[str]:
    """The names of the files that may be registers, sorted."""
    return sorted(file.name for file in folder.iterdir() if file.suffix in _REGISTERS)


def chosen_member(folder: Path, path: Path, sheet: str | None) -> tuple[Path, bool]:
    """The archive's file that is meant, and whether ``sheet`` named it: with or without its ending.

    Raises:
        UnusableError: there is none, or it is not clear which.
    """
    names = registers_in(folder)
    if not names:
        raise UnusableError(f"{path}: is an archive without a register: unpack it and name the file")
    named = [name for name in names if sheet is not None and sheet in (name, Path(name).stem)]
    if len(named) == 1:
        return folder / named[0], True
    if len(names) > 1:
        some = listed(names[:_MOST_REGISTERS])
        raise UnusableError(f"{path}: holds {len(names)} files: {some}; name the lamps' as [source] sheet")
    return folder / names[0], False
