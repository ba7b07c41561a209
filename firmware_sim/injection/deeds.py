"""Reversible changes of a world's causes; overlapping changes can be undone in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical import LampFault
from firmware_sim.electrical.state import interrupt_supply
from firmware_sim.fleet.world import World
from firmware_sim.injection.errors import InjectionError
from languages.message import Message, Plain

Where = Literal["condition", "upset", "state"]
Index = int | tuple[int, int] | NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Bits:
    """A cause on some lamps: bits of ``Condition.flags``."""

    lamps: NDArray[np.int64]
    fault: LampFault

    def do(self, world: World) -> None:
        """Set the bits; refused where one is set already, since its repair would take both away."""
        taken = self.lamps[(world.condition.flags[self.lamps] & np.uint32(self.fault)) != 0]
        if len(taken):
            lamp_id = world.town.lamp_ids[int(taken[0])]
            raise InjectionError(Message("sim.wrong_already", place=Plain(lamp_id)))
        world.condition.set_fault(self.lamps, self.fault)

    def undo(self, world: World) -> None:
        """Clear the bits."""
        world.condition.clear_fault(self.lamps, self.fault)


@dataclass(slots=True, eq=False)
class Value:
    """One field's entries get a value; taken back, they get what they had. Refused where another value stands."""

    owner: Where
    field: str
    index: Index
    value: Any
    name: str  # of the place, for the refusal
    well: Any  # the value of health; anything else is somebody's injection. None = any value may be replaced
    _before: Any = None

    def do(self, world: World) -> None:
        """Set the value."""
        array = getattr(getattr(world, self.owner), self.field)
        before = np.copy(array[self.index])
        if self.well is not None and (before != self.well).any():
            raise InjectionError(Message("sim.wrong_already", place=Plain(self.name)))
        self._before = before
        array[self.index] = self.value

    def undo(self, world: World) -> None:
        """Set what stood there."""
        getattr(getattr(world, self.owner), self.field)[self.index] = self._before


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """One field's entries are raised by an amount; several shifts of one entry add up."""

    owner: Where
    field: str
    index: Index
    amount: float

    def do(self, world: World) -> None:
        """Add."""
        getattr(getattr(world, self.owner), self.field)[self.index] += self.amount

    def undo(self, world: World) -> None:
        """Take away."""
        getattr(getattr(world, self.owner), self.field)[self.index] -= self.amount


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """One field's entries are multiplied by a factor; several factors of one entry multiply."""

    owner: Where
    field: str
    index: Index
    factor: float | NDArray[np.float32]

    def do(self, world: World) -> None:
        """Multiply."""
        getattr(getattr(world, self.owner), self.field)[self.index] *= self.factor

    def undo(self, world: World) -> None:
        """Divide."""
        getattr(getattr(world, self.owner), self.field)[self.index] /= self.factor


@dataclass(frozen=True, slots=True, eq=False)
class Dip:
    """A supply dip too short for any sweep to see; over as soon as it happened."""

    lamps: NDArray[np.int64]

    def do(self, world: World) -> None:
        """Let arcs go out hot and nodes restart."""
        is_hit = np.zeros(world.town.plant.n_lamps, np.bool_)
        is_hit[self.lamps] = True
        interrupt_supply(world.town.plant, world.state, is_hit)

    def undo(self, world: World) -> None:
        """There is nothing to take back."""


Deed = Bits | Value | Shift | Scale | Dip


def do_all(world: World, deeds: Sequence[Deed]) -> None:
    """Do all deeds, or none: a refusal takes back what was done before it."""
    done: list[Deed] = []
    try:
        for deed in deeds:
            deed.do(world)
            done.append(deed)
    except InjectionError:
        undo_all(world, done)
        raise


def undo_all(world: World, deeds: Sequence[Deed]) -> None:
    """Take deeds back, the last one first."""
    for deed in reversed(deeds):
        deed.undo(world)
