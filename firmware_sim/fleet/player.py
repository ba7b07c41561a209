"""Runs the virtual agents of a city over MQTT: due sweeps, connections, resends, commands.

Data time runs at ``speed`` times the wall's from ``start_us`` on, and never ahead of what has been played: a machine
that is too slow plays slower. At speed 0 it runs as fast as the host acknowledges. Controllers sweep in groups spread
over the interval, as a city's do; all lamps of the plant advance together, one numpy call a group.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.errors import SimError
from firmware_sim.fleet.link import BrokerError, Link, LinkLoop, allow_connections
from firmware_sim.fleet.outages import Churn, Outages
from firmware_sim.fleet.straddle import straddle
from firmware_sim.fleet.sweeps import GOOD, Columns, sweep
from firmware_sim.fleet.virtual_agent import VirtualAgent
from firmware_sim.fleet.world import Moment, World
from firmware_sim.injections import Injections
from languages.message import Message

_log = logging.getLogger(__name__)
_GROUPS: Final = 6
_RETRY_S: Final = (1.0, 3.0)
_TICK_S: Final = 0.05
_OPENING_TURNS: Final = 60  # a whole fleet connects over some seconds, as a city does after a blackout
_TENDING_TURNS: Final = 10  # every link is looked after once in so many turns; what needs more is done at once
_LATE_S: Final = 0.5  # farther behind than this, the data clock waits for the player
_WINDOW: Final = 20  # at speed 0: sweeps of a controller that the host has not acknowledged
_PATIENCE_S: Final = 180.0  # longer than agents wait before they send again


class PaceError(SimError):
    """The city cannot be simulated at this pace."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the city is played.

    Attributes:
        start_us: data time at the beginning.
        interval_s: between two sweeps of a controller, data time.
        slow_s: between two sweeps with counters and temperature.
        speed: data seconds a wall second; 0 = as fast as the host acknowledges.
        end_us: data time after which nothing is swept; None = never.
    """

    start_us: int
    interval_s: float = 60.0
    slow_s: float = 900.0
    speed: float = 1.0
    end_us: int | None = None


class Player:
    """All virtual agents of one city."""

    def __init__(
        self,
        world: World,
        played: Sequence[int],
        broker: tuple[str, int],
        pace: Pace,
        monotonic: Callable[[], float],
        seed: int,
        injections: Injections,
        churn: Churn | None = None,
    ) -> None:
        """``played``: indices of the town's controllers that are virtual; the others' agents are real."""
        self.world = world
        self.pace = pace
        self.n_sweeps = 0
        self._injections = injections
        self._monotonic = monotonic
        self._started_s = monotonic()
        # a start of its own makes outboxes of its own: a host must not take the next night's records for the last one's
        self._random = random.Random(f"{seed} {pace.start_us}")
        self._rng = np.random.default_rng((0x5E, seed))
        allow_connections(len(played))
        self._loop = LinkLoop()
        self._played = np.array(played, np.int64)
        self._outages = Outages(len(self._played), churn or Churn(), pace.start_us, seed)
        controllers = world.town.controllers
        self.agents = [
            VirtualAgent(world.town.group, controllers[index], self._random.getrandbits(63)) for index in played
        ]
        # arrays, since they are looked at 20 times a second: a pass over 5,000 objects would cost more than the physics
        self._is_open = np.zeros(len(self._played), np.bool_)
        self._has_begun = np.zeros(len(self._played), np.bool_)
        self._spoken: deque[int] = deque()  # places of links that hold commands
        self._links = [
            Link(
                agent,
                *broker,
                self._loop,
                self._now_ms,
                on_command=partial(self._spoken.append, place),
                on_change=partial(self._is_open.__setitem__, place),
            )
            for place, agent in enumerate(self.agents)
        ]
        self._schedules = [agent.schedule for agent in self.agents]
        self._is_broker_there = True
        self._is_out = np.zeros(len(self._played), np.bool_)
        self._n_groups = max(1, min(_GROUPS, len(self._played)))
        self._next_group = 0
        self._n_tended = 0
        self._tend_s = 0.0
        self._slow_us = [-(2**62)] * len(self._played)
        self._heard_s = monotonic()  # when the host acknowledged last
        self.moment: Moment = world.advance(pace.start_us, clears_restart=False)

    @property
    def is_over(self) -> bool:
        """The last sweep before the pace's end has been played."""
        return self.pace.end_us is not None and self._due_us() > self.pace.end_us

    @property
    def n_waiting(self) -> int:
        """Records that the host has not acknowledged."""
        return sum(agent.n_pending for agent in self.agents)

    @property
    def is_host_there(self) -> bool:
        """Somebody has acknowledged something."""
        return any(agent.acknowledged for agent in self.agents)

    def now_us(self) -> int:
        """Data time now."""
        due_us = self._due_us()
        if not self.pace.speed:
            return due_us
        ahead_us = self.pace.start_us + round((self._monotonic() - self._started_s) * self.pace.speed * 1e6)
        return min(ahead_us, due_us + round(_LATE_S * self.pace.speed * 1e6))

    def _now_ms(self) -> int:
        return self.now_us() // 1000

    def turn(self) -> None:
        """Sweep what is due, keep connections, and wait a moment for the network."""
        is_due = not self.is_over and (self._is_settled() if not self.pace.speed else self._due_us() <= self.now_us())
        if is_due:
            self._sweep_group(self._due_us())
            self._catch_up()
        if self.is_over:  # no data time will pass that could bring a lost connection back
            self._is_out[:] = False
        now_s = self._monotonic()
        if is_due or now_s >= self._tend_s:  # not with every acknowledgement: each look goes over all links
            self._tend_s = now_s + _TICK_S
            self._tend(now_s)
        self._loop.wait(self._idle_s(is_due=is_due), now_s)
        while self._spoken:
            self._obey(self._spoken.popleft(), now_s)

    def _due_us(self) -> int:
        step_us = self.pace.interval_s * 1e6 / self._n_groups
        return self.pace.start_us + round((self._next_group + 1) * step_us)

    def _catch_up(self) -> None:
        """A player that is late moves its clock: data time is never skipped."""
        if self.pace.speed:
            due_s = (self._due_us() - self.pace.start_us) / 1e6 / self.pace.speed
            self._started_s = max(self._started_s, self._monotonic() - due_s - _LATE_S)

    def _idle_s(self, *, is_due: bool) -> float:
        if not self.pace.speed:
            return 0.0 if is_due else _TICK_S
        return min(_TICK_S, max(0.0, (self._due_us() - self.now_us()) / 1e6 / self.pace.speed))

    def _is_settled(self) -> bool:
        """At speed 0: every controller that should have a connection has one, and the host keeps up.

        Raises:
            PaceError: no host acknowledges.
        """
        is_wanted = self._wanted()
        connected = [agent for agent, wanted in zip(self.agents, is_wanted.tolist(), strict=True) if wanted]
        n_waiting = sum(agent.n_pending for agent in connected)
        if n_waiting <= _WINDOW * len(connected) and all(agent.is_connected for agent in connected):
            return True
        if self._monotonic() - self._heard_s > _PATIENCE_S:
            raise PaceError(Message("sim.no_acknowledgement", seconds=round(_PATIENCE_S)))
        return False

    def _sweep_group(self, at_us: int) -> None:
        group = self._next_group % self._n_groups
        self._next_group += 1
        self._injections.turn(at_us)
        self._is_out = self._outages.turn(at_us)
        before, self.moment = self.moment, self.world.advance(at_us, clears_restart=False)
        seen = straddle(before, self.moment, self._rng)
        columns = Columns(seen)
        upset = self.world.upset
        is_wanted = self._wanted()
        now_s = self._monotonic()
        for place in range(group, len(self._played), self._n_groups):
            index = int(self._played[place])
            link, agent = self._links[place], self.agents[place]
            if link.is_open and not is_wanted[place] and agent.sequence:
                link.cut()
            if upset.is_down[index]:
                continue
            is_slow = at_us - self._slow_us[place] >= self.pace.slow_s * 1e6
            if is_slow:
                self._slow_us[place] = at_us
            reading = sweep(
                columns,
                agent.controller,
                at_ms=(at_us + int(upset.clock_offset_us[index])) // 1000,
                interval_s=max(1, round(self.pace.interval_s)),
                is_synchronised=bool(upset.is_clock_synchronised[index]),
                is_slow=is_slow,
            )
            lamps = agent.controller.lamps
            self.world.mark_read(lamps[seen.quality[lamps] == GOOD])
            link.send(agent.record(reading, now_s))
            self._has_begun[place] = True
            self.n_sweeps += 1
        self._injections.look(self.moment, self._is_heard())

    def _is_heard(self) -> NDArray[np.bool_]:
        """Bool (n_controllers,): between its sweeps a connected controller counts as heard."""
        is_heard: NDArray[np.bool_] = ~(self.world.upset.is_offline | self.world.upset.is_down)
        is_heard[self._played] = [agent.is_connected for agent in self.agents]
        return is_heard

    def _wanted(self) -> NDArray[np.bool_]:
        """Bool (n_played,): who should have a connection; nobody before the first sweep, which the birth repeats."""
        upset = self.world.upset
        is_away = (upset.is_offline | upset.is_down)[self._played] | self._is_out
        wanted: NDArray[np.bool_] = self._has_begun & ~is_away
        return wanted

    def _tend(self, now_s: float) -> None:
        """Keep connections, and look after a tenth of the links for what should go again."""
        self._connect(now_s)
        for place in range(self._n_tended % _TENDING_TURNS, len(self._links), _TENDING_TURNS):
            self._links[place].send(self.agents[place].resend(now_s))
        self._n_tended += 1

    def _connect(self, now_s: float) -> None:
        """Cut and open connections, as the causes of the moment have it."""
        n_opens = max(1, len(self._links) // _OPENING_TURNS)
        is_wanted = self._wanted()
        for place in np.flatnonzero(self._is_open != is_wanted).tolist():
            link = self._links[place]
            if not is_wanted[place]:
                link.cut()
            elif now_s >= link.retry_s and n_opens > 0:
                n_opens -= 1
                link.retry_s = now_s + self._random.uniform(*_RETRY_S) / max(1.0, self.pace.speed)
                try:
                    link.open()
                except BrokerError as error:
                    if self._is_broker_there:
                        _log.warning("%s; trying again and again", error)
                    self._is_broker_there = False
                    return
                self._is_broker_there = True

    def _obey(self, place: int, now_s: float) -> None:
        """Do what the host asked of one controller, and send what its acknowledgement made room for."""
        link, agent = self._links[place], self.agents[place]
        if not link.commands:
            return
        had = agent.acknowledged
        while link.commands:
            messages, dim = agent.command(link.commands.popleft(), self._now_ms())
            link.send(messages)
            if dim is not None:
                self.world.dim(agent.controller.lamps, np.asarray(dim.level), dim.until_us)
        if agent.acknowledged != had:
            self._heard_s = now_s
        if agent.schedule is not None and agent.schedule is not self._schedules[place]:
            self._schedules[place] = agent.schedule
            self.world.obey_schedule(np.unique(self.world.town.plant.cabinet[agent.controller.lamps]), agent.schedule)
        link.send(agent.resend(now_s))

    def close(self) -> None:
        """Every agent says good-bye."""
        for link in self._links:
            link.close()
        self._loop.close()
