"""A language's messages, filled in with named parameters; and all languages that there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from languages.errors import CatalogueError
from languages.po_file import read_po

FOLDER: Final = Path(__file__).parent
FALLBACK: Final = "en"  # says what another language does not say yet
OWN_NAME: Final = "language.name"
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


def load_languages(folder: Path | None = None) -> Languages:
    """Every language that has a catalogue in ``folder`` (default: the installed ones).

    Raises:
        CatalogueError: a catalogue cannot be read.
    """
    return Languages(load_catalogue(language, folder) for language in language_codes(folder))


def _read(path: Path) -> dict[str, str]:
    try:
        return read_po(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: {error}") from error
