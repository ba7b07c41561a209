"""The clock of ingest: the system clock or the time of the data (contract.md, section 5).

Data time is the median of the newest live times of those controllers that are online with a synchronised clock, so
that a night plays as fast as the machine allows and one wrong clock takes nobody offline. One that fell silent while
the others went on is not counted: half a city that is silent must not stop the time by which it is judged. While more
was received of a controller than could be decoded yet, the time stays at its last decoded record: its records are
there, so it is not silent. It never runs backwards, except for a jump of more than six hours: then another recording
has begun.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from ingest.model.batch import Batch

UNKNOWN_LAG_US: Final = 86_400_000_000  # longer than any interval
_ANOTHER_RECORDING_US: Final = 6 * 3_600_000_000
_LONGEST_STEP_US: Final = 900_000_000  # between two records; more is a gap
_SILENT_STEPS: Final = 3
_SILENT_US: Final = 300_000_000
_SILENT_TICKS: Final = 2  # not in a whole one: the others' records may be read some hundreds at a time


class Clock(Protocol):
    """Provides the current time; may follow the received data."""

    def replace_fleet(self, n_controllers: int) -> None:
        """Another register numbers other controllers."""

    def now_us(self) -> int | None:
        """Now in UTC microseconds; None = nothing is known yet."""

    def latest_us(self) -> int | None:
        """No reading is judged at a later time, whatever its agent's clock says; None = there is no such time."""

    def lag_us(self) -> int:
        """How far the time may be behind that of the records which come next, microseconds."""

    def listening_us(self) -> int | None:
        """Since when silence counts if the connection stands from now on; None = since the first record."""

    def hear(self, batch: Batch) -> None:
        """Live records came in."""

    def wait_for(self, controllers: Collection[int]) -> None:
        """Of these controllers more was received than was decoded: their next readings are not known yet."""

    def recall(self, batch: Batch) -> int:
        """The approximate time at which a stored batch was judged."""

    def online(self, controller: int, *, is_online: bool) -> None:
        """A session began or ended."""


class WallClock:
    """The system clock."""

    def __init__(self, time_us: Callable[[], int]) -> None:
        """``time_us``: UTC microseconds."""
        self._time_us = time_us

    def replace_fleet(self, n_controllers: int) -> None:
        """Nothing to learn."""

    def now_us(self) -> int | None:
        """The machine's time."""
        return self._time_us()

    def latest_us(self) -> int | None:
        """Now: a fault must not open in the future."""
        return self._time_us()

    def lag_us(self) -> int:
        """Not at all."""
        return 0

    def listening_us(self) -> int | None:
        """From now on."""
        return self._time_us()

    def hear(self, batch: Batch) -> None:
        """Nothing to learn."""

    def wait_for(self, controllers: Collection[int]) -> None:
        """Nothing to do."""

    def recall(self, batch: Batch) -> int:
        """The newest time of its live records, but never later than now."""
        times = batch.at_us[~batch.is_historical]
        return min(int(times.max()) if len(times) else 0, self._time_us())

    def online(self, controller: int, *, is_online: bool) -> None:
        """Nothing to learn."""


class DataClock:
    """The median time of the controllers that are online with a synchronised clock."""

    def __init__(self, n_controllers: int) -> None:
        """Start without any time."""
        self._now_us: int | None = None
        self.replace_fleet(n_controllers)

    def replace_fleet(self, n_controllers: int) -> None:
        """Use the numbers of another register; the time is kept."""
        # all are made before any is replaced: one that there is no memory for leaves the clock as it was
        newest_us, skew_us, step_us, heard_us, heard_tick = np.zeros((5, n_controllers), np.int64)
        is_counted, is_online = np.zeros((2, n_controllers), np.bool_)
        self._newest_us: npt.NDArray[np.int64] = newest_us
        self._is_counted: npt.NDArray[np.bool_] = is_counted
        self._is_online: npt.NDArray[np.bool_] = is_online
        self._skew_us: npt.NDArray[np.int64] = skew_us  # its clock before the median's
        self._step_us: npt.NDArray[np.int64] = step_us  # between its last two records
        # How far the controllers have come on average, by their own clocks; what it was when each was heard last.
        self._progress_us, self._heard_us = 0, heard_us
        self._n_ticks, self._heard_tick = 0, heard_tick
        self._median_us = 0
        self._waited_for: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def now_us(self) -> int | None:
        """The latest median."""
        return self._now_us

    def latest_us(self) -> int | None:
        """None: while a recording is played, many a sweep comes before the median has reached its time."""
        return None

    def lag_us(self) -> int:
        """By what it waits for, and by an interval of the controller in the middle: its next record comes then.

        ``UNKNOWN_LAG_US`` while some have just stopped, or while it is waited for records that were received: these
        may hold it back by any time.
        """
        if len(self._waited_for):
            return UNKNOWN_LAG_US
        counted = self._is_counted & self._is_online & ~self._is_silent()
        steps_us = self._step_us[counted]
        if self._now_us is None or not len(steps_us):
            return 0
        if self._is_late()[counted].any():
            return UNKNOWN_LAG_US
        middle = len(steps_us) // 2  # more than half of them are no further behind than this
        return max(0, self._median_us - self._now_us) + int(np.partition(steps_us, middle)[middle])

    def listening_us(self) -> int | None:
        """None: data time stops without data, and the last time may be long ago."""
        return None

    def hear(self, batch: Batch) -> None:
        """Take the batch's live times and find the median anew."""
        is_live = ~batch.is_historical
        who = batch.controller[is_live].astype(np.int64)
        self._come_on(who, batch.at_us[is_live])
        self._newest_us[who] = batch.at_us[is_live]
        self._is_counted[who] = batch.is_clock_synchronised[is_live]
        self._is_online[who] = True
        times = self._newest_us[self._is_counted & self._is_online & ~self._is_silent()]
        if not len(times):
            return
        middle = (len(times) - 1) // 2
        median_us = self._median_us = int(np.partition(times, middle)[middle])
        if len(self._waited_for):
            median_us = min(median_us, self._taken_until_us(median_us))
        elif len(who):
            self._skew_us[who] = np.clip(self._newest_us[who] - median_us, -_ANOTHER_RECORDING_US, 0)
        if self._now_us is None or median_us > self._now_us or median_us < self._now_us - _ANOTHER_RECORDING_US:
            self._now_us = median_us

    def _come_on(self, who: npt.NDArray[np.int64], at_us: npt.NDArray[np.int64]) -> None:
        """Note how far some controllers came by their own clocks since their record before."""
        newest_us = self._newest_us[who]
        step_us = np.where(newest_us > 0, np.clip(at_us - newest_us, 0, _LONGEST_STEP_US), 0)
        self._step_us[who] = np.where(step_us > 0, step_us, self._step_us[who])
        n_going = int((self._is_counted & self._is_online & ~self._is_silent()).sum())
        self._progress_us += int(step_us[self._is_counted[who]].sum()) // max(1, n_going)
        self._heard_us[who], self._heard_tick[who] = self._progress_us, self._n_ticks

    def _is_late(self) -> npt.NDArray[np.bool_]:
        """Controllers that were not heard while the others went on; bool (n,)."""
        limit_us = np.maximum(_SILENT_STEPS * self._step_us, _SILENT_US)
        late: npt.NDArray[np.bool_] = self._progress_us - self._heard_us > limit_us
        return late

    def _is_silent(self) -> npt.NDArray[np.bool_]:
        """Late ones whose records are not only read in another tick; bool (n,)."""
        return self._is_late() & (self._n_ticks - self._heard_tick >= _SILENT_TICKS)

    def wait_for(self, controllers: Collection[int]) -> None:
        """A tick begins: limit the time to that of these controllers' records, from the next record on."""
        self._n_ticks += 1
        numbers = np.fromiter(controllers, np.int64, len(controllers))
        self._waited_for = numbers[numbers < len(self._newest_us)]

    def _taken_until_us(self, median_us: int) -> int:
        """Time up to which all that are waited for were decoded, each by its own clock if that is always late."""
        heard = self._waited_for[self._newest_us[self._waited_for] > 0]
        heard = heard[self._is_counted[heard]]
        until_us = self._newest_us[heard] - self._skew_us[heard]
        return int(until_us.min(initial=median_us))

    def recall(self, batch: Batch) -> int:
        """Its time by the same rule."""
        self.hear(batch)
        return self._now_us or 0

    def online(self, controller: int, *, is_online: bool) -> None:
        """Note which controllers are online with a synchronised clock."""
        if controller < len(self._is_online):
            self._is_online[controller] = is_online
            if is_online:
                self._newest_us[controller] = self._step_us[controller] = 0
                self._heard_us[controller], self._heard_tick[controller] = self._progress_us, self._n_ticks
                self._is_counted[controller] = False
