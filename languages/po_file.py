"""Reads the part of gettext's PO format that the catalogues use: comments, ``msgid``, ``msgstr``, continued strings.

Babel reads the same files in the tests and agrees; it is not used here because the agent has 40 MB to live in.
Contexts and plural forms are not used: an id is a name, and a plural is a message of its own (``….one``, ``….other``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from languages.errors import CatalogueError

_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"$')
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


def read_po(text: str, name: str) -> dict[str, str]:
    """Message texts by id; the header stands under ``""``. Empty and fuzzy translations are left out, as msgfmt does.

    Args:
        text: the file's content.
        name: of the file, for errors.

    Raises:
        CatalogueError: a line that is not of the format, an id that stands twice.
    """
    messages: dict[str, str] = {}
    for message, translation, is_fuzzy, line in _entries(text, name):
        if message in messages:
            raise CatalogueError(f"{name}:{line}: {message!r} stands twice")
        if translation and (not is_fuzzy or not message):
            messages[message] = translation
    return messages


def po_text(language: str, messages: Mapping[str, str]) -> str:
    """A catalogue's text: a header that names the language alone, then the messages in order of their ids."""
    header = f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
    entries = [f"msgid {_quoted(message)}\nmsgstr {_quoted(messages[message])}\n" for message in sorted(messages)]
    return "\n".join([header, *entries])


def _quoted(text: str) -> str:
    marks = {character: f"\\{letter}" for letter, character in _ESCAPED.items()}
    return f'"{"".join(marks.get(character, character) for character in text)}"'


def _entries(text: str, name: str) -> Iterator[tuple[str, str, bool, int]]:
    """``(id, text, is fuzzy, line)`` of each entry."""
    parts: dict[str, str] = {}
    field = ""
    is_fuzzy = is_next_fuzzy = False
    started = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            is_next_fuzzy |= line.startswith("#,") and "fuzzy" in line
            field = ""
            continue
        keyword, _, rest = line.partition(" ") if not line.startswith('"') else (field, "", line)
        if keyword == "msgid" and rest != line:
            if parts:
                yield _entry(parts, is_fuzzy, started, name)
            parts, is_fuzzy, is_next_fuzzy, started = {}, is_next_fuzzy, False, number
        if keyword not in {"msgid", "msgstr"} or (keyword != field and keyword in parts):
            raise CatalogueError(f"{name}:{number}: expected msgid, msgstr or a continued string")
        field = keyword
        parts[field] = parts.get(field, "") + _string(rest, name, number)
    if parts:
        yield _entry(parts, is_fuzzy, started, name)


def _entry(parts: dict[str, str], is_fuzzy: bool, started: int, name: str) -> tuple[str, str, bool, int]:
    if parts.keys() != {"msgid", "msgstr"}:
        raise CatalogueError(f"{name}:{started}: an entry has one msgid and one msgstr")
    return parts["msgid"], parts["msgstr"], is_fuzzy, started


def _string(text: str, name: str, number: int) -> str:
    found = _STRING.match(text.strip())
    if found is None:
        raise CatalogueError(f"{name}:{number}: not a quoted string")
    return _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[0]), found[1])
