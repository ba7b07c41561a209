"""Plays a list of injections into a running city, each at its time, and keeps the truth about every one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.fleet.world import Moment, World
from firmware_sim.injection import Injected, InjectionError, inject, repair
from firmware_sim.observability import Watch, is_observable
from firmware_sim.truth import Truth

_OFFLINE: Final = "controllerOffline"


@dataclass(frozen=True, slots=True)
class Step:
    """One injection of a scenario; ``end_us`` None = it is never mended; ``line`` of its file, 0 = none."""

    code: str
    place: str
    start_us: int
    end_us: int | None
    params: dict[str, Any] = field(default_factory=dict)
    line: int = 0


@dataclass(slots=True, eq=False)
class _Running:
    step: Step
    injected: Injected
    watch: Watch
    truth: Truth
    controller: int
    run_from_us: int | None = None


class Stage:
    """Injects and mends what is due, and watches what can be seen of it."""

    def __init__(self, world: World, steps: Sequence[Step]) -> None:
        """``steps`` in any order; what is refused when its time comes is kept in ``refused``."""
        self._world = world
        self._waiting = sorted(steps, key=lambda step: step.start_us, reverse=True)
        self._running: list[_Running] = []
        self._unseen: list[_Running] = []  # confounders: they show nothing that anybody should see
        self._done: list[Truth] = []
        self.refused: list[tuple[Step, str]] = []
        self._controller_of = {c.controller_id: index for index, c in enumerate(world.town.controllers)}
        self._lamp_of = {lamp_id: index for index, lamp_id in enumerate(world.town.lamp_ids)}

    @property
    def truths(self) -> list[Truth]:
        """Everything that began, over or not."""
        return [*self._done, *(running.truth for running in (*self._running, *self._unseen))]

    def turn(self, at_us: int) -> None:
        """Mend what ends and break what begins by ``at_us``; before the city advances to it."""
        for group in (self._running, self._unseen):
            for running in [r for r in group if r.step.end_us is not None and r.step.end_us <= at_us]:
                repair(self._world, running.injected)
                running.truth.end_us = running.step.end_us
                group.remove(running)
                self._done.append(running.truth)
        while self._waiting and self._waiting[-1].start_us <= at_us:
            step = self._waiting.pop()
            try:
                injected = inject(self._world, step.code, step.place, **step.params)
            except InjectionError as error:
                self.refused.append((step, str(error)))
                continue
            running = self._started(step, injected)
            (self._running if injected.is_fault else self._unseen).append(running)

    def _started(self, step: Step, injected: Injected) -> _Running:
        town = self._world.town
        circuit = -1
        if (injected.cabinet_id, injected.circuit) in town.circuit_names and injected.circuit:
            circuit = town.circuit_names.index((injected.cabinet_id, injected.circuit))
        lamps = np.array([self._lamp_of[lamp_id] for lamp_id in injected.lamp_ids], np.int64)
        cabinet = town.cabinet_ids.index(injected.cabinet_id) if injected.cabinet_id else -1
        truth = Truth(
            code=injected.code,
            place=injected.place,
            is_fault=injected.is_fault,
            cabinet_id=injected.cabinet_id,
            circuit=injected.circuit,
            controller_id=injected.controller_id,
            bus=injected.bus,
            phase=injected.phase,
            span=injected.span,
            lamp_ids=injected.lamp_ids,
            params=dict(injected.params),
            start_us=step.start_us,
        )
        controller = self._controller_of.get(injected.controller_id, -1)
        return _Running(step, injected, Watch(injected, lamps, circuit, cabinet), truth, controller)

    def look(self, moment: Moment, is_heard: NDArray[np.bool_]) -> None:
        """Note which faults this moment's sweeps show.

        Args:
            moment: the city now.
            is_heard: bool (n_controllers,), whose sweep reaches the host live.
        """
        at_us = moment.sample.at_us
        for running in self._running:
            is_told = running.step.code == _OFFLINE or running.controller < 0 or is_heard[running.controller]
            if not (is_told and is_observable(self._world, moment, running.watch)):
                running.run_from_us = None
                continue
            truth = running.truth
            if truth.observable_from_us is None:
                truth.observable_from_us = at_us
            if running.run_from_us is None:
                running.run_from_us = at_us
            truth.observable_until_us = at_us
            truth.longest_s = max(truth.longest_s, (at_us - running.run_from_us) / 1e6)
