"""Schedules sweeps: short intervals while lamps are lit, long ones by day, slow quantities at their own interval.

Owns when a sweep is due and what becomes of it: a record in the outbox. Driven by a monotonic clock, so that no jump of
the time of day makes it hurry or stall.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edge_agent.clock import AgentClock, Trust
from edge_agent.outbox.record import Circumstances, Record, encode_body
from edge_agent.outbox.waiting import Draft
from edge_agent.wire import UNKNOWN_UINT32

if TYPE_CHECKING:
    from edge_agent.config import SweepConfig
    from edge_agent.outbox.layout import Layout
    from edge_agent.outbox.queue import Outbox
    from edge_agent.serial.reading import SweepReadings


class Meters(Protocol):
    """The interface of the sweeper."""

    def sweep(self, slow: bool) -> SweepReadings:
        """Read all meters once."""


class Lights(Protocol):
    """The interface of the lamps' control; see `control.Control`."""

    def levels(self) -> array[int]:
        """Commanded level of each lamp [%]; 255 = unknown."""

    def is_lit(self) -> bool:
        """Whether lamps are on."""

    def saw(self, sweep: SweepReadings) -> None:
        """Learn from a sweep."""


@dataclass(frozen=True, slots=True)
class Round:
    """The result of one sweep.

    Attributes:
        sweep: the readings.
        stored: records that are in storage now, this one among them unless storage accepted nothing.
    """

    sweep: SweepReadings
    stored: list[Record]


class Rounds:
    """Runs due sweeps and stores them as records."""

    def __init__(
        self,
        meters: Meters,
        layout: Layout,
        outbox: Outbox,
        lights: Lights,
        clock: AgentClock,
        monotonic: Callable[[], float],
        settings: SweepConfig,
        poll_errors: Callable[[], array[int]] | None = None,
    ) -> None:
        """Begin with a sweep that is due at once, slow quantities included.

        Args:
            meters: who reads.
            layout: what the records are in the order of.
            outbox: where they go.
            lights: what the lamps should do.
            clock: the time of day.
            monotonic: a clock that never jumps [s].
            settings: the intervals.
            poll_errors: uint32 (n_lamps,) failed polls since start.
        """
        self._meters = meters
        self._layout = layout
        self._outbox = outbox
        self._lights = lights
        self._clock = clock
        self._monotonic = monotonic
        self._settings = settings
        self._poll_errors = poll_errors
        self._run_from_s = monotonic() - outbox.run_s
        self._last_s = -math.inf
        self._slow_s = -math.inf
        self._told_s = math.inf

    @property
    def interval_s(self) -> float:
        """The present interval between sweeps [s]."""
        return self._settings.interval_s if self._lights.is_lit() else self._settings.interval_day_s

    def wait_s(self) -> float:
        """Seconds until the next sweep is due.

        A longer interval begins only after a record has reported it: else the host would report a missing record.
        """
        return max(0.0, self._last_s + min(self.interval_s, self._told_s) - self._monotonic())

    def turn(self, n_refused: int) -> Round:
        """Sweep once and store it."""
        now_s = self._monotonic()
        interval_s = min(self.interval_s, self._told_s)
        due_s = self._last_s + interval_s
        self._last_s = (
            due_s if now_s - due_s < interval_s else now_s
        )  # keep the beat, but never catch up on missed ones
        is_slow = now_s - self._slow_s >= self._settings.slow_s - interval_s / 2
        if is_slow:
            self._slow_s = now_s
        sweep = self._meters.sweep(is_slow)
        self._lights.saw(sweep)
        self._told_s = self.interval_s
        errors = self._poll_errors() if is_slow and self._poll_errors is not None else None
        circumstances = Circumstances(
            levels=self._lights.levels(),
            is_synchronised=self._clock.trust() is Trust.SYNCHRONISED,
            interval_s=max(1, round(self._told_s)),
            poll_errors=errors if errors is not None or not is_slow else self._no_errors_known(),
            n_refused=n_refused,
            n_dropped=self._outbox.n_dropped + self._outbox.n_lost_waiting,
            n_waiting=self._outbox.n_waiting,
        )
        body = encode_body(sweep, self._layout, circumstances)
        draft = Draft(sweep.at_ms, self._monotonic() - self._run_from_s, self._layout, body)
        return Round(sweep, self._outbox.append(draft))

    def _no_errors_known(self) -> array[int]:
        return array("I", [UNKNOWN_UINT32]) * len(self._layout.lamp_ids)
