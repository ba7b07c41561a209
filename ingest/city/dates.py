"""Dates as registers write them: ISO, the mapping's formats, years of Japanese eras, of the Republic and of the Buddha.

Pure. ``2019-07-03``, ``3. 7. 2019``, ``03/07/2019 00:00``, ``2019年7月3日``, ``令和元年５月１日``, ``H28.3.15``,
``2019년 7월 3일``, ``05/03/2562``. Blanks around marks, full-width digits and a time of day do not count.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Final

from ingest.city.vocabulary import is_empty
from ingest.register.issue import printable, shown
from ingest.register.number_format import plain_text

FORMATS: Final = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y%m%d", "%d/%m/%y", "%d.%m.%y", "%d %B %Y", "%d %b %Y",
    "%B %d, %Y", "%m/%Y", "%m.%Y", "%Y",
)  # fmt: skip
"""What a column's dates may be in; of those that read equally many the first."""
_LONGEST: Final = 60
_MOST_FORMATS: Final = 3  # of one column
_ENOUGH: Final = 0.8  # of a column's values have to be dates
_MARKS: Final = re.compile(r"\s*([./\-年月日년월일])\s*")
_TIME: Final = re.compile(
    r"(?:T|\s+)\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?:\s*[AP]\.?M\.?|Z|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?", re.ASCII)
_IN_WORDS: Final = re.compile(r"(\d{4})[年년](\d{1,2})[月월](\d{1,2})[日일]?", re.ASCII)
_NOTHING: Final = re.compile(r"[0./\-]+")
# era: its first year, and its last; a letter stands for each
_ERAS: Final = {
    "令和": (2019, 2100), "平成": (1989, 2019), "昭和": (1926, 1989), "大正": (1912, 1926), "明治": (1868, 1912),
    "r": (2019, 2100), "h": (1989, 2019), "s": (1926, 1989), "t": (1912, 1926), "m": (1868, 1912),
    "民國": (1912, 2100), "民国": (1912, 2100),
}  # fmt: skip
_ERA: Final = re.compile(
    rf"({'|'.join(_ERAS)})\.?(元|\d{{1,3}})[年./-](\d{{1,2}})[月./-](\d{{1,2}})日?", re.ASCII | re.IGNORECASE
)
_BUDDHIST_YEARS: Final = range(2400, 2643)  # 1857 to 2099 of the common era
_BUDDHIST_ERA: Final = 543
_FIRST_YEAR: Final = 1850  # before it no street had electric light: the year is of another calendar


def read_date(text: str, forms: Sequence[str] = ()) -> tuple[str, str]:
    """A date in ISO form, "" = none, and what a person should know about it.

    Args:
        text: as the register has it.
        forms: in ``strptime``'s letters; ISO dates, eras and dates with 年月日 need none.
    """
    try:
        day = _in_forms(text, forms) or _in_own_words(text)
        if day is not None:
            return _of_common_era(day, text)
    except ValueError:  # 29 February of a Buddhist leap year, the 31st of a month that has none
        pass
    if _NOTHING.fullmatch(text):
        return "", ""  # 00/00/0000: a database's way to say that there is none
    wanted = f" like {printable(' or '.join(forms))}" if forms else ""
    return "", f"{shown(text)} is no date{wanted}; left empty"


def date_forms(values: Sequence[str]) -> tuple[str, ...] | None:
    """The formats that a column's dates need besides those that need none; None where they are no dates."""
    known = [value for value in values if not (is_empty(value) or _NOTHING.fullmatch(value))]
    rest = [value for value in known if not _is_own(value)]
    if not known:
        return None
    forms: list[str] = []
    while rest and len(forms) < _MOST_FORMATS:
        counted = [(sum(_is_in(value, form) for value in rest), -at) for at, form in enumerate(FORMATS)]
        n_read, at = max(counted)
        if n_read == 0:
            break
        forms.append(FORMATS[-at])
        rest = [value for value in rest if not _is_in(value, forms[-1])]
    return tuple(forms) if len(rest) <= (1 - _ENOUGH) * len(known) else None


def is_day_first_open(values: Sequence[str]) -> bool:
    """Whether no date of a column in ``%d/%m/%Y`` tells day and month apart."""
    starts = [re.match(r"\d{1,2}(?=/)", plain_text(value).strip()) for value in values]
    return all(int(start[0]) <= 12 for start in starts if start is not None)


def _is_own(text: str) -> bool:
    try:
        return _in_own_words(text) is not None
    except ValueError:
        return False


def _is_in(text: str, form: str) -> bool:
    return _in_forms(text, (form,)) is not None


def _in_forms(text: str, forms: Sequence[str]) -> dt.date | None:
    for form in forms:
        for written, pattern in ((text, form), (_plain(text), _without_blanks(form))):
            try:
                return dt.datetime.strptime(written, pattern).date()  # noqa: DTZ007 - a calendar day has no zone
            except ValueError:
                continue
    return None


def _in_own_words(text: str) -> dt.date | None:
    """A date that needs no format.

    Raises:
        ValueError: it is written as one, but there is no such day.
    """
    plain = _plain(text)
    match = _ISO.fullmatch(plain) or _IN_WORDS.fullmatch(plain)
    if match is not None:
        return dt.date(int(match[1]), int(match[2]), int(match[3]))
    match = _ERA.fullmatch(plain)
    if match is None:
        return None
    first, last = _ERAS[match[1].casefold()]
    year = first + (1 if match[2] == "元" else int(match[2])) - 1
    if not first <= year <= last:
        raise ValueError("the era had no such year")
    return dt.date(year, int(match[3]), int(match[4]))


def _plain(text: str) -> str:
    if len(text) > _LONGEST:
        return ""
    plain = _without_blanks(plain_text(text))
    return _TIME.sub("", plain).rstrip(".")


def _without_blanks(text: str) -> str:
    return _MARKS.sub(r"\1", " ".join(text.split()))


def _of_common_era(day: dt.date, text: str) -> tuple[str, str]:
    """A day of the common era; Thai years count from the Buddha, and what other calendars mean nobody can tell."""
    if day.year in _BUDDHIST_YEARS:
        day = day.replace(year=day.year - _BUDDHIST_ERA)
        return day.isoformat(), f"{shown(text)} counts years by the Buddhist era: read as {day.isoformat()}"
    if not _FIRST_YEAR <= day.year < _BUDDHIST_YEARS.start:
        return "", f"{shown(text)} is no date of the common era; left empty"
    return day.isoformat(), ""
