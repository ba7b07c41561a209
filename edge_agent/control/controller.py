"""Control of the lamps: which level each should have now, and the writing that makes it so.

Owns schedule and dim commands as held, the safe state, and the retries. A lamp's level is the command's while it holds,
else the schedule's. While nobody knows the time, lamps are on: a lit day costs a little, a dark street costs more.
Orders arrive on the link's thread, `levels` is asked on the sweep's, `carry_out` runs on its own.
"""

from __future__ import annotations

import logging
import threading
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from edge_agent.clock import AgentClock, Trust
from edge_agent.control.orders_file import HeldOrders, Override
from edge_agent.control.orders_keeper import OrdersKeeper
from edge_agent.wire import (
    COMMAND_LEAVE,
    COMMAND_SCHEDULE,
    LEVEL_UNKNOWN,
    STATUS_RESTARTED,
    STATUS_THERMAL_DERATING,
    STATUS_THERMAL_SHUTDOWN,
    Quality,
)
from edge_agent.wire.schedule import BadSchedule, Schedule, Timetable, parse_schedule, safe_schedule

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.control.command import DimCommand
    from edge_agent.outbox.layout import Layout
    from edge_agent.serial.reading import SweepReadings

LOG: Final = logging.getLogger(__name__)
GRACE_S: Final = 180.0  # NTP's chance after start, before an unknown hour counts as night
FIRST_RETRY_S: Final = 5.0
LONGEST_RETRY_S: Final = 600.0
REASSERT_S: Final = 600.0  # an I/O board that restarted has forgotten its coil
_REDUCED: Final = STATUS_THERMAL_DERATING | STATUS_THERMAL_SHUTDOWN


class Switchgear(Protocol):
    """The part of the sweeper that writes; both verify by reading back."""

    def write_dim(self, lamp_index: int, level: int) -> bool:
        """Command a lamp's level [%]; whether its node holds it."""

    def set_contactor(self, closed: bool) -> bool:
        """Switch the contactor's coil; whether the board holds it."""


class Retry:
    """When a thing that failed may be tried again."""

    def __init__(self) -> None:
        """May be tried at once."""
        self.next_s = float("-inf")
        self._wait_s = FIRST_RETRY_S

    def failed(self, now_s: float) -> None:
        """Wait, twice as long as the last time."""
        self.next_s = now_s + self._wait_s
        self._wait_s = min(LONGEST_RETRY_S, 2 * self._wait_s)

    def succeeded(self) -> None:
        """Forget earlier failures."""
        self.next_s = float("-inf")
        self._wait_s = FIRST_RETRY_S


class Control:
    """Lamps and contactor of one cabinet."""

    def __init__(
        self,
        layout: Layout,
        place: tuple[float, float, str],
        switchgear: Switchgear,
        clock: AgentClock,
        monotonic: Callable[[], float],
        path: Path,
    ) -> None:
        """Take up the orders that were held before the restart.

        Args:
            layout: the lamps, which of them dim, and whether there is a contactor.
            place: latitude, longitude [degrees], IANA time zone.
            switchgear: who writes.
            clock: the agent's.
            monotonic: a clock that never jumps [s].
            path: file of the held orders.
        """
        self._layout = layout
        self._place = place
        self._switchgear = switchgear
        self._clock = clock
        self._monotonic = monotonic
        self._started_s = monotonic()
        self._lock = threading.RLock()
        self._keeper = OrdersKeeper(path, monotonic)
        held = self._keeper.load()
        self._document: str | None = None
        self._timetable = self._made(safe_schedule(place[2]))
        self._overrides: dict[int, Override] = {}
        self._take_up(held)
        n = len(layout.lamp_ids)
        self._held = array("B", [LEVEL_UNKNOWN]) * n  # level that a node is known to hold
        self._is_answering = [False] * n  # a write to a node that is not there costs the sweep seconds
        self._retries = [Retry() for _ in range(n)]
        self._contactor: bool | None = None
        self._contactor_retry = Retry()
        self._contactor_s = float("-inf")
        self.changed = threading.Event()

    def _made(self, schedule: Schedule) -> Timetable:
        return Timetable(schedule, self._place[0], self._place[1])

    def _take_up(self, held: HeldOrders) -> None:
        if held.schedule is not None:
            try:
                self._timetable = self._made(parse_schedule(held.schedule))
                self._document = held.schedule
            except BadSchedule as error:
                LOG.warning("schedule in storage refused, lamps follow the sun: %s", error)
        index = {lamp_id: i for i, lamp_id in enumerate(self._layout.lamp_ids)}
        self._overrides = {index[lamp_id]: order for lamp_id, order in held.overrides.items() if lamp_id in index}

    # --- orders ------------------------------------------------------------------------------------------------

    def schedule(self, text: str) -> bool:
        """Take a schedule document; False = refused, the old one stays."""
        try:
            schedule = parse_schedule(text)
        except BadSchedule as error:
            LOG.warning("schedule refused: %s", error)
            return False
        with self._lock:
            held = self._timetable.schedule
            if self._document is not None and schedule.version < held.version:
                LOG.warning("schedule refused: version %s is older than %s, in force", schedule.version, held.version)
                return False
            if text != self._document:
                self._document = text
                self._timetable = self._made(schedule)
                LOG.info("schedule: version %s is in force", schedule.version)
                self._keeper.save_soon(self._orders())
        self.changed.set()
        return True

    def forget_schedule(self) -> None:
        """Go back to the sun's hours, as before any document came; the next one is accepted whatever its version."""
        with self._lock:
            if self._document is not None:
                LOG.warning("schedule: version %s is forgotten, as requested", self._timetable.schedule.version)
            self._document = None
            self._timetable = self._made(safe_schedule(self._place[2]))
            self._keeper.save(self._orders())
        self.changed.set()

    def held_schedule(self) -> str | None:
        """The document as held; None = none yet."""
        return self._document

    def dim(self, command: DimCommand) -> None:
        """Hold commanded levels until their time; one that is over already changes nothing."""
        now_ms = self._clock.now_ms()
        with self._lock:
            for i, level in enumerate(command.levels):
                if level == COMMAND_SCHEDULE:
                    self._overrides.pop(i, None)
                elif level != COMMAND_LEAVE and command.until_ms > now_ms:
                    self._overrides[i] = Override(level, command.until_ms)
            self._keeper.save_soon(self._orders())
        self.changed.set()

    def _orders(self) -> HeldOrders:
        return HeldOrders(self._document, {self._layout.lamp_ids[i]: order for i, order in self._overrides.items()})

    def close(self) -> None:
        """Write what is not in storage yet."""
        with self._lock:
            self._keeper.save(self._orders())

    # --- what should be ----------------------------------------------------------------------------------------

    def levels(self) -> array[int]:
        """``Lamps/Dim Level``: uint8 (n_lamps,) [%]; 255 where a photocell or a timer switches the lamp."""
        wanted = self._wanted()
        is_closed = self._wants_closed(wanted)
        layout = self._layout
        commanded = array("B", [LEVEL_UNKNOWN]) * len(wanted)
        for i, is_dimmable in enumerate(layout.is_dimmable):
            if is_dimmable:
                commanded[i] = wanted[i] if is_closed or not layout.has_contactor else 0
            elif layout.has_contactor:
                commanded[i] = 100 if is_closed else 0
        return commanded

    def is_lit(self) -> bool:
        """Whether lamps are commanded on, or ought to burn if others switch them."""
        wanted = self._wanted()
        return any(wanted) if wanted else self._scheduled() > 0

    def _scheduled(self) -> int:
        """The schedule's level now, or 100 while nobody knows the time."""
        with self._lock:
            level = self._timetable.level(self._clock.now_ms())
        is_lost = self._clock.trust() is Trust.GUESS and self._monotonic() - self._started_s > GRACE_S
        return 100 if is_lost else level

    def _wanted(self) -> array[int]:
        with self._lock:
            now_ms = self._clock.now_ms()
            over = [i for i, order in self._overrides.items() if order.until_ms <= now_ms]
            for i in over:
                del self._overrides[i]
            self._keeper.is_unsaved |= bool(over)
            wanted = array("B", [self._scheduled()]) * len(self._layout.lamp_ids)
            for i, order in self._overrides.items():
                wanted[i] = order.level
            return wanted

    def _wants_closed(self, wanted: array[int]) -> bool:
        return any(wanted) if wanted else self._scheduled() > 0

    # --- making it so ------------------------------------------------------------------------------------------

    def saw(self, sweep: SweepReadings) -> None:
        """Learn from a sweep which nodes answer, and which of them lost their level."""
        with self._lock:
            for i, quality in enumerate(sweep.quality):
                is_good = quality == Quality.GOOD
                if is_good and not self._is_answering[i]:
                    self._retries[i].succeeded()
                    self._held[i] = LEVEL_UNKNOWN
                self._is_answering[i] = is_good
                if not is_good:
                    continue
                status, driven = sweep.status[i], sweep.driven_level[i]
                if status & STATUS_RESTARTED:
                    self._held[i] = LEVEL_UNKNOWN
                if driven not in {LEVEL_UNKNOWN, self._held[i]} and not status & _REDUCED:
                    self._held[i] = driven
            followed = sweep.cabinet.contactor_closed
            if followed is not None and self._contactor is not None and followed != self._contactor:
                self._contactor = None

    def carry_out(self) -> None:
        """Write what is due to contactor and nodes; what fails is tried again later, longer and longer apart."""
        self.changed.clear()
        if self._keeper.is_asked_to_forget():
            self.forget_schedule()
        wanted = self._wanted()
        is_closed = self._wants_closed(wanted)
        if self._layout.has_contactor:
            self._switch(is_closed=is_closed)
        if is_closed or not self._layout.has_contactor:  # nodes behind an open contactor have no supply
            for i, level in enumerate(wanted):
                if self.changed.is_set():
                    break  # newer orders first
                self._write(i, level)
        with self._lock:
            if self._keeper.is_unsaved:
                self._keeper.save_soon(self._orders())

    def _switch(self, *, is_closed: bool) -> None:
        now_s = self._monotonic()
        is_due = self._contactor != is_closed or now_s - self._contactor_s >= REASSERT_S
        if not is_due or now_s < self._contactor_retry.next_s:
            return
        self._contactor_s = now_s
        if self._switchgear.set_contactor(is_closed):
            if self._contactor != is_closed:
                LOG.info("contactor: %s", "closed" if is_closed else "opened")
            self._contactor = is_closed
            self._contactor_retry.succeeded()
        else:
            self._failed(self._contactor_retry, now_s, "contactor")

    def _write(self, i: int, level: int) -> None:
        now_s = self._monotonic()
        with self._lock:
            is_due = self._layout.is_dimmable[i] and self._held[i] != level
            if not is_due or not self._is_answering[i] or now_s < self._retries[i].next_s:
                return
        if self._switchgear.write_dim(i, level):
            with self._lock:
                self._held[i] = level
            self._retries[i].succeeded()
        else:
            self._failed(self._retries[i], now_s, self._layout.lamp_ids[i])

    def _failed(self, retry: Retry, now_s: float, what: str) -> None:
        retry.failed(now_s)
        LOG.warning("%s did not take its command; trying again", what)
