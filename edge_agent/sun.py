"""Sunset and sunrise at the cabinet, with no network.

Owns the only import of astral in the agent, and a small cache: a day's times are reckoned once.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from astral import Observer
from astral.sun import sunrise, sunset

_EVENTS: Final = {"sunset": sunset, "sunrise": sunrise}
# Where the sun neither sets nor rises that day: the clock times that the city's host takes, too.
FALLBACK_HOURS: Final = {"sunset": 18, "sunrise": 6}
_CACHED: Final = 16


class Sun:
    """The sun over one place."""

    def __init__(self, latitude: float, longitude: float, timezone: str) -> None:
        """Know the place [degrees] and whose calendar days are meant."""
        self._observer = Observer(latitude=latitude, longitude=longitude)
        self._zone = ZoneInfo(timezone)
        self._cache: OrderedDict[tuple[str, date], int] = OrderedDict()

    def event_ms(self, name: str, day: date) -> int:
        """Unix time of ``sunset`` or ``sunrise`` on a local calendar day."""
        key = (name, day)
        if key not in self._cache:
            try:
                moment = _EVENTS[name](self._observer, date=day, tzinfo=self._zone)
            except ValueError:  # polar day or night
                moment = datetime(day.year, day.month, day.day, FALLBACK_HOURS[name], tzinfo=self._zone)
            self._cache[key] = int(moment.timestamp() * 1000)
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return self._cache[key]
