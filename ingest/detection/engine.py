"""Detection: judges batches of readings and says which conditions were confirmed, changed or cleared, and why.

The one face of everything in ``ingest.detection`` and ``ingest.detection.rules``. Pure but for its own memory: time is
passed in, nothing is read or written. Only live records open or close anything; history is stored by others and judged
nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.detection import snapshot
from ingest.detection.cabinet.dark_baseline import FormerRatios
from ingest.detection.lists import note_lists
from ingest.detection.live_picture import draw
from ingest.detection.maintenance import Maintenance, MaintenanceWindow
from ingest.detection.memory.command import Commands
from ingest.detection.memory.suspects import Replies, Suspects
from ingest.detection.memory.sweep import Places, Sweep
from ingest.detection.memory.unreported_levels import switch_unreported
from ingest.detection.outage.silence_cases import GROUP_CODES
from ingest.detection.parts import DetectionParts
from ingest.detection.rules import DETECTORS, Detector, RuleSet
from ingest.errors import SnapshotError
from ingest.lighting.schedules import Schedules
from ingest.model.batch import Batch, SessionEvent
from ingest.model.finding import Change, Key
from ingest.model.fleet import Fleet
from ingest.schema.city import City

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class Detection(DetectionParts):
    """Judges a fleet.

    Args:
        fleet: the register's index arrays.
        city: schedule, time zone and limits.
        start_us: "now" at the start, UTC microseconds.
        rules: the lamp rules, in their order.
        schedules: of the controllers; None = all have the city's.

    Raises:
        RuleError: rules that do not fit together, or more than there is room for.
    """

    def __init__(
        self,
        fleet: Fleet,
        city: City,
        *,
        start_us: int,
        rules: Sequence[Detector] = DETECTORS,
        schedules: Schedules | None = None,
    ) -> None:
        """Start with nothing known."""
        super().__init__(city, RuleSet(rules), schedules or Schedules(city.schedule))
        self._now_us = start_us
        self._maintenance = Maintenance()
        self._set_up(fleet)

    def judge(self, batch: Batch, now_us: int) -> list[Change]:
        """Judge a batch's live records at the clock's "now"; an agent's clock far off from it is not believed.

        The batch's readings of bad quality hold no values, as ``ingest.model.good_values.with_good_values`` leaves it.
        """
        self._now_us = now_us
        if not batch.n_records:
            return []
        sweep = self._context.prepare(self._meters.take(batch), now_us)
        self._offline.hear(sweep, now_us)
        commands = self._commands.take(sweep, self._context.scheduled)
        self._cabinets.judge(sweep, commands, self._is_controller_muted)
        self._judge_lamps(sweep, commands)
        changes = self._settle()
        proofs = self._repairs.judge(sweep, commands, self._book)
        return [*changes, *proofs, *self._orphans.judge(sweep, self._book)]

    def _judge_lamps(self, sweep: Sweep, commands: Commands) -> None:
        """Every rule that looks at lamps: the screen first, then the exact rules on what it let through."""
        suspects, replies = self._screen.look(sweep, self._state)
        is_steady = self._rules.steadiness.covers(suspects)
        if sweep.is_after_gap.any():  # what their lamps did meanwhile is not known: see ``take_levels``
            is_steady &= ~sweep.is_after_gap[sweep.record_of(suspects.row)]
        suspects = suspects.without(is_steady)
        note_lists(sweep, self._state, self._fleet)
        self._rules.cycles.note_dips(sweep, sweep.is_cut(commands.is_on))
        stuck_on = self._cabinets.debounce["stuck_on"]
        self._rules.is_contactor_suspect = stuck_on.is_open | (stuck_on.count > 0)
        self._rules.told_since_s = self._weather.look(sweep, self._context.level_reported_s)
        reported_s = self._context.level_reported_s[sweep.controller]
        verdicts = self._rules.judge(sweep, suspects, replies, reported_s, self._is_muted)
        self._balance.look(sweep, commands)
        switch_unreported(sweep, replies, commands, self._fleet, self._state)
        self._listen(sweep, commands, suspects, replies)
        for verdict in verdicts:
            self._verdicts.take(verdict)
        self._verdicts.withdraw(self._rules.refuted, sweep)
        due = self._baseline.due(sweep)
        if len(due):
            self._baseline.take(sweep, due)
        self._voltages.judge(sweep, suspects, self._is_cabinet_muted, self._is_circuit_muted)
        self._neutral.judge(sweep, self._is_cabinet_muted, self._is_circuit_muted)
        is_suspect, told_since_s = self._rules.is_contactor_suspect, self._rules.told_since_s
        self._loads.judge(sweep, commands, is_suspect, told_since_s, self._is_controller_muted)
        is_starved = sweep.is_supply_gone | sweep.has_dead_phase
        is_partly_listed = ~self._state.is_fully_listed[sweep.controller]
        if is_partly_listed.any():
            self._dark.judge(sweep, commands, is_starved, self._is_muted)
            dark = self._silence.dark_lamps()
            self._silent_meters.judge(sweep, commands, is_starved, is_partly_listed, dark, self._is_muted)

    def _listen(self, sweep: Sweep, commands: Commands, suspects: Suspects, replies: Replies) -> None:
        """Count lost replies, and judge the controllers on which any lamp is lost."""
        self._silence.note_day(sweep, suspects)
        liveness = self._silence.liveness(sweep)
        cleared, is_suspect = self._silence.count(sweep, suspects, replies, liveness)
        for answering in cleared.tolist():
            at_us = int(sweep.at_s[self._record(sweep, answering)]) * 1_000_000
            self._book.close(self._verdicts.key_of("communicationFailure", answering), at_us)
        with_group = self._book.controllers_with(GROUP_CODES)
        if with_group:
            is_suspect |= np.isin(sweep.batch.controller, list(with_group)) & sweep.is_live
        for r in np.flatnonzero(is_suspect).tolist():
            own = np.arange(*self._fleet.controller_start[int(sweep.batch.controller[r]) :][:2])
            is_live = liveness.of(np.full(len(own), r), own)
            self._silence.judge(sweep, r, is_live, commands, self._is_muted)
        due = self._balance_learning.due(sweep)
        if len(due):
            due = due[~(is_suspect & self._silence.is_pending(sweep))[due]]
            self._balance_learning.learn(sweep, due, self._silence.reported_lamps(), self._silence.dark_lamps())

    def _record(self, sweep: Sweep, lamp: int) -> int:
        hit = (sweep.batch.controller == self._fleet.lamp_controller[lamp]) & sweep.is_live
        return int(np.flatnonzero(hit)[0])

    def _is_muted(self, lamp: Int64) -> Bool:
        return self._maintenance.is_muted(self._fleet, lamp, self._now_us)

    def _is_cabinet_muted(self, cabinet: Int64) -> Bool:
        return self._maintenance.cabinets(self._fleet, cabinet, self._now_us)

    def _is_circuit_muted(self, circuit: Int64) -> Bool:
        return self._maintenance.circuits(self._fleet, circuit, self._now_us)

    def _is_controller_muted(self, controller: Places) -> Bool:
        return self._is_cabinet_muted(self._fleet.home_cabinet[controller].astype(np.int64))

    def session(self, event: SessionEvent, now_us: int) -> list[Change]:
        """A controller's session began or ended."""
        self._now_us = now_us
        self._offline.presence.session(event.controller, is_birth=event.is_birth, at_us=event.at_us, now_us=now_us)
        return []

    def listen(self, since_us: int | None) -> None:
        """The broker's connection stands since then (None = the first record's time): nobody heard what was before."""
        self._offline.presence.listen(since_us)

    def tick(self, now_us: int) -> list[Change]:
        """What time alone brings: controllers that say nothing."""
        self._now_us = now_us
        self._offline.tick(now_us, self._context.interval_s, self._is_controller_muted)
        return self._settle()

    def _settle(self) -> list[Change]:
        self._verdicts.free()
        released = self._book.take_released()
        if len(released):
            self._rules.forget(released)
            self._silence.forget(released)
        return self._book.settle()

    def set_maintenance(self, windows: Iterable[MaintenanceWindow]) -> None:
        """What is being worked on: (cabinet_id, circuit, lamp_id, from_us, until_us), None = any."""
        self._maintenance = Maintenance(windows)

    def mark_repaired(self, key: Key) -> None:
        """A crew says it repaired this: the next lit period proves it (``Cleared``) or not (``StillFailing``)."""
        if key not in self._book.cases:
            self.adopt([key])
            return
        self._repairs.claim(key, self._now_us)
        lamp = self._fleet.lamp_index.get(key.place.lamp_id or "")
        if lamp is not None:
            self._start_anew(np.array([lamp]))

    def adopt(self, keys: Iterable[Key]) -> None:
        """Faults that are open in the book: those that detection does not hold itself are watched for their end."""
        self._orphans.adopt(keys, self._book)

    def tell_again(self) -> list[Change]:
        """Every condition that holds, once more: for a fault book that has lost its database."""
        return self._book.tell_again()

    def _start_anew(self, lamp: Int64) -> None:
        self._state.start_anew(lamp)
        self._baseline.start_anew(lamp)

    def live_picture(self) -> Mapping[str, npt.NDArray[Any]]:
        """The newest state of every lamp in register order, as ``ingest.schema.live.COLUMNS``."""
        return draw(self._fleet, self._state, self._context, self._balance, self._now_us)

    def least_dark(self) -> Mapping[str, Mapping[str, int]]:
        """Cabinet id -> circuit ("" = all its lamps) -> the smallest number of dark lamps that its meter can show."""
        return self._dark.least_dark()

    def snapshot(self) -> dict[str, Any]:
        """Everything that a restart must not lose, as named arrays for ``numpy.savez``."""
        extra = {**self._extra(), "now_us": self._now_us}
        memory = snapshot.take(self._fleet, self._parts(self._state.marks()), self._book, extra)
        return {**memory, **self._silent_load.kept.arrays()}

    def restore(self, memory: Mapping[str, Any]) -> list[Change]:
        """Take a snapshot's memory, matched by id; returns the conditions whose place the register no longer holds.

        Raises:
            SnapshotError: not a snapshot of this version.
        """
        if "version" not in memory or int(memory["version"]) not in snapshot.READABLE:
            raise SnapshotError(f"not a snapshot of version {snapshot.VERSION}: detection starts without memory")
        memory = snapshot.upgraded(memory)
        marks = self._state.marks()
        parts, former = self._parts(marks), FormerRatios(self._dark.sums.n)
        is_former = "sum/dark/ratio" in memory or "sum/dark/ratio#shape" in memory
        if is_former:
            parts["sum"].append(("dark", former))
        changed = snapshot.put(memory, self._fleet, parts)
        if is_former:
            self._dark.baseline.take_over(former)
        self._state.set_flags(self._rules.debounce, marks)
        self._silence.recall()
        self._voltages.recall()
        self._screen.forget()
        self._state.look_again(np.flatnonzero(self._state.flags))
        cases, extra = snapshot.documents(memory)
        lost = snapshot.restore_cases(cases, self._fleet, self._book, extra["now_us"])
        self._silence.cases.recall()
        self._restore_extra(extra)
        if snapshot.is_of(memory, self._fleet):
            self._silent_load.kept.restore(memory)
        self._start_anew(changed)
        self._dark.start_anew(changed)
        return lost

    def forget(self) -> None:
        """Start anew with the same register: after a snapshot that could be restored in part only."""
        listening_us = self._offline.presence.listening_us
        self._set_up(self._fleet)
        self.listen(listening_us)

    def replace_fleet(self, fleet: Fleet) -> list[Change]:
        """Go on with another register: what it still holds keeps its memory, what it no longer holds is cleared.

        Raises:
            Exception: whatever is wrong with it; then the register that was in force still is.
        """
        go_back = self.restore_point()
        memory, listening_us = self.snapshot(), self._offline.presence.listening_us
        try:
            self._set_up(fleet)
            self.listen(listening_us)
            return self.restore(memory)
        except BaseException:
            go_back()
            raise

    def replace_schedules(self, schedules: Schedules) -> list[Change]:
        """Go on with other schedules: nothing that was remembered is lost.

        Raises:
            Exception: whatever is wrong with them; then those that were in force still are.
        """
        before, self._schedules = self._schedules, schedules
        try:
            timetable = self._timetable(self._fleet)
            if np.array_equal(timetable.dim_levels.astype(np.uint8), self._electric.dim_levels):
                self._context.replace_timetable(timetable)
                return []
            return self.replace_fleet(self._fleet)  # what lamps draw at each dim level is computed anew
        except BaseException:
            self._schedules = before
            raise

    def restore_point(self) -> Callable[[], None]:
        """What takes another register back, as long as nothing was judged by it.

        Another register has every part made anew, so that the present parts stay as they are.
        """
        before = dict(vars(self))
        return lambda: vars(self).update(before)
