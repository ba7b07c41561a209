"""Words that registers use everywhere: empty values, lamp technologies, phases, "as above", "taken down".

The words themselves are in ``words.toml``.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

PHASE_WORDS: Final = {"l1": "R", "l2": "S", "l3": "T"}
_LETTERS: Final = re.compile(r"[\W_]+")
_ACCENTED: Final = ("LATIN", "GREEK", "CYRILLIC")  # scripts whose letters are the same word without their accents
_LETTERS_OF_THEIR_OWN: Final = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d"})
_PARTS: Final = re.compile(r"[\s,;()/+-]+")
_FILLER: Final = re.compile(
    r"^(?:lamp|lampu|lampara|lampada|lampa|oprawa|лампа|den)|(?:lamp|lampu|lampe|lampen|lampa|lights?|灯|燈|ランプ|등)$"
)
_LONGEST_SHORT: Final = 5  # letters of a word that may stand within another one by chance
_LONGEST_EMPTY: Final = 20  # characters of a value that says that nobody knows


@cache
def words() -> Mapping[str, Any]:
    """The content of ``words.toml``."""
    return tomllib.loads(resources.files("ingest.city").joinpath("words.toml").read_text(encoding="utf-8"))


@cache
def _listed(name: str) -> frozenset[str]:
    """A list of ``words.toml``, or of its table of rows, without case."""
    content = words()
    return frozenset(map(_spaced, content.get(name) or content["rows"][name]))


@cache
def _technology_words() -> Mapping[str, str]:
    listed: Mapping[str, list[str]] = words()["technology"]
    return {letters_of(word): name for name, meaning in listed.items() for word in meaning}


@cache
def _stems() -> tuple[tuple[str, str], ...]:
    listed: Mapping[str, list[str]] = words()["stems"]
    return tuple((letters_of(stem), name) for name, stems in listed.items() for stem in stems)


@cache
def _low_pressure() -> tuple[str, ...]:
    return tuple(map(letters_of, words()["low_pressure"]))


@cache
def _removed() -> tuple[str, ...]:
    return tuple(letters_of(word) for word in words()["rows"]["removed"])


def _spaced(text: str) -> str:
    """A text without case and surplus blanks, full-width characters as ordinary ones."""
    return " ".join((text if text.isascii() else unicodedata.normalize("NFKC", text)).split()).casefold()


def plain_letters(text: str) -> str:
    """A text without case and accents: ``Sodíková`` and ``sodikova`` are one word, ``ＬＥＤ`` is ``led``."""
    if text.isascii():
        return text.casefold()
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(map(_without_accent, unicodedata.normalize("NFC", text))).translate(_LETTERS_OF_THEIR_OWN)


@cache
def _without_accent(letter: str) -> str:
    name = unicodedata.name(letter, "")
    if not name.startswith(_ACCENTED):
        return letter
    return "".join(c for c in unicodedata.normalize("NFD", letter) if not unicodedata.combining(c))


def letters_of(text: str) -> str:
    """A word without case, accents, blanks and marks, for comparison."""
    return _LETTERS.sub("", plain_letters(text))


def is_empty(text: str) -> bool:
    """Whether a value says that nobody knows."""
    return not text or (len(text) <= _LONGEST_EMPTY and _spaced(text) in _listed("empty"))


def is_ditto(text: str) -> bool:
    """Whether a value is a mark for "as in the row above"."""
    return 0 < len(text) <= _LONGEST_EMPTY and _spaced(text) in _listed("ditto")


def says_removed(text: str) -> bool:
    """Whether a lamp's state or remark begins with a word for "taken down"."""
    return bool(text) and letters_of(text).startswith(_removed())


def technology_of(text: str) -> str:
    """The contract's word for a technology; "" where the register's is not among those that everybody uses.

    The whole text counts first, then those of its words that name a technology, if they agree, then what is common to a
    word's forms.
    """
    whole = _known(text)
    if whole:
        return whole
    letters = letters_of(text)
    if _is_low_pressure(text, letters):
        return ""
    parts = {found for part in _PARTS.split(text) if (found := _known(part))}
    if not parts:
        parts = {name for stem, name in _stems() if stem in letters}
    return parts.pop() if len(parts) == 1 else ""


def _is_low_pressure(text: str, letters: str) -> bool:
    """Short words count at the beginning of a word alone: świetlówka has no low pressure."""
    starts = [letters_of(part) for part in _PARTS.split(text)]
    return any(
        word in letters if len(word) > _LONGEST_SHORT or not word.isascii() else any(s.startswith(word) for s in starts)
        for word in _low_pressure()
    )


def _known(text: str) -> str:
    key = letters_of(text)
    return _technology_words().get(key) or _technology_words().get(_FILLER.sub("", key), "")
