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
from ingest.register.issue import shown

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
_LOOKED_AT: Final = 200_000  # bytes
_WORD: Final = re.compile(r"[^\W\d_]+")
_MIXED: Final = re.compile(r"[^\W_]+")
_RARE: Final = frozenset("þÞðÐýÝ¡¿ƒˆ˜Œœ†‡‰‹›¦¬¯¸")  # what a wrong code page makes of another one's letters


def encoding_of(content: bytes, named: str | None, name: str) -> tuple[str, str]:
    """The encoding to read a text with, and what a person should know about it ("" = nothing).

    Raises:
        UnusableError: there is no such encoding, the text is not in it, or nobody said which one it is and it cannot
            be determined with certainty.
    """
    if named is not None:
        return _checked(content, named, name), ""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _checked(content, encoding, name), ""
    wide = _wide(content)
    if wide:
        return _checked(content, wide, name), f"has no byte-order mark and was read as {wide}"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        likely = likely_encodings(content)
        if likely[:1] == ["cp1252"]:
            return "cp1252", f"not UTF-8 from line {line} on: read as cp1252; name the encoding if letters are wrong"
        text = f"{name}:{line}: is not UTF-8, and no encoding is named{likely_text(likely)}"
        raise UnusableError(text) from error
    return "utf-8", ""


def likely_text(likely: Sequence[str]) -> str:
    """What to write into the mapping, as the end of a message."""
    if not likely:
        return ""
    others = f" (or {', '.join(likely[1:4])})" if likely[1:] else ""
    return f"; most likely {likely[0]}: say encoding = {likely[0]!r} in [source]{others}"


def _checked(content: bytes, encoding: str, name: str) -> str:
    unknown = f"{name}: [source] encoding: {shown(encoding)} is no encoding of texts that Python knows"
    try:
        content.decode(encoding)
        "".encode(encoding)
    except LookupError as error:  # base64 and its like are no encodings of texts
        raise UnusableError(unknown) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnusableError(f"{name}:{line}: is not in {encoding}: {error.reason} at byte {error.start}") from error
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
