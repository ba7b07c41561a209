"""Plays a city's nights: world, virtual agents and pipeline in step, as fast as the machine allows.

Every message is the bytes that an agent would send. Agents restart, lose their network and come back with a backlog;
at a dim step some lamps of a sweep were read before it and some after.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.truth.cities import Kind
from benchmarks.truth.pipeline import Pipeline
from benchmarks.truth.score import KEEP_ALIVE_US
from edge_agent.wire import parse_topic
from firmware_sim.electrical.daylight import illuminance, sun_elevation
from firmware_sim.fleet.payload import Reading
from firmware_sim.fleet.sweeps import Columns, sweep
from firmware_sim.fleet.virtual_agent import VirtualAgent
from firmware_sim.fleet.world import Moment, World
from firmware_sim.injections import Injections
from firmware_sim.observability import HIGH_V, LOW_V, circuit_medians

NIGHT_S: Final = 60
DAY_S: Final = 300
SLOW_S: Final = 900
_OF_CIRCUIT_METERS: Final = frozenset({"Circuits/Voltage", "Circuits/Current", "Circuits/Power", "Circuits/Energy"})
_OF_CABINET_METER: Final = frozenset({"Cabinet/Voltage", "Cabinet/Current", "Cabinet/Power", "Cabinet/Energy"})
_DAWN_RATIO: Final = 1.6  # a photocell lets go at more light than it takes hold: usually 1.5 to 2 times
_EDGE_V: Final = 2.0  # a supply that is nearer to a limit than this may be called out of it by its meters


@dataclass(slots=True)
class _Link:
    agent: VirtualAgent
    left_out: frozenset[str]
    is_open: bool = False
    death_at_us: int = 0
    slow_us: int = -(2**62)


class CityRun:
    """The simulation of one city for the benchmark."""

    def __init__(
        self,
        world: World,
        kinds: tuple[Kind, ...],
        injections: Injections,
        pipeline: Pipeline,
        rng: np.random.Generator,
    ) -> None:
        """Nothing has been sent yet; ``kinds`` of the controllers in the town's order."""
        self._world, self._injections, self._pipeline, self._rng = world, injections, pipeline, rng
        controllers = world.town.controllers
        self._links = [
            _Link(
                VirtualAgent(world.town.group, controller, int(rng.integers(1, 2**62))),
                (frozenset() if kind.has_circuit_meters else _OF_CIRCUIT_METERS)
                | (frozenset() if kind.has_cabinet_meter else _OF_CABINET_METER),
            )
            for controller, kind in zip(controllers, kinds, strict=True)
        ]
        self._index = {controller.controller_id: index for index, controller in enumerate(controllers)}
        self._of_topic: dict[str, int | None] = {}
        self._photocells = np.flatnonzero(world.town.is_photocell)
        self._dusk_lux = rng.uniform(20.0, 70.0, len(self._photocells))
        self._is_night = np.zeros(len(self._photocells), np.bool_)
        self._previous: Moment | None = None
        self._inbox: list[tuple[str, bytes]] = []
        #: sweeps at which a circuit's true voltage was near a limit or out of it: (circuit, is_low) -> times
        self.off_voltage: dict[tuple[int, bool], list[int]] = {}
        self.sweeps_us: list[int] = []
        self.n_messages = 0

    def play(self, at_us: int, interval_s: int) -> None:
        """One sweep of every controller that is up."""
        self._injections.turn(at_us)
        self._decide_photocells(at_us)
        moment = self._world.advance(at_us)
        self._injections.look(moment, self._heard())
        self._note_voltages(moment)
        seen = Columns(self._mixed(moment))
        self._previous = moment
        self.sweeps_us.append(at_us)
        messages, self._inbox = self._inbox, []
        for index, link in enumerate(self._links):
            messages += self._turn(index, link, seen, at_us, interval_s)
        self.n_messages += len(messages)
        for topic, payload in self._pipeline.take(messages, at_us):
            self._command(topic, payload, at_us)

    def _decide_photocells(self, at_us: int) -> None:
        """Each photocell sees the light of its own place, and has its own opinion of dusk."""
        lamps, plant = self._photocells, self._world.town.plant
        lux = illuminance(sun_elevation(at_us, plant.latitude[lamps], plant.longitude[lamps]))
        self._is_night[lux < self._dusk_lux] = True
        self._is_night[lux > _DAWN_RATIO * self._dusk_lux] = False
        self._world.node_level[lamps] = np.where(self._is_night, 100, 0)

    def _heard(self) -> NDArray[np.bool_]:
        heard: NDArray[np.bool_] = ~(self._world.upset.is_offline | self._world.upset.is_down)
        return heard

    def _note_voltages(self, moment: Moment) -> None:
        medians = circuit_medians(self._world, moment)
        for is_low, circuits in (
            (True, np.flatnonzero(medians < LOW_V + _EDGE_V)),
            (False, np.flatnonzero(medians > HIGH_V - _EDGE_V)),
        ):
            for circuit in circuits.tolist():
                self.off_voltage.setdefault((circuit, is_low), []).append(moment.sample.at_us)

    def _mixed(self, moment: Moment) -> Moment:
        """In the sweep over a change of level, half of the lamps were read before it."""
        before = self._previous
        if before is None or not (before.level != moment.level).any():
            return moment
        is_early = (self._rng.random(len(moment.level)) < 0.5) & (before.level != moment.level)
        old, new = before.sample, moment.sample
        names = ("voltage_v", "current_a", "power_w", "power_factor", "status")
        columns = {name: np.where(is_early, getattr(old, name), getattr(new, name)) for name in names}
        quality = np.where(is_early, before.quality, moment.quality)
        return Moment(dataclasses.replace(new, **columns), moment.level, quality)

    def _turn(self, index: int, link: _Link, seen: Columns, at_us: int, interval_s: int) -> list[tuple[str, bytes]]:
        upset = self._world.upset
        messages: list[tuple[str, bytes]] = []
        is_down, is_offline = bool(upset.is_down[index]), bool(upset.is_offline[index])
        if link.death_at_us and at_us >= link.death_at_us:
            messages.append(self._death(link))
        if link.is_open and (is_down or is_offline):
            link.agent.cut_off()
            link.is_open = False
            if is_down:
                messages.append(self._death(link))
            else:
                link.death_at_us = at_us + KEEP_ALIVE_US
        if is_down:
            return messages
        clock_ms = (at_us + int(upset.clock_offset_us[index])) // 1000
        if not is_offline and not link.is_open and link.agent.sequence:
            if link.death_at_us:
                messages.append(self._death(link))
            link.agent.will()
            messages += [(message.topic, message.payload) for message in link.agent.connect(clock_ms)]
            link.is_open = True
        is_slow = at_us - link.slow_us >= SLOW_S * 1_000_000
        link.slow_us = at_us if is_slow else link.slow_us
        reading = sweep(
            seen,
            link.agent.controller,
            at_ms=clock_ms,
            interval_s=interval_s,
            is_synchronised=bool(upset.is_clock_synchronised[index]),
            is_slow=is_slow,
        )
        if link.left_out:
            reading = Reading(reading.at_ms, tuple(item for item in reading.values if item[0] not in link.left_out))
        out = link.agent.record(reading, at_us / 1e6)
        out += link.agent.resend(at_us / 1e6)
        return messages + [(message.topic, message.payload) for message in out]

    def _death(self, link: _Link) -> tuple[str, bytes]:
        link.death_at_us = 0
        death = link.agent._death()  # noqa: SLF001 - what the broker keeps as the will
        return death.topic, death.payload

    def _command(self, topic: str, payload: bytes, at_us: int) -> None:
        index = self._of_topic.get(topic, -1)
        if index == -1:
            index = self._of_topic[topic] = self._index.get(parse_topic(topic).node)
        if index is None or not self._links[index].is_open:
            return
        messages, _dim = self._links[index].agent.command(payload, at_us // 1000)
        self._inbox += [(message.topic, message.payload) for message in messages]
