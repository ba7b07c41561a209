"""The scheduled level of each cabinet; independent of the agents' commands.

Answers for many cabinets at once from a cache of each cabinet's present step, and asks ``edge_agent.wire.schedule``, by
which the agents switch, only when a step has ended.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from edge_agent.wire.schedule import Night, night_steps, step_at
from ingest.lighting.schedules import CabinetSchedules
from ingest.lighting.switchings import Switchings
from ingest.schema.sections import ScheduleSection

_US_PER_S: Final = 1_000_000
_LAST_YEAR: Final = 9000


class CabinetTimetable:
    """Scheduled level of K cabinets over time.

    Args:
        schedule: the city's, or each cabinet's.
        timezone: IANA name.
        latitude: float64 (K,) degrees, NaN = unknown (then the mean of the others).
        longitude: float64 (K,).

    Attributes:
        dim_levels: float64 (D,) every level [%] between off and full of any schedule, ascending.
    """

    def __init__(
        self,
        schedule: ScheduleSection | CabinetSchedules,
        timezone: str,
        latitude: npt.NDArray[np.float64],
        longitude: npt.NDArray[np.float64],
    ) -> None:
        """Start with nothing known."""
        n = len(latitude)
        if isinstance(schedule, ScheduleSection):
            schedule = CabinetSchedules((schedule,), np.zeros(n, np.int32))
        self._schedules, self._timezone = schedule, timezone
        self._latitude, self._longitude = _filled(latitude), _filled(longitude)
        self.switchings = Switchings(schedule, timezone, self._latitude, self._longitude)
        self.level = np.zeros(n, np.uint8)
        self.since_us = np.zeros(n, np.int64)
        self.until_us = np.zeros(n, np.int64)
        self.next_level = np.zeros(n, np.uint8)
        levels = [step.level for one in schedule.distinct for step in one.dim if 0 < step.level < 100]
        self.dim_levels = np.unique(np.array(levels, np.float64))

    def look(
        self, cabinet: slice | npt.NDArray[np.int64], at_us: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Level %, beginning and end of the step (UTC microseconds) of each cabinet at each time; (R,) each."""
        is_stale = (at_us < self.since_us[cabinet]) | (at_us >= self.until_us[cabinet])
        for row in np.flatnonzero(is_stale).tolist():
            self._renew(cabinet.start + row if isinstance(cabinet, slice) else int(cabinet[row]), int(at_us[row]))
        return self.level[cabinet].copy(), self.since_us[cabinet], self.until_us[cabinet]

    def ends_dimmed(self, cabinet: slice | npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether the step that each cabinet was last looked at in is lit, and so is the one after it; bool (R,)."""
        lit: npt.NDArray[np.bool_] = (self.level[cabinet] > 0) & (self.next_level[cabinet] > 0)
        return lit

    def _renew(self, cabinet: int, at_us: int) -> None:
        moment = datetime.fromtimestamp(at_us // 1_000_000, UTC)
        if not 1971 < moment.year < _LAST_YEAR:
            return
        today = moment.astimezone(ZoneInfo(self._timezone)).date()
        place, hours = (float(self._latitude[cabinet]), float(self._longitude[cabinet])), self._schedules.of(cabinet)

        @cache  # the step after it is asked of the same nights
        def night(evening: date) -> Night:
            return night_steps(hours, evening, *place, self._timezone)

        step = step_at(night, today, at_us // _US_PER_S)
        self.level[cabinet] = step.level
        self.since_us[cabinet], self.until_us[cabinet] = step.since_s * _US_PER_S, step.until_s * _US_PER_S
        following = datetime.fromtimestamp(step.until_s, UTC).astimezone(ZoneInfo(self._timezone)).date()
        self.next_level[cabinet] = step_at(night, following, step.until_s).level


def _filled(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known = degrees[np.isfinite(degrees)]
    return np.where(np.isfinite(degrees), degrees, known.mean() if len(known) else 0.0)
