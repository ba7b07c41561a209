"""Which lighting schedule each controller has: the city's, or one that it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ingest.model.fleet import Fleet
from ingest.schema.sections import ScheduleSection


@dataclass(frozen=True, slots=True)
class Schedules:
    """The schedules in force.

    Attributes:
        city: of every controller that was given none of its own.
        of_controller: controller id -> the schedule that it was given.
    """

    city: ScheduleSection
    of_controller: Mapping[str, ScheduleSection] = field(default_factory=dict)

    def of(self, controller_id: str) -> ScheduleSection:
        """A controller's schedule."""
        return self.of_controller.get(controller_id, self.city)

    def by_cabinet(self, fleet: Fleet) -> CabinetSchedules:
        """The schedule of each of a fleet's K cabinets."""
        distinct = {self.city: 0}
        number = np.zeros(fleet.n_controllers + 1, np.int32)  # the last: cabinets without a controller
        for controller_id, hours in self.of_controller.items():
            controller = fleet.controller_index.get(controller_id)
            if controller is not None:
                number[controller] = distinct.setdefault(hours, len(distinct))
        return CabinetSchedules(tuple(distinct), number[fleet.cabinet_controller])


@dataclass(frozen=True, slots=True, eq=False)
class CabinetSchedules:
    """Distinct schedules, and int32 (K,) which of them each cabinet has."""

    distinct: tuple[ScheduleSection, ...]
    number: npt.NDArray[np.int32]

    def of(self, cabinet: int) -> ScheduleSection:
        """A cabinet's schedule."""
        return self.distinct[int(self.number[cabinet])]
