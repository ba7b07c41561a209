"""Query parameters of OGC API - Features. Pure.

An unknown parameter, one that stands twice, or one with an impossible value is 400 (requirements
``/req/core/query-param-unknown`` and ``/req/core/query-param-invalid``).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dashboard_api.errors import BadRequestError
from dashboard_api.formats.times import moment_span

CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
FORMATS: Final = ("json", "html")
_MAX_DIGITS: Final = 40  # of a limit: it is clamped, however large
_LONGEST_VALUE: Final = 200
_LONGEST_CURSOR: Final = 800  # an id of 128 characters of four bytes each
_FIRST_US: Final = -(1 << 62)
_LAST_US: Final = (1 << 62) - 1

Box = tuple[float, float, float, float]
Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """What is asked of a collection's items.

    Attributes:
        limit: features of a page, 1 to ``MAX_LIMIT``.
        after: id of the last feature of the page before.
        bbox: west, south, east, north [degrees]; west > east lies over the antimeridian.
        interval: first and last UTC microsecond, both included.
        equal: property -> value that it must have.
        where: a filter in CQL2's JSON form, None = none.
    """

    limit: int = DEFAULT_LIMIT
    after: str | None = None
    bbox: Box | None = None
    interval: Interval | None = None
    equal: Mapping[str, str] = field(default_factory=dict)
    where: Any = None


def only_known(given: Collection[tuple[str, str]], known: Collection[str]) -> dict[str, str]:
    """The parameters by name.

    Raises:
        BadRequestError: one is unknown, or stands twice.
    """
    found: dict[str, str] = {}
    for name, value in given:
        if name not in known:
            raise BadRequestError("unknown_parameter", name=name, known=sorted(known))
        if name in found:
            raise BadRequestError("parameter_twice", name=name)
        found[name] = value
    return found


def parse_items(given: Mapping[str, str], filters: Collection[str], where: Any = None) -> ItemQuery:
    """The query of a collection's items whose properties ``filters`` may be asked for.

    Raises:
        BadRequestError: a value that cannot be.
    """
    crs = given.get("bbox-crs", CRS84)
    if crs != CRS84:
        raise BadRequestError("not_one_of", name="bbox-crs", value=crs, known=[CRS84])
    equal = {name: given[name] for name in filters if name in given}
    for name, value in equal.items():
        if not value or len(value) > _LONGEST_VALUE:
            raise BadRequestError("length_out_of_range", name=name, most=_LONGEST_VALUE)
    return ItemQuery(
        limit=parse_limit(given["limit"]) if "limit" in given else DEFAULT_LIMIT,
        after=parse_cursor(given["cursor"]) if "cursor" in given else None,
        bbox=parse_bbox(given["bbox"]) if "bbox" in given else None,
        interval=parse_interval(given["datetime"]) if "datetime" in given else None,
        equal=equal,
        where=where,
    )


def parse_limit(text: str) -> int:
    """A page's length, clamped to ``MAX_LIMIT``.

    Raises:
        BadRequestError: no whole number from 1 on.
    """
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS or int(text) < 1:
        raise BadRequestError("limit_not_positive", value=text)
    return min(int(text), MAX_LIMIT)


def parse_bbox(text: str) -> Box:
    """Four numbers, or six with heights, which features on the ground need not have and which limit nothing here.

    Raises:
        BadRequestError: not so many numbers, not degrees, or south of which is north.
    """
    parts = text.split(",") if len(text) <= _LONGEST_VALUE else []
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise BadRequestError("not_numbers", name="bbox", value=text) from None
    if len(numbers) not in {4, 6} or not all(map(math.isfinite, numbers)):
        raise BadRequestError("not_degrees", name="bbox", value=text, n="4, or 6")
    if len(numbers) == 6:
        west, south, low, east, north, high = numbers
        if low > high:
            raise BadRequestError("not_degrees", name="bbox", value=text, n="4, or 6")
    else:
        west, south, east, north = numbers
    if max(abs(west), abs(east)) > 180 or max(abs(south), abs(north)) > 90:
        raise BadRequestError("not_degrees", name="bbox", value=text, n="4, or 6")
    if south > north:
        raise BadRequestError("bbox_order")
    return west, south, east, north


def touches_antimeridian(box: Box) -> bool:
    """Whether the box holds the meridian that is both 180 and -180 degrees."""
    west, _south, east, _north = box
    return west > east or west == -180 or east == 180


def parse_interval(text: str) -> Interval:
    """First and last microsecond of a time, a day, or an interval of them that may be open on one side.

    Raises:
        BadRequestError: none of these, or an end before its start.
    """
    parts = text.split("/") if len(text) <= _LONGEST_VALUE else []
    if len(parts) == 1:
        return moment_span(parts[0], text)
    is_open = [part in {"", ".."} for part in parts]
    if len(parts) != 2 or all(is_open):
        raise BadRequestError("not_an_interval", value=text)
    first = _FIRST_US if is_open[0] else moment_span(parts[0], text)[0]
    last = _LAST_US if is_open[1] else moment_span(parts[1], text)[1]
    if first > last:
        raise BadRequestError("not_an_interval", value=text)
    return first, last


def cursor_of(feature_id: str) -> str:
    """The cursor of the page behind a feature."""
    return base64.urlsafe_b64encode(feature_id.encode()).decode().rstrip("=")


def parse_cursor(text: str) -> str:
    """The id of the feature that a page stands behind.

    Raises:
        BadRequestError: no cursor of ours.
    """
    if not text or len(text) > _LONGEST_CURSOR:
        raise BadRequestError("foreign_cursor")
    try:
        padded = text + "=" * (-len(text) % 4)
        found = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise BadRequestError("foreign_cursor") from None
    if "\0" in found:
        raise BadRequestError("foreign_cursor")
    return found
