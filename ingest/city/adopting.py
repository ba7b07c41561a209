"""Makes a city's folder from another city's archive: checked in a folder beside it, then put in its place whole."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zoneinfo import available_timezones

from durable_files.whole_file import sync_folder
from edge_agent.wire import WireError, read_toml_text
from ingest.city.handover_limits import LOGO, SETTINGS
from ingest.city.logo import plain_logo
from ingest.city.mapping import read_mapping
from ingest.city.portable import portable_mapping, strange_settings, toml_text
from ingest.city.template import sample_register
from ingest.errors import UnusableError
from ingest.schema.city import FILE_NAME, MAPPINGS_FOLDER, WORDS_FOLDER, City, read_city
from ingest.schema.errors import CityError
from languages.catalogue import read_own_words
from languages.errors import CatalogueError
from languages.message import Message, Plain, said, why
from languages.po_file import read_po
from languages.terminal import terminal_words

_HEAD: Final = """\
# Pengaturan kota, diambil alih dari arsip kota lain / the city's settings, adopted from another city's archive.
# Semua kunci / all keys: docs/contract.md. Variabel TERANG_... mengalahkan berkas ini / TERANG_... variables override.

"""
_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644


@dataclass(frozen=True, slots=True)
class Adopted:
    """What a new city was made of.

    Attributes:
        sizes: bytes of the archive's files by name.
        mappings: names of the mappings.
        timezone: of the new city.
        title: of its pages, as the other city had it; empty = its name.
    """

    sizes: Mapping[str, int]
    mappings: tuple[str, ...]
    timezone: str
    title: str


def adopt_files(
    files: Mapping[str, bytes],
    folder: Path,
    archive: str,
    name: str,
    timezone: str | None = None,
    broker: str | None = None,
    tls_listen: str | None = None,
) -> Adopted:
    """Write a new city's folder.

    Args:
        files: of the archive.
        folder: the new city's; must not exist, or be empty.
        archive: its name, for errors.
        name: the new city's.
        timezone: IANA name; None = the other city's.
        broker: ``[broker] url``; None = the default.
        tls_listen: ``[broker] tls_listen``; None = not set.

    Raises:
        UnusableError: something of the archive cannot be used, the folder is not empty or cannot be written; no folder
            has appeared then.
    """
    _refuse_used(folder)
    settings = _settings(files[SETTINGS], archive, name, timezone, broker, tls_listen)
    for file, data in files.items():
        _check_file(file, data, f"{archive}: {file}")
    if ("logo" in settings.get("branding", {})) != (LOGO in files):
        raise UnusableError(Message("terminal.error.logo_unmatched", archive=Plain(archive), logo=Plain(LOGO)))
    text = _HEAD + toml_text(settings)
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.absolute().parent))
    except OSError as error:
        raise UnusableError(
            Message("terminal.error.at", where=Plain(error.filename or folder), reason=why(error))
        ) from error
    try:
        city = _write(beside, files, text, archive)
        beside.chmod(_FOLDER_MODE)
        os.rename(beside, folder.absolute())  # noqa: PTH104  # onto nothing or an empty folder, else an error
        sync_folder(folder.absolute().parent)
    except OSError as error:
        raise UnusableError(Message("terminal.error.not_written", folder=Plain(folder), reason=why(error))) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    sizes = {file: len(data) for file, data in files.items()}
    mappings = tuple(file for file in files if file.startswith(f"{MAPPINGS_FOLDER}/"))
    return Adopted(sizes, mappings, city.city.timezone, city.branding.title)


def _refuse_used(folder: Path) -> None:
    try:
        if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
            raise UnusableError(Message("terminal.error.exists", folder=Plain(folder)))
    except OSError as error:
        raise UnusableError(Message("terminal.error.at", where=Plain(folder), reason=why(error))) from error


def _settings(
    data: bytes, archive: str, name: str, timezone: str | None, broker: str | None, tls_listen: str | None
) -> dict[str, Any]:
    settings = _document(data, f"{archive}: {SETTINGS}")
    strange = strange_settings(settings)
    if strange is not None:
        raise UnusableError(
            Message(
                "terminal.error.foreign_setting",
                archive=Plain(archive),
                settings=Plain(SETTINGS),
                strange=Plain(strange),
            )
        )
    if timezone is not None and timezone not in available_timezones():
        raise UnusableError(Message("terminal.error.no_timezone", timezone=timezone))
    if not name.strip():
        raise UnusableError(Message("terminal.error.no_name"))
    if settings.get("branding", {}).get("logo", LOGO) != LOGO:
        raise UnusableError(
            Message("terminal.error.other_logo", archive=Plain(archive), settings=Plain(SETTINGS), logo=Plain(LOGO))
        )
    city = {"name": name, **settings.pop("city", {})}
    if timezone is not None:
        city["timezone"] = timezone
    reached = {"url": broker, "tls_listen": tls_listen}
    known = {key: value for key, value in reached.items() if value is not None}
    return {"city": city, **({"broker": known} if known else {}), **settings}


def _check_file(file: str, data: bytes, where: str) -> None:
    """Refuse what ``export`` would not have written."""
    folder = file.partition("/")[0]
    if file == LOGO:
        if plain_logo(data, where) != data:
            raise UnusableError(Message("terminal.error.more_than_picture", where=Plain(where)))
    elif folder == MAPPINGS_FOLDER:
        _, left = portable_mapping(_mapping(data, where))
        if left:
            raise UnusableError(Message("terminal.error.foreign_part", where=Plain(where), left=Plain(left[0])))
    elif folder == WORDS_FOLDER:
        try:
            read_po(data.decode(), where)
        except (UnicodeDecodeError, CatalogueError) as error:
            raise UnusableError(Message("terminal.error.at", where=Plain(where), reason=why(error))) from error


def _mapping(data: bytes, where: str) -> dict[str, Any]:
    """A mapping's document, of the shape that ``portable_mapping`` reads; ``read_mapping`` judges it later."""
    document = _document(data, where)
    if any(not isinstance(document.get(section, {}), dict) for section in ("lamp", "cabinet")):
        raise UnusableError(Message("terminal.error.no_tables", where=Plain(where)))
    if not isinstance(document.get("cabinet_file", ""), str):
        raise UnusableError(Message("terminal.error.no_cabinet_file", where=Plain(where)))
    return document


def _document(data: bytes, where: str) -> dict[str, Any]:
    try:
        return read_toml_text(data)
    except WireError as error:
        raise UnusableError(Message("terminal.error.no_toml", where=Plain(where), reason=why(error))) from error


def _write(folder: Path, files: Mapping[str, bytes], settings: str, archive: str) -> City:
    """Write the folder's files, and read them as the programs will."""
    written = {
        FILE_NAME: settings.encode(),
        **{file: text.encode() for file, text in sample_register(_zone_of(settings)).items()},
        **{file: data for file, data in files.items() if file != SETTINGS},
    }
    for file, data in written.items():
        path = folder / file
        path.parent.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
    try:
        city = read_city(folder, {})
        read_own_words(city.words_folder)
        for path in sorted((folder / MAPPINGS_FOLDER).glob("*.toml")):
            read_mapping(path)
    except (CityError, CatalogueError, UnusableError) as error:
        reason = said(error, terminal_words(os.environ))
        raise UnusableError(
            Message("terminal.error.at", where=Plain(archive), reason=Plain(reason.replace(f"{folder}/", "")))
        ) from error
    return city


def _zone_of(settings: str) -> str:
    zone = read_toml_text(settings.encode())["city"].get("timezone", "Asia/Jakarta")
    if not isinstance(zone, str) or zone not in available_timezones():
        raise UnusableError(
            Message("terminal.error.city_timezone", file_name=Plain(FILE_NAME), zone=Plain(json.dumps(str(zone)[:40])))
        )
    return zone
