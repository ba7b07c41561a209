"""The city at one instant: plant, causes, commands; advanced step by step, all lamps at once.

Everything that happens to the city goes through here: schedules and dim commands decide levels, injections change
``condition`` and ``upset``, and ``advance`` lets physics follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical import Condition, Sample, State, healthy, initial_state, step
from firmware_sim.fleet.schedule import Schedule, SimulatedTimetable, parse_schedule
from firmware_sim.fleet.town import Town
from firmware_sim.fleet.upset import Upset, no_upset

NO_OVERRIDE = 255
PHOTOCELL = 255  # the agent cannot know the level


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One instant of the city.

    Attributes:
        sample: physics.
        level: uint8 (n_lamps,) commanded level [%] as the agents report it, 255 = a photocell switches it.
        quality: uint8 (n_lamps,) of this sweep's replies, wire numbers.
    """

    sample: Sample
    level: NDArray[np.uint8]
    quality: NDArray[np.uint8]


class World:
    """A running city."""

    def __init__(self, town: Town, rng: np.random.Generator, at_us: int) -> None:
        """Begin at ``at_us``; the same seed plays the same city."""
        self.town = town
        plant = town.plant
        self.condition: Condition = healthy(plant)
        self.upset: Upset = no_upset(len(town.controllers), plant.n_lamps)
        self.state: State = initial_state(plant, rng, at_us=at_us)
        self._rng = rng
        schedule = parse_schedule(town.schedule, town.timezone)
        self._timetables = [self._timetable(schedule, index) for index in range(plant.n_cabinets)]
        self._override = np.full(plant.n_lamps, NO_OVERRIDE, np.uint8)
        self._override_until_us = np.zeros(plant.n_lamps, np.int64)
        #: uint8 (n_lamps,), what a real agent wrote into a node; 255 = the virtual agents decide
        self.node_level = np.full(plant.n_lamps, NO_OVERRIDE, np.uint8)
        #: int8 (n_cabinets,), what a real agent wrote to the coil; -1 = the virtual agents decide
        self.coil = np.full(plant.n_cabinets, -1, np.int8)
        self.bus_place = _bus_places(town)

    def _timetable(self, schedule: Schedule, cabinet: int) -> SimulatedTimetable:
        town = self.town
        return SimulatedTimetable(
            schedule, float(town.cabinet_latitude[cabinet]), float(town.cabinet_longitude[cabinet])
        )

    def scheduled_level(self, cabinet: int, at_us: int) -> int:
        """The level that a cabinet's schedule commands at a time [%], 0 = off."""
        return self._timetables[cabinet].level(at_us)

    def advance(self, at_us: int, *, clears_restart: bool = True) -> Moment:
        """Let the city live until ``at_us`` and look at all its meters.

        ``clears_restart``: everybody is read now; False = restart bits stay until ``mark_read``.
        """
        plant = self.town.plant
        by_cabinet = np.array([timetable.level(at_us) for timetable in self._timetables], np.uint8)
        scheduled = by_cabinet[plant.cabinet]
        self._override[self._override_until_us <= at_us] = NO_OVERRIDE
        level = np.where(self._override == NO_OVERRIDE, scheduled, self._override)
        level = np.where(plant.is_dimmable | (level == 0), level, 100).astype(np.uint8)
        commanded = np.where(self.town.is_photocell, PHOTOCELL, level).astype(np.uint8)
        # a cabinet whose lamps switch themselves keeps its circuits live all day
        is_closed = np.where(self.coil >= 0, self.coil > 0, (by_cabinet > 0) | ~plant.is_contactor_switched)
        driven = np.where(self.node_level == NO_OVERRIDE, level, self.node_level)
        sample = step(
            plant, self.condition, self.state, at_us, driven, is_closed, self._rng, clears_restart=clears_restart
        )
        return Moment(sample, commanded, self._qualities(sample))

    def _qualities(self, sample: Sample) -> NDArray[np.uint8]:
        upset = self.upset
        chance = self._rng.random(self.town.plant.n_lamps, dtype=np.float32)
        quality = np.where(chance < upset.reply_garble, 2, 0).astype(np.uint8)
        is_lost = chance > 1.0 - upset.reply_loss
        quality[is_lost | sample.is_silent | (self.bus_place > upset.bus_broken_after)] = 1
        return quality

    def mark_read(self, lamps: NDArray[np.int64]) -> None:
        """These nodes' status was read: which nodes restarted before is reported."""
        self.state.is_restarted[lamps] = False

    def obey_schedule(self, cabinets: NDArray[np.int64], document: Mapping[str, Any]) -> None:
        """From now on some cabinets follow this schedule document.

        Raises:
            ValueError, KeyError, TypeError: it is none; nothing was changed.
        """
        town = self.town
        tables = [self._timetable(parse_schedule(document, town.timezone), int(cabinet)) for cabinet in cabinets]
        for table, cabinet in zip(tables, cabinets, strict=True):
            table.level(self.state.at_us or 0)
            self._timetables[int(cabinet)] = table

    def dim(self, lamps: NDArray[np.int64], level: NDArray[np.uint8], until_us: int) -> None:
        """A dim command: uint8 levels, 254 = leave, 255 = back to the schedule."""
        is_heeded = level != 254
        self._override[lamps[is_heeded]] = level[is_heeded]
        self._override_until_us[lamps[is_heeded]] = until_us


def _bus_places(town: Town) -> NDArray[np.int32]:
    """int32 (n_lamps,) place of each lamp along its data wire, from 1: the order of cable ranks on its bus."""
    place = np.ones(town.plant.n_lamps, np.int32)
    for controller in town.controllers:
        for bus in sorted(set(controller.buses)):
            lamps = controller.lamps[[name == bus for name in controller.buses]]
            order = np.lexsort((town.plant.rank[lamps], town.plant.circuit[lamps]))
            place[lamps[order]] = np.arange(1, len(lamps) + 1)
    return place
