"""Latitudes and longitudes as people write them: decimal degrees, degrees and minutes, and seconds, with a hemisphere.

Pure. ``-7.7638``, ``-7,7638°``, ``S7 45.830``, ``7°45'49.8"S``, ``07:45:49 S``, ``LS 7 45 49``; also both in one text.
"""

from __future__ import annotations

import math
import re
from typing import Final

from ingest.register.number_format import plain_text, readings

_HEMISPHERES: Final = {
    **dict.fromkeys(("n", "north", "lu", "с", "с.ш.", "сш", "북위", "北緯", "北纬"), ("latitude", 1)),
    **dict.fromkeys(("s", "south", "ls", "ю", "ю.ш.", "юш", "남위", "南緯", "南纬"), ("latitude", -1)),
    **dict.fromkeys(("e", "east", "bt", "в", "в.д.", "вд", "동경", "東経", "东经"), ("longitude", 1)),
    **dict.fromkeys(("w", "west", "bb", "з", "з.д.", "зд", "서경", "西経", "西经"), ("longitude", -1)),
}
_WORDS: Final = "|".join(sorted(map(re.escape, _HEMISPHERES), key=len, reverse=True))
_BEFORE: Final = re.compile(rf"(?:({_WORDS})(?![^\W\d_])\.?|({_WORDS})(?=[\d.]))\s*:?\s*", re.IGNORECASE)
_AFTER: Final = re.compile(rf"\s*({_WORDS})\.?$", re.IGNORECASE)
_PART: Final = r"(\d+(?:[.,]\d*)?)"
_SEXAGESIMAL: Final = re.compile(
    rf"([+-]?)\s*{_PART}\s*(?:[°ºd度도:*-]|(?-i:o)|deg|\s)\s*{_PART}\s*(?:['′’´m分분:-]|min|\s|$)?\s*"
    rf"(?:{_PART}\s*(?:[\"″”s秒초]|''|′′|sec)?)?\s*",
    re.IGNORECASE,
)
_DEGREES_ONLY: Final = re.compile(r"([+-]?.*?)\s*(?:[°º度도d]|(?-i:o)|deg(?:rees)?)\s*$", re.IGNORECASE)
_O: Final = re.compile(r"O\s*(?=[\d+-])(.*)|(.*[\d'\"°\s])O\.?")  # oeste, ouest, ovest; Ost
_SECONDS: Final = re.compile(r".*\d\s*d.*\d\s*m.*\d\s*s", re.IGNORECASE)  # 7d45m49.8s: this s is no south
_QUOTES: Final = str.maketrans(
    {
        **dict.fromkeys("’‘′´`ʹ", "'"),
        **dict.fromkeys("″”“ʺ", '"'),
        **dict.fromkeys("º˚", "°"),
        **dict.fromkeys("−–", "-"),
    }
)
_POINT: Final = re.compile(r"POINT\s*(?:Z|M|ZM)?\s*\(\s*(\S+)\s+(\S+?)[\s)]", re.IGNORECASE)
_LONGEST: Final = 80
_COMMA: Final = r"\s*,\s*"
_BETWEEN: Final = (
    r"\s*;\s*", r"\s*\|\s*", r"\s*/\s*", r",\s+", _COMMA, r"\s+", r"\s*(?=[EWewO]\s*\d)", r"\s*(?=[NSns]\s*\d)",
    r"(?<=[NSns])\s+",
)  # fmt: skip


def read_degrees(text: str, field: str, o_side: int = 0) -> float:
    """An angle in degrees; NaN where the text is none, contradicts itself, or is one of the other coordinate.

    Args:
        text: as the register has it.
        field: ``latitude`` or ``longitude``.
        o_side: what the letter O means: -1 west (*oeste*), 1 east (*Ost*), 0 nobody knows.
    """
    if not text or len(text) > _LONGEST:
        return math.nan
    text = plain_text(text.translate(_QUOTES)).translate(_QUOTES).strip()
    if o_side and field == "longitude" and (match := _O.fullmatch(text)) is not None:
        text = f"{match[1] or match[2]} {'E' if o_side > 0 else 'W'}"
    sign = 0
    for pattern, is_before in ((_BEFORE, True), (_AFTER, False)):
        match = pattern.match(text) if is_before else pattern.search(text)
        if match is not None and (is_before or _SECONDS.fullmatch(text) is None):
            word = next(group for group in match.groups() if group)
            of, side = _HEMISPHERES[word.casefold()]
            if of != field or sign:
                return math.nan
            sign = side
            text = text[match.end() :] if is_before else text[: match.start()]
    text = text.strip()
    value = _unsigned(text)
    if math.isnan(value):
        return value
    is_negative = text.startswith("-")
    if sign:
        return math.nan if is_negative and sign > 0 else sign * value  # "-7.5 S" is 7.5 south
    return -value if is_negative else value


def _unsigned(text: str) -> float:
    """The size of an angle without hemisphere; NaN = none."""
    simple = _DEGREES_ONLY.fullmatch(text)
    found = readings(simple[1] if simple else text)
    if found:
        return abs(found[0][0])  # degrees have no thousands: a mark is a decimal one
    match = _SEXAGESIMAL.fullmatch(text)
    if match is None:
        return math.nan
    degrees, minutes, seconds = (float((part or "0").replace(",", ".")) for part in match.groups()[1:])
    is_whole = degrees.is_integer() and (match[4] is None or minutes.is_integer())
    if not is_whole or minutes >= 60 or seconds >= 60:
        return math.nan
    return degrees + minutes / 60 + seconds / 3600


def split_pair(text: str, o_side: int = 0) -> tuple[str, str] | None:
    """Latitude and longitude out of one text such as ``-7.56, 110.82``; None where it is not two coordinates.

    ``POINT (x y)`` names the longitude first; in every other writing the latitude comes first unless hemispheres say
    otherwise.
    """
    o_side = o_side or -1  # either side will do to tell where the text is cut
    if not text or len(text) > 3 * _LONGEST:
        return None
    text = text.strip()
    point = _POINT.search(text)
    if point is not None:
        return point[2], point[1]
    bare = text.removeprefix("geo:").strip("()[]{} ")
    if not all(math.isnan(read_degrees(bare, field)) for field in ("latitude", "longitude")):
        whole = re.fullmatch(r"(\d{5,8}),(\d{5,8})", bare)  # 480000,9163500: metres, not one number
        return (whole[1], whole[2]) if whole else None
    for pattern in _BETWEEN:
        parts = [part for part in re.split(pattern, bare) if part]
        if len(parts) != 2 and pattern == _COMMA and len(parts) == 4:
            parts = [",".join(parts[:2]), ",".join(parts[2:])]  # -7,56,110,82 with decimal commas
        if len(parts) != 2:
            continue
        first, second = parts
        for north, east in ((first, second), (second, first)):
            if not (math.isnan(read_degrees(north, "latitude")) or math.isnan(read_degrees(east, "longitude", o_side))):
                return north, east
    return None
