"""The character encoding of a foreign register's text: named, detected from its first bytes, or suggested."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from charset_normalizer import from_bytes

from ingest.errors import UnusableError
from languages.message import Message, Plain

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES: Final = (
    "cp1252", "cp1250", "cp1251", "koi8_r", "cp866", "cp1254", "cp1253", "cp1257", "cp949", "cp932", "gb18030", "big5",
    "euc_jp", "cp874", "cp1255", "cp1256", "cp1258", "cp850", "cp852", "cp437", "mac_roman",
)  # fmt: skip
_OLD: Final = frozenset({"cp850", "cp852", "cp437", "cp866", "mac_roman"})  # only where no other fits as well
_UNNAMED: Final = frozenset(
    {
        "terminal.error.encoding_of_texts",
        "terminal.error.encoding_unnamed",
        "terminal.error.encoding_likely",
        "terminal.error.encoding_likely_or",
    }
)
_LOOKED_AT: Final = 200_000  # bytes
_WORD: Final = re.compile(r"[^\W\d_]+")
_MIXED: Final = re.compile(r"[^\W_]+")
_RARE: Final = frozenset("þÞðÐýÝ¡¿ƒˆ˜Œœ†‡‰‹›¦¬¯¸")  # what a wrong code page makes of another one's letters


def encoding_of(content: bytes, named: str | None, name: str) -> tuple[str, Message | None]:
    """The encoding to read a text with, and what a person should know about it (None = nothing).

    Raises:
        UnusableError: there is no such encoding, the text is not in it, or nobody said which one it is and it cannot
            be determined with certainty.
    """
    if named is not None:
        return _checked(content, named, name), None
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _checked(content, encoding, name), None
    wide = _wide(content)
    if wide:
        return _checked(content, wide, name), Message("finding.wide_text", encoding=Plain(wide))
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        likely = likely_encodings(content)
        if likely[:1] == ["cp1252"]:
            return "cp1252", Message("finding.read_as_cp1252", line=line)
        raise UnusableError(unnamed_encoding(f"{name}:{line}", likely)) from error
    return "utf-8", None


def is_unnamed_encoding(error: UnusableError) -> bool:
    """Whether a text could not be read since nothing says in which encoding it is."""
    message = error.args[0]
    return isinstance(message, Message) and not _UNNAMED.isdisjoint(message.kind)


def unnamed_encoding(where: str, likely: Sequence[str]) -> Message:
    """That a text is no UTF-8 and nobody says what it is, with what to write into the mapping."""
    at = Plain(where)
    if not likely:
        return Message("terminal.error.encoding_unnamed", where=at)
    first = Plain(likely[0])
    if not likely[1:]:
        return Message("terminal.error.encoding_likely", where=at, encoding=first)
    others = Plain(", ".join(likely[1:4]))
    return Message("terminal.error.encoding_likely_or", where=at, encoding=first, others=others)


def _checked(content: bytes, encoding: str, name: str) -> str:
    unknown = Message("terminal.error.no_encoding", file=Plain(name), value=encoding)
    try:
        content.decode(encoding)
        "".encode(encoding)
    except LookupError as error:  # base64 and its like are no encodings of texts
        raise UnusableError(unknown) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        at, why = Plain(f"{name}:{line}"), Plain(error.reason)
        raise UnusableError(
            Message("terminal.error.not_in_encoding", where=at, encoding=Plain(encoding), reason=why, byte=error.start)
        ) from error
    return encoding


def _wide(content: bytes) -> str:
    """UTF-16 without its mark: every other byte of ASCII letters and digits is null."""
    head = content[:4096]
    if len(head) < 4 or b"\0" not in head:
        return ""
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = len(head) / 2
    if odd > 0.3 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 * half and odd < 0.05 * half else ""


def likely_encodings(content: bytes) -> list[str]:
    """Encodings that a text may be in, the likeliest first; short texts leave room for error."""
    sample = content[:_LOOKED_AT].rpartition(b"\n")[0] or content[:_LOOKED_AT]
    guessed = [match.encoding for match in from_bytes(sample, cp_isolation=list(_CANDIDATES))]
    scored = []
    for place, encoding in enumerate(_CANDIDATES):
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        rank = guessed.index(encoding) if encoding in guessed else len(_CANDIDATES)
        oddness = _oddness(text)
        scored.append((round(oddness, 1), encoding in _OLD, round(oddness, 3), rank, place, encoding))
    return [encoding for *_rest, encoding in sorted(scored)]


def _oddness(text: str) -> float:
    """How unlike words of one script the letters beyond ASCII are: 0 = as they should be."""
    letters = [c for c in text if not c.isascii()]
    if not letters:
        return 0.0
    odd = 0.0
    for c in letters:
        category = unicodedata.category(c)
        if category[0] not in "LMN" and c not in "°º²³№–—’‘“”、。，·":
            odd += 1
        elif c in _RARE or "HALFWIDTH" in unicodedata.name(c, "") or category == "Co":
            odd += 0.6
        elif _script(c) == "LATIN" and c > "\xff":
            odd += 0.05  # where nothing else speaks for Central Europe, Western letters are meant
    for word in _WORD.findall(text):
        scripts = {_script(c) for c in word}
        if len(scripts) > 1 and scripts != {"CJK", "KANA"}:
            odd += sum(not c.isascii() for c in word)
        elif any(a.islower() and b.isupper() for a, b in pairwise(word)):
            odd += 0.5
    for word in _MIXED.findall(text):  # Pe๑a is no word, though Thai has such digits
        if any("A" <= c <= "z" for c in word):
            odd += sum(c.isdecimal() and not c.isascii() for c in word)
    common = sum(_script(c) in {"HANGUL", "KANA"} for c in letters)  # what only Korean and Japanese text decodes to
    return (odd - 0.3 * common) / len(letters)


def _script(c: str) -> str:
    if c.isascii():
        return "LATIN"
    first = unicodedata.name(c, "?").split()[0]
    return {"HIRAGANA": "KANA", "KATAKANA": "KANA"}.get(first, first) if first != "CJK" else "CJK"
