"""The injections of a running city: from a scenario or by command, with the ground truth of each."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.fleet.world import Moment, World
from firmware_sim.injection import Injected, InjectionError, inject, repair
from firmware_sim.observability import Watch, is_observable
from firmware_sim.truth import Truth
from languages.message import Message, Plain

_OFFLINE: Final = "controllerOffline"
_NEVER_US: Final = 2**63


@dataclass(frozen=True, slots=True)
class Step:
    """One injection; ``end_us`` None = it lasts until repaired; ``line`` of its scenario file, 0 = none."""

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
    number: int  # rises with every injection
    run_from_us: int | None = None


class Injections:
    """Starts and ends injections by time or on request, and records when each is observable."""

    def __init__(self, world: World, steps: Sequence[Step] = (), real_controllers: Collection[str] = ()) -> None:
        """``steps`` in any order; ``real_controllers``: ids whose agents are real programs.

        Steps refused at their time are kept in ``refused``; ``n_changes`` counts injections started and ended.
        """
        self._world = world
        self._real = frozenset(real_controllers)
        self._waiting = sorted(steps, key=lambda step: step.start_us)[::-1]
        self._holding: dict[tuple[str, str], _Running] = {}  # by code and place, oldest first
        self._shown: dict[int, _Running] = {}  # only the faults: confounders are not observable
        self._ends: list[tuple[int, int, _Running]] = []  # a heap of (end_us, number, what ends then)
        self._done: list[Truth] = []
        self.refused: list[tuple[Step, Message]] = []
        self.n_changes = 0
        self._controller_of = {c.controller_id: index for index, c in enumerate(world.town.controllers)}
        self._lamp_of = {lamp_id: index for index, lamp_id in enumerate(world.town.lamp_ids)}

    @property
    def truths(self) -> list[Truth]:
        """The ground truth of every injection started, ended or not."""
        return [*self._done, *(running.truth for running in self._holding.values())]

    @property
    def held(self) -> tuple[Injected, ...]:
        """The active injections, oldest first."""
        return tuple(running.injected for running in self._holding.values())

    def since_us(self, injected: Injected) -> int:
        """The start of an active injection [µs]; 0 if it has ended."""
        running = self._holding.get((injected.code, injected.place))
        return 0 if running is None else running.truth.start_us

    def turn(self, at_us: int) -> None:
        """End and start all injections due by ``at_us``, in order of time; call it before the city advances."""
        while True:
            starts_us = self._waiting[-1].start_us if self._waiting else _NEVER_US
            ends_us = self._ends[0][0] if self._ends else _NEVER_US
            if min(starts_us, ends_us) > at_us:
                return
            if ends_us <= starts_us:
                self._end(self._ends[0][2], ends_us)
                continue
            step = self._waiting.pop()
            try:
                self._begin(step)
            except InjectionError as error:
                self.refused.append((step, error.message))

    def inject(self, code: str, place: str, params: Mapping[str, Any], at_us: int) -> Injected:
        """Start an injection at ``at_us`` that lasts until repaired.

        Raises:
            InjectionError: it is impossible at this place, or active already.
        """
        return self._begin(Step(code, place, at_us, None, dict(params)))

    def repair(self, code: str | None, place: str, at_us: int) -> list[Injected]:
        """End one code at a place, or with None all injections there.

        Raises:
            InjectionError: there is no such injection.
        """
        found = [r for key, r in self._holding.items() if key[1] == place and code in {None, key[0]}]
        if not found:
            what = code or "anything"
            raise InjectionError(Message("sim.not_injected", place=Plain(place), what=Plain(what)))
        for running in reversed(found):
            self._end(running, at_us)
        return [running.injected for running in found]

    def _begin(self, step: Step) -> Injected:
        if (step.code, step.place) in self._holding:
            raise InjectionError(Message("sim.holds_already", code=Plain(step.code), place=Plain(step.place)))
        injected = inject(self._world, step.code, step.place, real_controllers=self._real, **step.params)
        running = self._started(step, injected)
        self.n_changes += 1
        if injected.is_momentary:
            running.truth.end_us = step.start_us
            self._done.append(running.truth)
            return injected
        self._holding[step.code, step.place] = running
        if injected.is_fault:
            self._shown[running.number] = running
        if step.end_us is not None:
            heapq.heappush(self._ends, (step.end_us, running.number, running))
        return injected

    def _end(self, running: _Running, at_us: int) -> None:
        repair(self._world, running.injected)
        running.truth.end_us = at_us
        del self._holding[running.step.code, running.step.place]
        self._shown.pop(running.number, None)
        self._ends = [entry for entry in self._ends if entry[2] is not running]
        heapq.heapify(self._ends)
        self._done.append(running.truth)
        self.n_changes += 1

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
        return _Running(step, injected, Watch(injected, lamps, circuit, cabinet), truth, controller, self.n_changes)

    def look(self, moment: Moment, is_heard: NDArray[np.bool_]) -> None:
        """Record which faults are observable in this moment's sweeps.

        Args:
            moment: the city now.
            is_heard: bool (n_controllers,), whose sweep reaches the host live.
        """
        at_us = moment.sample.at_us
        for running in self._shown.values():
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
