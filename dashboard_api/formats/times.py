"""Times between the stores (UTC microseconds) and JSON (ISO 8601 with a Z)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from dashboard_api.errors import BadRequestError

_LONGEST = 64  # characters
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def number(value: float | None, digits: int = 3) -> float | None:
    """A measured figure for JSON: rounded, None for NaN and infinities."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), digits)
