"""The archive that one city hands to the next: a ZIP file of a manifest and a few small files of known names.

Written the same from the same content. Read whole into memory, never unpacked onto the disk: names are compared with
a list, so a path that leads out of a folder is no more than a wrong name. docs/decisions/0014-the-archive-of-a-city.md
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ingest.city.handover_limits import (
    FORMAT,
    MANIFEST,
    MAX_ALL,
    MAX_ARCHIVE,
    MAX_FILE,
    MAX_FILES,
    MAX_RATIO,
    NAMES,
    SETTINGS,
    VERSION,
)
from ingest.errors import UnusableError
from languages.message import Message, Plain, shown, why

_BEGIN: Final = b"PK\x03\x04"
_WRITTEN_AT: Final = (1980, 1, 1, 0, 0, 0)  # the same archive from the same content; it tells nobody's working hours
_BROKEN: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
    OverflowError,
    IndexError,
    OSError,
)


def archive_bytes(files: Mapping[str, bytes], terang: str) -> bytes:
    """The archive of these files by name, with a manifest of their sizes and digests.

    Raises:
        UnusableError: a name has no place in an archive, or there is more than a reader takes.
    """
    about = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in sorted(files.items())
    }
    manifest = {"format": FORMAT, "version": VERSION, "terang": terang, "files": about}
    written = {MANIFEST: json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n", **dict(sorted(files.items()))}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in written.items():
            entry = zipfile.ZipInfo(name, _WRITTEN_AT)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            # what packs better than a reader takes is stored as it is
            is_small = len(data) < MAX_RATIO * len(zlib.compress(data))
            entry.compress_type = zipfile.ZIP_DEFLATED if is_small else zipfile.ZIP_STORED
            archive.writestr(entry, data)
    made = packed.getvalue()
    files_of(made, "archive")  # as the next city reads it
    return made


def read_archive(path: Path) -> dict[str, bytes]:
    """The files of an archive by name, without its manifest.

    Raises:
        UnusableError: it cannot be read, is none, is damaged, of a newer version, or holds what has no place in one.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait for its writer
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnusableError(Message("terminal.error.no_regular_file", file=Plain(path)))
            data = file.read(MAX_ARCHIVE + 1)
    except OSError as error:
        raise UnusableError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
    return files_of(data, str(path))


def files_of(data: bytes, path: str) -> dict[str, bytes]:
    """As ``read_archive``, of an archive's bytes; ``path`` names it in errors."""
    if len(data) > MAX_ARCHIVE:
        raise UnusableError(Message("terminal.error.long_archive", file=Plain(path), max_archive=Plain(MAX_ARCHIVE)))
    if not data.startswith(_BEGIN):
        raise UnusableError(Message("terminal.error.no_archive", file=Plain(path)))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries, path)
            found = {entry.filename: _content(archive, entry, path) for entry in entries}
    except _BROKEN as error:
        raise UnusableError(Message("terminal.error.damaged", file=Plain(path), reason=str(error)[:100])) from error
    _check_manifest(found, path)
    return {name: content for name, content in found.items() if name != MANIFEST}


def _check_entries(entries: list[zipfile.ZipInfo], path: str) -> None:
    """Refuse by what the archive's directory says, before anything is unpacked."""
    if len(entries) > MAX_FILES:
        raise UnusableError(
            Message(
                "terminal.error.many_files", file=Plain(path), entries=Plain(len(entries)), max_files=Plain(MAX_FILES)
            )
        )
    names: set[str] = set()
    for entry in entries:
        where = f"{path}: {shown(entry.orig_filename[:100])}"
        mode = entry.external_attr >> 16
        parts = entry.orig_filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0] or entry.orig_filename != entry.filename:
            raise UnusableError(Message("terminal.error.leads_out", where=Plain(where)))
        if stat.S_IFMT(mode) not in {0, stat.S_IFREG} or entry.is_dir():
            raise UnusableError(Message("terminal.error.no_plain_file", where=Plain(where)))
        if entry.flag_bits & 0x1 or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise UnusableError(Message("terminal.error.otherwise_packed", where=Plain(where)))
        if entry.file_size > MAX_FILE or entry.file_size > MAX_RATIO * max(1, entry.compress_size):
            raise UnusableError(
                Message("terminal.error.unpacks_to", where=Plain(where), file_size=Plain(entry.file_size))
            )
        if entry.filename.lower() in names:
            raise UnusableError(Message("terminal.error.twice", where=Plain(where)))
        names.add(entry.filename.lower())
    if sum(entry.file_size for entry in entries) > MAX_ALL:
        raise UnusableError(Message("terminal.error.unpacks_to_more", file=Plain(path), max_all=Plain(MAX_ALL)))


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str) -> bytes:
    """One file, read no further than its directory said."""
    with archive.open(entry) as file:
        data = file.read(entry.file_size + 1)
        if len(data) != entry.file_size or file.read(1):
            raise UnusableError(Message("terminal.error.other_length", file=Plain(path), filename=entry.filename))
    return data


def _check_manifest(files: Mapping[str, bytes], path: str) -> None:
    manifest = _manifest(files, path)
    version = manifest.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise UnusableError(Message("terminal.error.no_version", file=Plain(path), manifest=Plain(MANIFEST)))
    if version > VERSION:
        terang = str(manifest.get("terang"))[:40]
        raise UnusableError(
            Message("terminal.error.newer_format", file=Plain(path), version=version, terang=terang, known=VERSION)
        )
    about = manifest.get("files")
    if not isinstance(about, dict) or SETTINGS not in about:
        raise UnusableError(
            Message(
                "terminal.error.manifest_lacks", file=Plain(path), manifest=Plain(MANIFEST), settings=Plain(SETTINGS)
            )
        )
    for name in sorted(files.keys() | about.keys()):
        if NAMES.fullmatch(name) is None or (name == MANIFEST and name in about):
            raise UnusableError(Message("terminal.error.no_place_in_archive", file=Plain(path), name=name[:100]))
        if name == MANIFEST:
            continue
        if name not in about or name not in files:
            raise UnusableError(Message("terminal.error.manifest_differs", file=Plain(path), name=Plain(name)))
        said = {"size": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}
        if about[name] != said:
            raise UnusableError(Message("terminal.error.other_digest", file=Plain(path), name=Plain(name)))


def _manifest(files: Mapping[str, bytes], path: str) -> dict[str, Any]:
    try:
        manifest = json.loads(files[MANIFEST].decode())
    except KeyError:
        raise UnusableError(Message("terminal.error.no_manifest", file=Plain(path), manifest=Plain(MANIFEST))) from None
    except (ValueError, RecursionError) as error:
        raise UnusableError(
            Message("terminal.error.manifest_no_json", file=Plain(path), manifest=Plain(MANIFEST))
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise UnusableError(
            Message("terminal.error.other_format", file=Plain(path), manifest=Plain(MANIFEST), format=Plain(FORMAT))
        )
    return manifest
