"""Sunset and sunrise at a place; used by the agent to switch lamps and by the server to judge them.

Pure, and the only importer of astral in the product. An event costs astral about 44 µs and is kept.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from astral import Observer
from astral.sun import sunrise, sunset

_EVENTS: Final = {"sunset": sunset, "sunrise": sunrise}
# Clock times that are used where the sun neither sets nor rises that day.
FALLBACK_HOURS: Final = {"sunset": 18, "sunrise": 6}
# 0.01 degree of longitude is 2.4 s of sun: a city's cabinets share their events. Whoever asks, the place is rounded, so
# that two who ask for the same cabinet agree to the second.
_DEGREES: Final = 2


def sun_event_s(event: str, day: date, latitude: float, longitude: float, timezone: str) -> int:
    """Unix time [s] of ``sunset`` or ``sunrise`` on a local calendar day at a place [degrees]."""
    return _event_s(event, day, round(latitude, _DEGREES), round(longitude, _DEGREES), timezone)


@lru_cache(maxsize=65536)
def _event_s(event: str, day: date, latitude: float, longitude: float, timezone: str) -> int:
    zone = ZoneInfo(timezone)
    try:
        moment = _EVENTS[event](Observer(latitude, longitude), date=day, tzinfo=zone)
    except ValueError:  # polar day or night
        moment = datetime(day.year, day.month, day.day, FALLBACK_HOURS[event], tzinfo=zone)
    return round(moment.timestamp())
