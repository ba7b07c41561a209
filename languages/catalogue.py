"""A language's messages, filled in with named parameters; and all languages that there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from languages.errors import CatalogueError
from languages.po_file import read_po

FOLDER: Final = Path(__file__).parent
FALLBACK: Final = "en"  # says what another language does not say yet
OWN_NAME: Final = "language.name"
MAX_OWN_BYTES: Final = 1 << 20  # of a file of a city's own words
MAX_OWN_FILES: Final = 32
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_CODE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The messages of one language.

    Attributes:
        language: its code (BCP 47), such as ``id``.
        messages: text by message id, with the fallback's texts where this language has none.
    """

    language: str
    messages: Mapping[str, str]

    def say(self, message: str, /, **parameters: object) -> str:
        """The message with its ``{name}`` filled in; an unknown id shows as it is, an unknown name stays."""
        text = self.messages.get(message, message)
        return _PARAMETER.sub(lambda found: str(parameters.get(found[1], found[0])), text)

    def find(self, message: str) -> str | None:
        """The message as it stands in the catalogue, or None."""
        return self.messages.get(message)


class Languages:
    """All catalogues of a folder, by language code."""

    def __init__(self, catalogues: Iterable[Catalogue]) -> None:
        """Hold ``catalogues``; the fallback is one of them."""
        self._catalogues = {catalogue.language: catalogue for catalogue in catalogues}

    def __contains__(self, language: object) -> bool:
        """Whether there is such a language."""
        return language in self._catalogues

    def __iter__(self) -> Iterator[Catalogue]:
        """The catalogues by code."""
        return iter(self._catalogues.values())

    def __getitem__(self, language: str) -> Catalogue:
        """One language's catalogue.

        Raises:
            KeyError: there is none.
        """
        return self._catalogues[language]

    @property
    def codes(self) -> tuple[str, ...]:
        """Their codes in order."""
        return tuple(self._catalogues)


def language_codes(folder: Path | None = None) -> tuple[str, ...]:
    """Codes of the languages that have a catalogue in ``folder`` (default: the installed ones)."""
    return tuple(sorted(path.stem for path in (folder or FOLDER).glob("*.po")))


def load_catalogue(language: str, folder: Path | None = None) -> Catalogue:
    """One language's catalogue, completed from the fallback's.

    Raises:
        CatalogueError: there is no such catalogue, or one that cannot be read.
    """
    if not _CODE.fullmatch(language):
        raise CatalogueError(f"{language!r} is no language code such as id or en")
    fallback = _read((folder or FOLDER) / f"{FALLBACK}.po")
    own = fallback if language == FALLBACK else _read((folder or FOLDER) / f"{language}.po")
    return Catalogue(language, {name: text for name, text in {**fallback, **own}.items() if name})


def load_languages(folder: Path | None = None, own: Path | None = None) -> Languages:
    """Every language that has a catalogue in ``folder`` (default: the installed ones).

    Args:
        folder: of the catalogues.
        own: folder of a city's own words, which go before the catalogues'; also of languages that have none there.

    Raises:
        CatalogueError: a catalogue cannot be read, or the city's own words are too many.
    """
    words = {} if own is None else read_own_words(own)
    codes = language_codes(folder)
    made = []
    for language in sorted({*codes, *words}):
        installed = load_catalogue(language if language in codes else FALLBACK, folder).messages
        english = {} if language in codes and language != FALLBACK else words.get(FALLBACK, {})
        made.append(Catalogue(language, {**installed, **english, **words.get(language, {})}))
    return Languages(made)


def read_own_words(folder: Path) -> dict[str, dict[str, str]]:
    """A city's own words by language and message id; empty where there is no such folder.

    Raises:
        CatalogueError: a file's name is no language, it cannot be read, or it is longer than ``MAX_OWN_BYTES``.
    """
    paths = sorted(folder.glob("*.po"))
    if len(paths) > MAX_OWN_FILES:
        raise CatalogueError(f"{folder}: holds {len(paths)} languages; at most {MAX_OWN_FILES} are read")
    found = {}
    for path in paths:
        if not _CODE.fullmatch(path.stem):
            raise CatalogueError(f"{path}: {path.stem!r} is no language code such as id or en")
        if path.stat().st_size > MAX_OWN_BYTES:
            raise CatalogueError(f"{path}: is longer than {MAX_OWN_BYTES} bytes")
        found[path.stem] = {message: text for message, text in _read(path).items() if message}
    return found


def _read(path: Path) -> Mapping[str, str]:
    try:
        found = path.stat()
        return _messages(path, found.st_mtime_ns, found.st_size)
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: {error}") from error


@lru_cache(maxsize=2 * MAX_OWN_FILES)
def _messages(path: Path, _mtime_ns: int, _size: int) -> Mapping[str, str]:
    """A file's messages, read again when it has changed: many commands and answers ask for the same few files."""
    return MappingProxyType(read_po(path.read_text(encoding="utf-8"), path.name))
