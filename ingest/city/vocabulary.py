"""Words that registers use everywhere, so that no mapping has to name them: empty values, lamp technologies, phases.

The words themselves are in ``words.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

PHASE_WORDS: Final = {"l1": "R", "l2": "S", "l3": "T"}
_LETTERS: Final = re.compile(r"[\W_]+")
_PARTS: Final = re.compile(r"[\s,;()/+-]+")
_FILLER: Final = re.compile(
    r"^(?:lamp|lampu|lampara|lámpara|lâmpada|oprawa|лампа)|(?:lamp|lampu|lampe|lampen|lights?|灯|등)$"
)
_LONGEST_EMPTY: Final = 20  # characters of a value that says that nobody knows


@cache
def words() -> Mapping[str, Any]:
    """The content of ``words.toml``."""
    return tomllib.loads(resources.files("ingest.city").joinpath("words.toml").read_text(encoding="utf-8"))


@cache
def _empty_words() -> frozenset[str]:
    return frozenset(words()["empty"])


@cache
def _technology_words() -> Mapping[str, str]:
    listed: Mapping[str, list[str]] = words()["technology"]
    return {letters_of(word): name for name, meaning in listed.items() for word in meaning}


def letters_of(text: str) -> str:
    """A word without case, blanks and marks, for comparison."""
    return _LETTERS.sub("", text.casefold())


def is_empty(text: str) -> bool:
    """Whether a value says that nobody knows."""
    return not text or (len(text) <= _LONGEST_EMPTY and " ".join(text.split()).casefold() in _empty_words())


def technology_of(text: str) -> str:
    """The contract's word for a technology; "" where the register's is not among those that everybody uses.

    The whole text counts first, then those of its words that name a technology, if they agree.
    """
    whole = _known(text)
    if whole:
        return whole
    low: list[str] = words()["low_pressure"]
    parts = {found for part in _PARTS.split(text) if (found := _known(part))}
    return parts.pop() if len(parts) == 1 and not any(word in text.casefold() for word in low) else ""


def _known(text: str) -> str:
    key = letters_of(text)
    return _technology_words().get(key) or _technology_words().get(_FILLER.sub("", key), "")
