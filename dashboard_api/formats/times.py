"""Times between the stores (UTC microseconds) and JSON (ISO 8601 with a Z)."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

from dashboard_api.errors import BadRequestError

_LONGEST = 64  # characters
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 86_400_000_000
# RFC 3339: a time with its zone, or a day
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2}))?", re.ASCII)


def iso(at_us: int | None) -> str | None:
    """``2026-11-23T12:05:00Z``, with microseconds where there are any."""
    if at_us is None:
        return None
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")


def parse_time(text: str, name: str) -> int:
    """UTC microseconds of an ISO 8601 time with its zone.

    Raises:
        BadRequestError: not such a time, or one without a zone; ``name`` is the parameter's.
    """
    if len(text) > _LONGEST:
        raise BadRequestError("not_a_time", name=name, value=text)
    try:
        at = datetime.fromisoformat(text.strip().replace(" ", "+"))  # a plus sign that a URL turned into a space
        if at.tzinfo is None:
            raise BadRequestError("time_without_zone", name=name, value=text)
        return (at - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise BadRequestError("not_a_time", name=name, value=text) from error


def moment_span(part: str, text: str) -> tuple[int, int]:
    """First and last UTC microsecond of an RFC 3339 time or of a day (UTC); ``text``: what an error names.

    Raises:
        BadRequestError: neither of them.
    """
    if _MOMENT.fullmatch(part) is None:
        raise BadRequestError("not_an_interval", value=text)
    try:
        at = datetime.fromisoformat(part.upper())
        is_day = len(part) == len("2026-01-01")
        first = (at.replace(tzinfo=at.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise BadRequestError("not_an_interval", value=text) from None
    return first, first + _DAY_US - 1 if is_day else first


def number(value: float | None, digits: int = 3) -> float | None:
    """A measured figure for JSON: rounded, None for NaN and infinities."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), digits)
