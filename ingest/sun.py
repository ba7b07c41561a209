"""Sunset and sunrise at a place, per local day, in UTC microseconds; cached, since each costs astral about 44 µs."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from astral import Observer
from astral.sun import sunrise, sunset

EVENTS: Final = ("sunset", "sunrise")
_DEGREES: Final = 2  # 0.01 degree of longitude is 2.4 s of sun: cabinets of one quarter share their entry


def microseconds(moment: datetime) -> int:
    """UTC microseconds since 1970 of an aware datetime."""
    return round(moment.timestamp()) * 1_000_000


def sun_event(event: str, day: date, latitude: float, longitude: float, timezone: str) -> int | None:
    """UTC microseconds of ``sunset`` or ``sunrise`` on a local day; None where the sun does neither that day."""
    return _event(event, day, round(latitude, _DEGREES), round(longitude, _DEGREES), timezone)


@lru_cache(maxsize=65536)
def _event(event: str, day: date, latitude: float, longitude: float, timezone: str) -> int | None:
    observer = Observer(latitude, longitude)
    find = sunset if event == "sunset" else sunrise
    try:
        return microseconds(find(observer, date=day, tzinfo=ZoneInfo(timezone)))
    except ValueError:  # polar day or night
        return None
