"""The city's schedule as times of one night: when its lamps go on, dim and go off at each cabinet.

``Timetable`` answers for many cabinets at once from a cache of each cabinet's present step, and goes to the sun only
when a step has ended. It speaks of what the schedule says, not of what agents command.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from ingest.schema.city import ScheduleSection
from ingest.sun import microseconds, sun_event

_SUN: Final = re.compile(r"(sunset|sunrise)(?:([+-])(\d{1,3})m)?")
_MINUTE_US: Final = 60_000_000
_FALLBACK: Final = {"sunset": (18, 0), "sunrise": (6, 0)}  # where the sun neither sets nor rises
_LAST_YEAR: Final = 9000


def night_steps(
    schedule: ScheduleSection, evening: date, latitude: float, longitude: float, timezone: str
) -> list[tuple[int, int]]:
    """Steps (UTC microseconds, level %) of the night that begins on a local date, the last one to 0.

    Before the first dim step the level is 100. A dim step outside the lit time only says with what level it begins.
    """
    zone, morning = ZoneInfo(timezone), evening + timedelta(days=1)

    def moment(text: str, day: date) -> int:
        match = _SUN.fullmatch(text)
        if match is None:
            hour, minute = map(int, text.split(":"))
            return microseconds(datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone))
        at_us = sun_event(match[1], day, latitude, longitude, timezone)
        if at_us is None:
            hour, minute = _FALLBACK[match[1]]
            at_us = microseconds(datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone))
        offset = int(match[3] or 0) * _MINUTE_US
        return at_us - offset if match[2] == "-" else at_us + offset

    on_us, off_us = moment(schedule.on, evening), moment(schedule.off, morning)
    if not on_us < off_us:
        return []
    dims = sorted((moment(step.at, evening if step.at >= "12:00" else morning), step.level) for step in schedule.dim)
    first = [level for at_us, level in dims if at_us <= on_us]
    steps = [(on_us, first[-1] if first else 100)]
    steps += [(at_us, level) for at_us, level in dims if on_us < at_us < off_us]
    return [*steps, (off_us, 0)]


class Timetable:
    """Scheduled level of K cabinets over time.

    Args:
        schedule: the city's.
        timezone: IANA name.
        latitude: float64 (K,) degrees, NaN = unknown (then the mean of the others).
        longitude: float64 (K,).
    """

    def __init__(
        self,
        schedule: ScheduleSection,
        timezone: str,
        latitude: npt.NDArray[np.float64],
        longitude: npt.NDArray[np.float64],
    ) -> None:
        """Start with nothing known."""
        self._schedule, self._timezone = schedule, timezone
        self._latitude, self._longitude = _filled(latitude), _filled(longitude)
        n = len(latitude)
        self.level = np.zeros(n, np.uint8)
        self.since_us = np.zeros(n, np.int64)
        self.until_us = np.zeros(n, np.int64)
        self.dim_levels = np.unique(np.array([step.level for step in schedule.dim if 0 < step.level < 100], np.float64))

    def look(
        self, cabinet: slice | npt.NDArray[np.int64], at_us: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Level %, beginning and end of the step (UTC microseconds) of each cabinet at each time; (R,) each."""
        is_stale = (at_us < self.since_us[cabinet]) | (at_us >= self.until_us[cabinet])
        for row in np.flatnonzero(is_stale).tolist():
            self._renew(cabinet.start + row if isinstance(cabinet, slice) else int(cabinet[row]), int(at_us[row]))
        return self.level[cabinet].copy(), self.since_us[cabinet], self.until_us[cabinet]

    def _renew(self, cabinet: int, at_us: int) -> None:
        moment = datetime.fromtimestamp(at_us // 1_000_000, UTC)
        if not 1971 < moment.year < _LAST_YEAR:
            return
        today = moment.astimezone(ZoneInfo(self._timezone)).date()
        place = (float(self._latitude[cabinet]), float(self._longitude[cabinet]))
        steps = [
            step
            for days in (-2, -1, 0, 1)
            for step in night_steps(self._schedule, today + timedelta(days=days), *place, self._timezone)
        ]
        times = [at for at, _ in steps]
        now = bisect_right(times, at_us) - 1
        if not 0 <= now < len(steps) - 1:
            self.level[cabinet], self.since_us[cabinet], self.until_us[cabinet] = 0, at_us, at_us + 3600_000_000
            return
        self.level[cabinet], self.since_us[cabinet], self.until_us[cabinet] = steps[now][1], times[now], times[now + 1]


def _filled(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known = degrees[np.isfinite(degrees)]
    return np.where(np.isfinite(degrees), degrees, known.mean() if len(known) else 0.0)
