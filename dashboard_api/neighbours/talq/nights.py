"""Puts the night's hours of calendars in force at noon, where they are not the same in every night.

Controllers are sent the night's schedule when it differs from the one before. One that is offline at noon keeps the one
that it has, and gets the new one when it is back.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from dashboard_api.context import Context
from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.talq.calendars import Night, hours_of_calendar
from dashboard_api.neighbours.talq.night_levels import Sun
from dashboard_api.store.controller_schedules import Plans, refresh_hours
from edge_agent.wire.sun import sun_event_s

_NOON_H: Final = 12


def tonight(context: Context) -> Night:
    """The night that began at the last noon of the city's zone, with the sun at the middle of its lamps.

    Raises:
        UnavailableError: the database does not answer.
    """
    zone = ZoneInfo(context.city.city.timezone)
    local = datetime.fromtimestamp(context.now_us() / 1e6, UTC).astimezone(zone)
    evening = local.date() if local.hour >= _NOON_H else local.date() - timedelta(days=1)
    lamps = context.lamps()
    if not len(lamps):
        return Night(evening)
    east = np.radians(lamps.longitude)  # a city may lie on both sides of the antimeridian
    longitude = float(np.degrees(np.arctan2(np.sin(east).mean(), np.cos(east).mean())))
    return Night(evening, _sun(evening, float(np.median(lamps.latitude)), longitude, context.city.city.timezone))


def _sun(evening: date, latitude: float, longitude: float, timezone: str) -> Sun:
    noon = datetime(evening.year, evening.month, evening.day, _NOON_H, tzinfo=ZoneInfo(timezone))
    morning = evening + timedelta(days=1)

    def minute(event: str, day: date) -> int:
        # by the clock, as a schedule's times of day are: in a night that changes the clock, not by the minutes passed
        at = datetime.fromtimestamp(sun_event_s(event, day, latitude, longitude, timezone), UTC).astimezone(noon.tzinfo)
        return (at.hour * 60 + at.minute - _NOON_H * 60) % 1440

    return Sun(minute("sunset", evening), minute("sunrise", morning))


class CalendarFollower:
    """Writes the night's hours of each calendar, once a night."""

    def __init__(self, context: Context) -> None:
        """Over the city's stores; nothing is written yet."""
        self._context = context
        self._done: Night | None = None
        self._log = structlog.get_logger("api")

    def run(self) -> None:
        """Look whether another night has begun.

        Raises:
            UnavailableError: the database does not answer.
        """
        night = tonight(self._context)
        if night == self._done:
            return

        def hours_of(plans: Plans) -> dict[str, Any]:
            found = {}
            for calendar_id, document in plans.calendars.items():
                try:
                    found[calendar_id] = hours_of_calendar(document, plans.programs, night)
                except BadRequestError as error:  # the others do not wait for this one
                    self._log.error(
                        "a calendar has no schedule for this night: the last one holds",
                        calendar=calendar_id,
                        reason=str(error),
                    )
            return found

        n_changed = refresh_hours(self._context.database, self._context.wall_us(), hours_of)
        self._done = night
        if n_changed:
            self._log.info("schedules of the night are in force", night=str(night.evening), n_changed=n_changed)
