"""Finding a place by its name: what a lamp, circuit, cabinet, controller or bus is to the plant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from firmware_sim.injection.errors import InjectionError
from languages.message import Message, Plain, shown

if TYPE_CHECKING:
    from firmware_sim.fleet.town import Town

PlaceKind = Literal["lamp", "circuit", "cabinet", "controller", "bus"]


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """One place of the town.

    Attributes:
        kind: what it is.
        name: as it was named.
        lamps: int64 (n,) plant indices of its lamps, in order along the cable (a bus: along the data wire).
        circuit: plant index, -1 = none.
        cabinet: plant index, -1 = none.
        controller: index of the town's controllers, -1 = none.
        bus: its name, "" = none.
    """

    kind: PlaceKind
    name: str
    lamps: NDArray[np.int64]
    circuit: int = -1
    cabinet: int = -1
    controller: int = -1
    bus: str = ""


def find_spot(town: Town, name: str, kinds: tuple[PlaceKind, ...], code: str) -> Spot:
    """Find ``name`` as one of ``kinds``.

    Raises:
        InjectionError: there is no such place.
    """
    for kind in kinds:
        spot = _FINDERS[kind](town, name)
        if spot is not None:
            return spot
    spellings = Plain(" | ".join(_SPELLING[kind] for kind in kinds))
    raise InjectionError(Message("sim.no_place", code=Plain(code), kinds=spellings, name=Plain(shown(name))))


_SPELLING: dict[PlaceKind, str] = {
    "lamp": "lamp",
    "circuit": "circuit (CABINET/CIRCUIT)",
    "cabinet": "cabinet",
    "controller": "controller",
    "bus": "bus (CONTROLLER/BUS)",
}


def controller_of(town: Town, lamp: int) -> int:
    """Return the index of the controller that reads a lamp; -1 = none."""
    for index, controller in enumerate(town.controllers):
        if (controller.lamps == lamp).any():
            return index
    return -1


def _along(town: Town, lamps: NDArray[np.int64]) -> NDArray[np.int64]:
    return lamps[np.lexsort((town.plant.rank[lamps], town.plant.circuit[lamps]))]


def _lamp(town: Town, name: str) -> Spot | None:
    if name not in town.lamp_ids:
        return None
    lamp = town.lamp_ids.index(name)
    plant = town.plant
    return Spot(
        "lamp",
        name,
        np.array([lamp], np.int64),
        circuit=int(plant.circuit[lamp]),
        cabinet=int(plant.cabinet[lamp]),
        controller=controller_of(town, lamp),
    )


def _circuit(town: Town, name: str) -> Spot | None:
    cabinet_id, _, circuit_name = name.rpartition("/")
    if not circuit_name or (cabinet_id, circuit_name) not in town.circuit_names:
        return None
    circuit = town.circuit_names.index((cabinet_id, circuit_name))
    lamps = _along(town, np.flatnonzero(town.plant.circuit == circuit))
    return Spot(
        "circuit",
        name,
        lamps,
        circuit=circuit,
        cabinet=int(town.plant.circuit_cabinet[circuit]),
        controller=controller_of(town, int(lamps[0])),
    )


def _cabinet(town: Town, name: str) -> Spot | None:
    if name not in town.cabinet_ids:
        return None
    cabinet = town.cabinet_ids.index(name)
    lamps = _along(town, np.flatnonzero(town.plant.cabinet == cabinet))
    controller = controller_of(town, int(lamps[0])) if len(lamps) else -1
    return Spot("cabinet", name, lamps, cabinet=cabinet, controller=controller)


def _controller(town: Town, name: str) -> Spot | None:
    for index, controller in enumerate(town.controllers):
        if controller.controller_id == name:
            lamps = _along(town, controller.lamps)
            return Spot("controller", name, lamps, cabinet=controller.cabinet, controller=index)
    return None


def _bus(town: Town, name: str) -> Spot | None:
    controller_id, _, bus = name.rpartition("/")
    found = _controller(town, controller_id)
    if found is None or not bus:
        return None
    controller = town.controllers[found.controller]
    is_on_bus = np.array([own == bus for own in controller.buses])
    if not is_on_bus.any():
        return None
    lamps = _along(town, controller.lamps[is_on_bus])
    return Spot("bus", name, lamps, cabinet=controller.cabinet, controller=found.controller, bus=bus)


_FINDERS = {"lamp": _lamp, "circuit": _circuit, "cabinet": _cabinet, "controller": _controller, "bus": _bus}
