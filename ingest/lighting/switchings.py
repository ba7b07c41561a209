"""How often the schedules switch lamps on within a time: what their counters rise by without anyone's fault."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from edge_agent.wire.schedule import night_steps
from ingest.lighting.schedules import CabinetSchedules

Int64 = npt.NDArray[np.int64]

_PLACE_DEGREES: Final = 0.25  # within it dusk is the same to a minute
_MOST_DAYS: Final = 400  # counted back from the end; more switchings than that are all the schedule's


class Switchings:
    """Times at which their schedules switch on, at K cabinets.

    Args:
        schedules: each cabinet's.
        timezone: IANA name.
        latitude: float64 (K,) degrees; longitude likewise.
    """

    def __init__(
        self,
        schedules: CabinetSchedules,
        timezone: str,
        latitude: npt.NDArray[np.float64],
        longitude: npt.NDArray[np.float64],
    ) -> None:
        """Nothing is computed yet."""
        self._schedules, self._timezone = schedules.distinct, timezone
        rounded = np.round(np.stack([latitude, longitude], axis=1) / _PLACE_DEGREES).reshape(-1, 2)
        rows = np.column_stack([rounded, schedules.number])
        places, self._place = np.unique(rows, axis=0, return_inverse=True)
        self._places, self._number = places[:, :2] * _PLACE_DEGREES, places[:, 2].astype(np.int64)
        self._place = self._place.reshape(-1)

    def on(self, cabinet: Int64, from_s: Int64, until_s: Int64) -> Int64:
        """How often the lamps of n cabinets are switched on after ``from_s`` and up to ``until_s``; int64 (n,)."""
        n_times = np.zeros(len(cabinet), np.int64)
        place = self._place[cabinet]
        for one in np.unique(place).tolist():
            rows = np.flatnonzero(place == one)
            times = self._times(one, int(from_s[rows].min()), int(until_s[rows].max()))
            n_times[rows] = np.searchsorted(times, until_s[rows], "right") - np.searchsorted(
                times, from_s[rows], "right"
            )
        return n_times

    def _times(self, place: int, from_s: int, until_s: int) -> Int64:
        """Ascending times [s] at which lamps at a place are switched on, from before to after two times."""
        zone = ZoneInfo(self._timezone)
        last = datetime.fromtimestamp(until_s, UTC).astimezone(zone).date() + timedelta(days=1)
        n_days = min((until_s - from_s) // 86400 + 4, _MOST_DAYS)
        latitude, longitude = self._places[place].tolist()
        hours = self._schedules[int(self._number[place])]
        times: list[int] = []
        for back in range(n_days):
            evening = last - timedelta(days=back)
            level = 0
            for at_s, next_level in night_steps(hours, evening, latitude, longitude, self._timezone):
                if next_level > 0 and level == 0:
                    times.append(at_s)
                level = next_level
        return np.array(sorted(times), np.int64)
