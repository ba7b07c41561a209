"""Gathers what a city hands to the next: a list of keys, and a search for what must not be among their values."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from durable_files.bounded_read import read_bounded
from edge_agent.wire import WireError, read_toml_text
from ingest.city.handover_limits import LOGO, MAX_FILE, NAMES, SETTINGS
from ingest.city.logo import plain_logo
from ingest.city.mapping import read_mapping
from ingest.city.portable import portable_mapping, portable_settings, toml_text
from ingest.city.private_texts import known_secrets, look_of, texts_in
from ingest.errors import UnusableError
from ingest.register.folder_register import read_folder
from ingest.schema.city import CABINETS_FILE, FILE_NAME, LAMPS_FILE, MAPPINGS_FOLDER, WORDS_FOLDER, City, read_city
from languages.catalogue import read_own_words
from languages.errors import CatalogueError
from languages.message import Message, Plain, why
from languages.po_file import po_text

_LOOKS: Final = {
    "e_mail": Message("terminal.error.private.e_mail"),
    "url_login": Message("terminal.error.private.url_login"),
    "key": Message("terminal.error.private.key"),
    "token": Message("terminal.error.private.token"),
    "address": Message("terminal.error.private.address"),
    "number": Message("terminal.error.private.number"),
}


@dataclass(frozen=True, slots=True)
class Export:
    """What an archive will hold.

    Attributes:
        files: bytes by name.
        left: ``(file, key)`` of what a mapping holds and stays.
        texts: ``(where, text)`` of free texts, for somebody to read.
    """

    files: Mapping[str, bytes]
    left: tuple[tuple[str, str], ...]
    texts: tuple[tuple[str, str], ...]


def export_files(folder: Path, map_files: Sequence[Path], environment: Mapping[str, str]) -> Export:
    """What a city hands over.

    Args:
        folder: the city's.
        map_files: mappings beside those of its ``mappings`` folder.
        environment: variables, whose secrets are looked for; nothing of it is handed over.

    Raises:
        UnusableError: a file cannot be used, or a text that would be handed over looks like a secret or a person's.
        CityError: ``city.toml`` is broken.
    """
    read_city(folder, {})
    city = read_city(folder, environment)
    secrets = known_secrets(city, _accounts(folder))
    document = _document(folder / FILE_NAME)
    settings = portable_settings(document)
    files: dict[str, bytes] = {}
    texts: list[tuple[str, str]] = []
    left: list[tuple[str, str]] = []
    if "logo" in settings.get("branding", {}):
        files[LOGO] = plain_logo(_bytes(folder / settings["branding"]["logo"]), f"{FILE_NAME}: [branding] logo")
        settings["branding"]["logo"] = LOGO
    _refuse_private(settings, FILE_NAME, secrets)
    files[SETTINGS] = toml_text(settings).encode()
    texts += [
        (f"{FILE_NAME}: [{section}] {key}", str(settings[section][key]))
        for section, key in (("branding", "title"), ("public", "licence"), ("public", "columns"))
        if settings.get(section, {}).get(key)
    ]
    for path in _mappings(folder, map_files):
        mapping, gone = portable_mapping(_mapping_document(path))
        name = _name(MAPPINGS_FOLDER, path)
        _refuse_private(mapping, str(path), secrets)
        if name in files:
            raise UnusableError(Message("terminal.error.two_mappings", file=Plain(path)))
        files[name] = toml_text(mapping).encode()
        left += [(name, key) for key in gone]
    for language, words in _own_words(city).items():
        _refuse_private(words, f"{WORDS_FOLDER}/{language}.po", secrets)
        files[f"{WORDS_FOLDER}/{language}.po"] = po_text(language, words).encode()
        texts += [(f"{WORDS_FOLDER}/{language}.po: {message}", text) for message, text in words.items()]
    return Export(files, tuple(left), tuple(texts))


def _accounts(folder: Path) -> list[str]:
    """Supply accounts of the register; none where there is no register that can be read."""
    if not ((folder / LAMPS_FILE).exists() and (folder / CABINETS_FILE).exists()):
        return []
    return list(read_folder(folder).register.cabinets.supply_account)


def _mappings(folder: Path, more: Sequence[Path]) -> list[Path]:
    own = sorted((folder / MAPPINGS_FOLDER).glob("*.toml"))
    known = {path.resolve() for path in own}
    return [*own, *(path for path in more if path.resolve() not in known)]


def _name(kind: str, path: Path) -> str:
    name = f"{kind}/{path.name}"
    if NAMES.fullmatch(name) is None:
        raise UnusableError(Message("terminal.error.archive_name", file=Plain(path)))
    return name


def _mapping_document(path: Path) -> dict[str, Any]:
    read_mapping(path)
    return _document(path)


def _own_words(city: City) -> Mapping[str, Mapping[str, str]]:
    try:
        return read_own_words(city.words_folder)
    except (CatalogueError, OSError) as error:
        raise UnusableError(why(error)) from error


def _document(path: Path) -> dict[str, Any]:
    try:
        return read_toml_text(_bytes(path))
    except WireError as error:
        raise UnusableError(Message("terminal.error.no_toml", where=Plain(path), reason=why(error))) from error


def _bytes(path: Path) -> bytes:
    try:
        return read_bounded(path, MAX_FILE)
    except OSError as error:
        if error.errno == errno.EFBIG:
            long = Message("terminal.error.long_file", file=Plain(path), max_file=Plain(MAX_FILE))
            raise UnusableError(long) from error
        raise UnusableError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error


def _refuse_private(document: Mapping[str, Any], file: str, secrets: Sequence[str]) -> None:
    """Refuse what looks like a secret or a person's, without showing it."""
    for where, text in texts_in(document):
        look = look_of(text)
        if look is not None:
            raise UnusableError(Message("terminal.error.private", file=Plain(file), where=where, what=_LOOKS[look]))
        if any(secret in text for secret in secrets):
            raise UnusableError(Message("terminal.error.holds_secret", file=Plain(file), where=where))
