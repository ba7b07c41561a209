"""What a batch's records say of their cabinets, and what follows for the lamps: schedule, contactor, dead phases."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Places, Sweep, even, is_any_reported, level_range, pick, places
from ingest.lighting.sun_height import elevation
from ingest.lighting.timetable import CabinetTimetable
from ingest.model.batch import LEVEL_UNKNOWN, Batch
from ingest.model.fleet import SWITCHING_CONTACTOR, SWITCHING_UNKNOWN, Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_CLOCK_TRUST_US: Final = 12 * 3600 * 1_000_000  # an agent's clock further off says nothing about its cabinet's sun
_GAP_S: Final = 300
_TWILIGHT_SUN: Final = 6.0  # degrees around the horizon; below it, civil twilight is over and the last photocell closed
_RECENT_S: Final = 3600  # levels reported lately stand for a while: `sample.take_levels`


class CabinetContext:
    """What is remembered of every controller's cabinet between sweeps; arrays over C controllers.

    Attributes:
        at_s: int64 (C,) data time of the newest live record, 0 = none; interval_s the agent's.
        contactor: int8 (C,) newest known state, -1 unknown; contactor_s when it last changed.
        has_switched: bool (C,) the contactor was seen open while the schedule says off: it cuts the circuits by day.
        gap_s: int64 (C,) first live record after the newest time in which none came: the agent was away, or ingest was.
        level_reported_s: int64 (C,) newest record that reported a level.
        has_phase: bool (3, C) phase seen alive, or known by the register.
        is_phase_dead: bool (3, C) as its meter last reported: a cabinet's lost reply brings no phase back.
    """

    def __init__(self, fleet: Fleet, table: LimitTable, timetable: CabinetTimetable) -> None:
        """Start with nothing known."""
        n = fleet.n_controllers
        self._fleet, self._timetable = fleet, timetable
        self._guard_us = int(table.scalar("switching_guard") * 1_000_000)
        self._no_voltage, self._dip_v = table.scalar("no_voltage"), table.scalar("dip_voltage")
        self.at_s = np.zeros(n, np.int64)
        self.interval_s = np.zeros(n, np.int64)
        self.contactor = np.full(n, -1, np.int8)
        self.contactor_s = np.zeros(n, np.int64)
        self.has_switched = np.zeros(n, np.bool_)
        self.gap_s = np.zeros(n, np.int64)
        self.level_reported_s = np.zeros(n, np.int64)
        self.fallback = np.full(n, LEVEL_UNKNOWN, np.uint8)
        self.has_phase = np.zeros((3, n), np.bool_)
        self.is_phase_dead = np.zeros((3, n), np.bool_)
        self.scheduled = np.zeros(0, np.uint8)  # (R,) of the sweep at hand
        is_known = (fleet.phase >= 0) & (fleet.lamp_controller >= 0)
        self.has_phase[fleet.phase[is_known], fleet.lamp_controller[is_known]] = True

    def replace_timetable(self, timetable: CabinetTimetable) -> None:
        """Other schedules are in force."""
        self._timetable = timetable

    def scheduled_levels(self, at_us: int) -> npt.NDArray[np.uint8]:
        """The schedule's level of each of K cabinets at a time; uint8 (K,) %."""
        times_us = np.full(len(self._fleet.cabinet_ids), at_us, np.int64)
        return self._timetable.look(np.arange(len(times_us)), times_us)[0]

    def prepare(self, batch: Batch, now_us: int) -> Sweep:
        """Take a batch's records into the memory and make its live part ready for judging."""
        width = batch.lamp_start[1:] - batch.lamp_start[:-1]
        controller = places(batch.controller)
        is_live = ~batch.is_historical & (batch.controller >= 0)
        is_near = np.abs(batch.at_us - now_us) <= _CLOCK_TRUST_US
        at_us = batch.at_us if is_near.all() else np.where(is_near, batch.at_us, now_us)
        at_s = at_us // 1_000_000
        live: Places = slice(None) if is_live.all() else np.flatnonzero(is_live)
        c = controller if isinstance(live, slice) else pick(controller, live)
        reported = batch.interval_s[live]
        self.interval_s[c] = reported if reported.all() else np.where(reported > 0, reported, self.interval_s[c])
        last_s = self.at_s[controller]
        cap_s = np.maximum(_GAP_S, 3 * self.interval_s[controller])
        away_s, was_heard = at_s - last_s, last_s > 0
        dt_s = np.where(was_heard, np.minimum(np.maximum(away_s, 0), cap_s), 0)
        has_missed_step = is_after_gap = is_live & was_heard & (away_s > cap_s)
        are_some_after_gap = bool(is_after_gap.any())
        if are_some_after_gap:
            self.gap_s[c] = np.where(is_after_gap[live], at_s[live], self.gap_s[c])
        was_recent = (
            last_s - self.level_reported_s[controller] < _RECENT_S
        )  # before it: the first after a gap counts too
        self.at_s[c] = at_s[live]

        home = places(self._fleet.home_cabinet[controller])
        scheduled, since_us, until_us = self._timetable.look(home, at_us)
        self.scheduled = scheduled
        step_s = since_us // 1_000_000
        if are_some_after_gap:
            has_missed_step = is_after_gap & (at_s - step_s < away_s)
        is_ending = until_us - at_us < self._guard_us
        self._take_contactor(batch.is_contactor_closed[live], c, at_s[live], scheduled[live])
        drives = self._drives(batch, controller, home)
        fallback = self._fallback(batch, drives, scheduled)
        level_low, level_high = level_range(batch, width)
        is_by_sun = ~drives & (level_high == LEVEL_UNKNOWN)
        is_switching = is_ending & ~self._timetable.ends_dimmed(home)
        is_twilight = self._is_twilight(home, at_s, is_by_sun)
        is_ending |= is_twilight
        is_switching |= is_twilight
        self.level_reported_s[c] = np.where(level_low[live] != LEVEL_UNKNOWN, at_s[live], self.level_reported_s[c])
        volts = np.ascontiguousarray(batch.cabinet_voltage_v.T)
        is_cut_off = batch.is_supply_present == 0
        has_voltage = is_any_reported(batch.cabinet_voltage_v)
        self._take_phases(volts[:, live], (has_voltage | is_cut_off)[live], c)
        has_phase, dead_phases = self.has_phase[:, controller], self.is_phase_dead[:, controller] & ~is_cut_off
        is_gone, is_dipped = is_cut_off, is_cut_off
        if has_voltage.any():
            is_gone = np.logical_and.reduce((volts < self._no_voltage) | ~has_phase) & np.logical_or.reduce(has_phase)
            is_gone |= is_cut_off
            is_dipped = is_gone | ((volts > self._no_voltage) & (volts < self._dip_v)).any(axis=0)
        is_moved = (fallback != self.fallback[controller]) | was_recent | (level_low != LEVEL_UNKNOWN)
        self.fallback[c] = fallback[live]
        return Sweep(
            batch,
            width,
            even(width),
            controller,
            is_live,
            live,
            c,
            at_s,
            dt_s,
            fallback,
            step_s,
            self.contactor_s[controller],
            level_low,
            level_high,
            has_voltage,
            is_any_reported(batch.cabinet_power_w),
            (is_live & (level_high == LEVEL_UNKNOWN) & is_moved) | is_after_gap,
            is_after_gap,
            has_missed_step,
            is_ending & ~drives,
            is_switching & ~drives,
            is_gone,
            is_dipped,
            dead_phases,
            dead_phases[0] | dead_phases[1] | dead_phases[2],
        )

    def switchings_on(self, controller: Int64, from_s: Int64, until_s: Int64) -> Int64:
        """How often the schedule switched the lamps of n controllers on after one time and up to another; int64 (n,).

        Without a gap in between it is 0: then detection has seen the commands themselves.
        """
        n_times = np.zeros(len(controller), np.int64)
        missed = np.flatnonzero(self.gap_s[controller] > from_s)
        if len(missed):
            home = self._fleet.home_cabinet[controller[missed]].astype(np.int64)
            n_times[missed] = self._timetable.switchings.on(home, from_s[missed], until_s[missed])
        return n_times

    def _is_twilight(self, home: Places, at_s: Int64, is_by_sun: Bool) -> Bool:
        """Records (``is_by_sun`` bool (R,)) of photocells while each cell closes at a light of its own; bool (R,)."""
        chosen = np.flatnonzero(is_by_sun)
        twilight = np.zeros(len(is_by_sun), np.bool_)
        if len(chosen):
            cabinet = pick(home, chosen)
            latitude = np.nan_to_num(self._fleet.cabinet_latitude[cabinet])
            longitude = np.nan_to_num(self._fleet.cabinet_longitude[cabinet])
            twilight[chosen] = np.abs(elevation(at_s[chosen], latitude, longitude)) < _TWILIGHT_SUN
        return twilight

    def _take_phases(self, volts: npt.NDArray[np.float32], is_reported: Bool, c: Places) -> None:
        if not is_reported.any():
            return
        is_alive = volts > self._no_voltage
        if (is_alive & ~self.has_phase[:, c]).any():
            self.has_phase[:, c] |= is_alive
        is_dead = (volts < self._no_voltage) & (volts >= self._no_voltage).any(axis=0)
        self.is_phase_dead[:, c] = np.where(is_reported, is_dead & self.has_phase[:, c], self.is_phase_dead[:, c])

    def _take_contactor(
        self, state: npt.NDArray[np.int8], c: Places, at_s: Int64, scheduled: npt.NDArray[np.uint8]
    ) -> None:
        if not (state >= 0).all():
            known = np.flatnonzero(state >= 0)
            state, c, at_s, scheduled = state[known], pick(c, known), at_s[known], scheduled[known]
        before = self.contactor[c]
        changed = np.flatnonzero((before >= 0) & (before != state))
        self.contactor_s[pick(c, changed)] = at_s[changed]
        self.contactor[c] = state
        self.has_switched[c] |= (state == 0) & (scheduled == 0)

    @staticmethod
    def _fallback(batch: Batch, drives: Bool, scheduled: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Commanded level where the agent cannot tell: by the contactor where it switches, else by schedule."""
        contactor = batch.is_contactor_closed
        closed = np.where(drives, np.where(scheduled > 0, scheduled, 100), scheduled)
        return np.where(contactor == 0, 0, np.where(contactor == 1, closed, scheduled)).astype(np.uint8)

    def _drives(self, batch: Batch, controller: Places, home: Places) -> Bool:
        """Cabinets whose contactor is reported and switches their lamps; bool (R,)."""
        switching = self._fleet.cabinet_switching[home]
        has_switched = self.has_switched[controller] & (switching == SWITCHING_UNKNOWN)
        drives: Bool = ((switching == SWITCHING_CONTACTOR) | has_switched) & (batch.is_contactor_closed >= 0)
        return drives
