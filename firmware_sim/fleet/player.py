"""Plays a city over MQTT: sweeps when they are due, connections, resends, commands.

Data time runs at ``speed`` times the wall's from ``start_us`` on. Controllers sweep in groups spread over the
interval, as a city's do; all lamps of the plant advance together, one numpy call a group.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from firmware_sim.fleet.link import BrokerError, Link, LinkLoop
from firmware_sim.fleet.sweeps import sweep
from firmware_sim.fleet.virtual_agent import VirtualAgent
from firmware_sim.fleet.world import Moment, World
from firmware_sim.stage import Stage

_GROUPS: Final = 6
_RETRY_S: Final = (1.0, 3.0)
_TICK_S: Final = 0.05
_OPENING_TURNS: Final = 60  # a whole fleet connects over some seconds, as a city does after a blackout


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the city is played.

    Attributes:
        start_us: data time at the beginning.
        interval_s: between two sweeps of a controller, data time.
        slow_s: between two sweeps with counters and temperature.
        speed: data seconds a wall second.
    """

    start_us: int
    interval_s: float = 60.0
    slow_s: float = 900.0
    speed: float = 1.0


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
    ) -> None:
        """``played``: indices of the town's controllers that are virtual; the others' agents are real."""
        self.world = world
        self.pace = pace
        self.n_sweeps = 0
        self.stage: Stage | None = None  # of a scenario: breaks and mends what is due
        self._monotonic = monotonic
        self._started_s = monotonic()
        self._random = random.Random(seed)
        self._loop = LinkLoop()
        self._played = list(played)
        controllers = world.town.controllers
        self.agents = [
            VirtualAgent(world.town.group, controllers[index], self._random.getrandbits(63)) for index in played
        ]
        self._links = [Link(agent, *broker, self._loop, self._now_ms) for agent in self.agents]
        self._n_groups = max(1, min(_GROUPS, len(self._played)))
        self._next_group = 0
        self._n_opens = 0
        self._slow_us = [-(2**62)] * len(self._played)
        self.moment: Moment = world.advance(pace.start_us)

    def now_us(self) -> int:
        """Data time now."""
        return self.pace.start_us + round((self._monotonic() - self._started_s) * self.pace.speed * 1e6)

    def _now_ms(self) -> int:
        return self.now_us() // 1000

    def turn(self) -> None:
        """Sweep what is due, keep connections, and wait a moment for the network."""
        due_us = self._due_us()
        while due_us <= self.now_us():
            self._sweep_group(due_us)
            due_us = self._due_us()
        now_s = self._monotonic()
        self._n_opens = max(1, len(self._links) // _OPENING_TURNS)
        for place, link in enumerate(self._links):
            self._keep(place, link, now_s)
        wait_s = min(_TICK_S, max(0.0, (due_us - self.now_us()) / 1e6 / self.pace.speed))
        self._loop.wait(wait_s, now_s)

    def _due_us(self) -> int:
        step_us = self.pace.interval_s * 1e6 / self._n_groups
        return self.pace.start_us + round((self._next_group + 1) * step_us)

    def _sweep_group(self, at_us: int) -> None:
        group = self._next_group % self._n_groups
        self._next_group += 1
        if self.stage is not None:
            self.stage.turn(at_us)
        self.moment = self.world.advance(at_us)
        upset = self.world.upset
        now_s = self._monotonic()
        for place in range(group, len(self._played), self._n_groups):
            index = self._played[place]
            if upset.is_down[index]:
                continue
            is_slow = at_us - self._slow_us[place] >= self.pace.slow_s * 1e6
            if is_slow:
                self._slow_us[place] = at_us
            reading = sweep(
                self.moment,
                self.world.town.controllers[index],
                at_ms=(at_us + int(upset.clock_offset_us[index])) // 1000,
                interval_s=max(1, round(self.pace.interval_s)),
                is_synchronised=bool(upset.is_clock_synchronised[index]),
                is_slow=is_slow,
            )
            self._links[place].send(self.agents[place].record(reading, now_s))
            self.n_sweeps += 1
        if self.stage is not None:
            # between its sweeps a connected controller counts as heard: a fault shows to a fraction of an interval
            is_heard = np.zeros(len(self.world.town.controllers), np.bool_)
            is_heard[self._played] = [agent.is_connected for agent in self.agents]
            self.stage.look(self.moment, is_heard)

    def _keep(self, place: int, link: Link, now_s: float) -> None:
        """Connect, cut, obey and resend, as the causes of the moment have it."""
        index = self._played[place]
        upset = self.world.upset
        agent = self.agents[place]
        is_wanted = not (upset.is_offline[index] or upset.is_down[index]) and agent.sequence > 0
        if link.is_open and not is_wanted:
            link.cut()
        elif not link.is_open and is_wanted and now_s >= link.retry_s and self._n_opens > 0:
            self._n_opens -= 1
            link.retry_s = now_s + self._random.uniform(*_RETRY_S)
            try:
                link.open()
            except BrokerError:
                return
        while link.commands:
            messages, dim = agent.command(link.commands.popleft(), self._now_ms())
            link.send(messages)
            if dim is not None:
                self.world.dim(agent.controller.lamps, np.asarray(dim.level), dim.until_us)
        link.send(agent.resend(now_s))

    def close(self) -> None:
        """Every agent says good-bye."""
        for link in self._links:
            link.close()
        self._loop.close()
