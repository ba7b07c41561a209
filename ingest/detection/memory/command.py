"""What each record's cabinet is commanded to do: by the levels that its agent tells, else by the city's schedule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.sweep import Sweep
from ingest.model.batch import LEVEL_UNKNOWN
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_KEPT_S = 1800  # levels that were reported lately stand for a while, as in `sample.take_levels`


@dataclass(frozen=True, slots=True)
class Commands:
    """Per record (R,).

    Attributes:
        is_on: some lamp is commanded on; is_off: every lamp is off and the schedule says so too; neither = unclear.
        is_commanded_off: every lamp is commanded off, whatever the schedule says.
        level: int16, highest commanded level %.
        is_settled: nothing was switched or dimmed within the switching guard.
        since_s: int64, when the command last changed; on_s when it last changed from off to on, 0 = not seen.
    """

    is_on: Bool
    is_off: Bool
    is_commanded_off: Bool
    level: npt.NDArray[np.int16]
    is_settled: Bool
    since_s: Int64
    on_s: Int64


class CommandMemory:
    """When the command of each of C controllers last changed; times in seconds of data time."""

    def __init__(self, fleet: Fleet, guard_s: int) -> None:
        """Nothing is known yet."""
        self._guard_s = guard_s
        self.low = np.full(fleet.n_controllers, -1, np.int16)
        self.high = np.full(fleet.n_controllers, -1, np.int16)
        self.changed_s = np.zeros(fleet.n_controllers, np.int64)
        self.reported_s = np.zeros(fleet.n_controllers, np.int64)
        self.on_s = np.zeros(fleet.n_controllers, np.int64)

    def take(self, sweep: Sweep, scheduled: npt.NDArray[np.uint8]) -> Commands:
        """The commands of a sweep's records; ``scheduled`` uint8 (R,) is the schedule's level."""
        low = sweep.level_low.astype(np.int16)
        high = sweep.level_high.astype(np.int16)
        is_reported = low != LEVEL_UNKNOWN
        is_partly_reported = is_reported & (high == LEVEL_UNKNOWN)
        if is_partly_reported.any():  # single lamps were not heard: the others' levels stand
            high[is_partly_reported] = _highest_reported(sweep, np.flatnonzero(is_partly_reported))
            before_low, before_high = self.low[sweep.controller], self.high[sweep.controller]
            is_same = is_partly_reported & (before_high >= 0) & (low >= before_low) & (high <= before_high)
            low, high = np.where(is_same, before_low, low), np.where(is_same, before_high, high)
        high = np.where(is_reported, np.minimum(high, 100), scheduled.astype(np.int16))
        low = np.where(is_reported, np.minimum(low, 100), scheduled.astype(np.int16))
        live, c = sweep.live, sweep.live_controller
        self.reported_s[c] = np.where(is_reported[live], sweep.at_s[live], self.reported_s[c])
        if not is_reported.all():  # no lamp was heard: what was reported just before stands
            is_kept = ~is_reported & (sweep.at_s - self.reported_s[sweep.controller] < _KEPT_S)
            is_kept &= self.high[sweep.controller] >= 0
            is_kept &= self._fits_schedule(sweep, scheduled)
            low = np.where(is_kept, self.low[sweep.controller], low)
            high = np.where(is_kept, self.high[sweep.controller], high)
        is_first = self.high[c] < 0
        is_changed = (self.high[c] != high[live]) | (self.low[c] != low[live])
        if is_changed.any():
            is_by_schedule = high[live] == scheduled[live]
            since_s = np.where(
                is_first | (is_by_schedule & sweep.has_missed_step[live]),
                np.where(is_by_schedule, sweep.step_s[live], 0),
                sweep.at_s[live],
            )
            self.changed_s[c] = np.where(is_changed, since_s, self.changed_s[c])
            self.on_s[c] = np.where((self.high[c] == 0) & (high[live] > 0), since_s, self.on_s[c])
            self.high[c], self.low[c] = high[live], low[live]
        changed_s = self.changed_s[sweep.controller]
        is_settled = sweep.at_s - changed_s >= self._guard_s
        is_commanded_off = is_reported & (high == 0)
        is_off = (high == 0) & (scheduled == 0)
        return Commands(high > 0, is_off, is_commanded_off, high, is_settled, changed_s, self.on_s[sweep.controller])

    def _fits_schedule(self, sweep: Sweep, scheduled: npt.NDArray[np.uint8]) -> Bool:
        """Records whose levels, as last reported, were not overtaken by the schedule's switching since; bool (R,).

        Lamps whose cabinet is switched off do not answer, and their level may not be told either. Clocks may differ by
        the switching guard: a level that was reported longer after the switching is one of a person's command.
        """
        c = sweep.controller
        fits: Bool = (scheduled > 0) == (self.high[c] > 0)
        fits |= self.reported_s[c] - sweep.step_s >= self._guard_s
        return fits


def _highest_reported(sweep: Sweep, records: Int64) -> Int64:
    """The highest level that each of some records with lamps tells, the unknown ones left out; int64 (k,)."""
    level, start = sweep.batch.level, sweep.batch.lamp_start
    reported = [level[start[r] : start[r + 1]] for r in records.tolist()]
    return np.array([np.max(levels, where=levels != LEVEL_UNKNOWN, initial=0) for levels in reported], np.int64)
