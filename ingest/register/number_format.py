"""Numbers as people write them: decimal point or comma, grouped thousands, other scripts' digits.

Pure. Which mark is the decimal one is decided for a whole column, by those of its values that can be read in one way
only; a value that can be read in two ways (``1.000``) is read as the column's others are, or not at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_MARKS: Final = str.maketrans(
    {
        "٫": ".", "٬": ",", "،": ",", "−": "-", "‒": "-", "–": "-", "’": "'", "‘": "'", "ʼ": "'", "`": "'",
        "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{THIN SPACE}": " ", "\N{FIGURE SPACE}": " ",
    }
)  # fmt: skip
_BODY: Final = re.compile(r"([+-]?)([\d.,' ]*\d[.,]?)([eE][+-]?\d{1,3})?", re.ASCII)
_SPACED: Final = re.compile(r"\d{1,3}(?:([ '])\d{3})(?:\1\d{3})*(?:[.,]\d*)?", re.ASCII)
_THREES: Final = {mark: re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+", re.ASCII) for mark in ".,"}
_INDIAN: Final = re.compile(r"\d{1,2}(?:,\d{2})*,\d{3}", re.ASCII)  # 1,25,000 as lakhs are written
_LONGEST: Final = 60  # characters; no number of a register is longer


def plain_text(text: str) -> str:
    """A text with ASCII digits, marks and blanks in place of other scripts' (full-width, Arabic, Thai …)."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text.translate(_MARKS)).translate(_MARKS)
    return "".join(str(unicodedata.decimal(c)) if not c.isascii() and c.isdecimal() else c for c in text)


def readings(text: str) -> tuple[tuple[float, str], ...]:
    """Every way to read a number: (value, its decimal mark) each; the mark is "" where the value has none to tell.

    A value with one mark before exactly three digits has two readings: with a decimal fraction, or with thousands.
    No reading: the text is no number.
    """
    text = text.strip()
    match = _BODY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return ()
    sign, body, exponent = match[1], match[2], match[3] or ""

    def value(decimal: str, *, grouped: str = "") -> float:
        digits = body.replace(" ", "").replace("'", "")
        for mark in grouped:
            digits = digits.replace(mark, "")
        return float(f"{sign}{digits.replace(decimal, '.') if decimal else digits}{exponent}")

    is_spaced = " " in body or "'" in body
    if is_spaced and _SPACED.fullmatch(body) is None:
        return ()
    marks = {mark for mark in ".," if mark in body}
    if not marks:
        return ((value(""), ""),)
    if len(marks) == 2:
        decimal = max(".,", key=body.rfind)
        other = "," if decimal == "." else "."
        whole, _, fraction = body.partition(decimal)
        is_grouped = _THREES[other].fullmatch(whole) or (other == "," and _INDIAN.fullmatch(whole))
        if not is_grouped or not (fraction.isdigit() or not fraction):
            return ()
        return ((value(decimal, grouped=other), decimal),)
    mark = marks.pop()
    other = "," if mark == "." else "."
    if body.count(mark) > 1:
        is_grouped = _THREES[mark].fullmatch(body) or (mark == "," and _INDIAN.fullmatch(body))
        return ((value("", grouped=mark), other),) if is_grouped and not is_spaced else ()
    whole, _, fraction = body.partition(mark)
    fractional = (value(mark), mark)
    if is_spaced or exponent or len(fraction) != 3 or not 1 <= len(whole) <= 3 or whole.startswith("0"):
        return (fractional,)
    return (fractional, (value("", grouped=mark), other))


def decimal_mark(texts: Iterable[str]) -> str:
    """The decimal mark of a column: ``.`` or ``,``; "" where nothing proves it, or its values contradict each other."""
    proofs: set[str] = set()
    for text in texts:
        found = readings(text)
        if len(found) == 1 and found[0][1]:
            proofs.add(found[0][1])
            if len(proofs) == 2:
                return ""
    return proofs.pop() if proofs else ""


def read_number(text: str, decimal: str) -> tuple[float, ...]:
    """The values that a text may mean in a column with this decimal mark: none, one, or two where nothing decides.

    Two values are those with a decimal fraction and with thousands, in this order.
    """
    found = readings(text)
    if len(found) == 2 and decimal:
        found = tuple(reading for reading in found if reading[1] == decimal)
    return tuple(value for value, _mark in found)
