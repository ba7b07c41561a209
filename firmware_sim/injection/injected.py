"""Starts and ends one injection in a running city, with its ground truth."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from firmware_sim.fleet.world import World
from firmware_sim.injection.deeds import Deed, do_all, undo_all
from firmware_sim.injection.effect import Effect
from firmware_sim.injection.errors import InjectionError
from firmware_sim.injection.kinds import KINDS, Kind, settle_params
from firmware_sim.injection.places import Spot, find_spot
from languages.message import Message, Plain, shown


@dataclass(frozen=True, slots=True, eq=False)
class Injected:
    """One injection that holds.

    Attributes:
        code: fault code or confounder.
        place: as it was named.
        params: all of them, defaults included.
        is_fault: False = nothing may be raised because of it.
        cabinet_id, circuit, controller_id, bus: where the place belongs; "" = none.
        phase: R, S or T where one phase is meant.
        span: (after, before) lamp ids around a break.
        lamp_ids: the lamps that it takes with it, in order along the cable.
        deeds: how it is taken back.
        is_momentary: over as soon as it happened.
    """

    code: str
    place: str
    params: Mapping[str, Any]
    is_fault: bool
    cabinet_id: str
    circuit: str
    controller_id: str
    bus: str
    phase: str
    span: tuple[str, str] | None
    lamp_ids: tuple[str, ...]
    deeds: tuple[Deed, ...]
    is_momentary: bool


def inject(
    world: World, code: str, place: str, *, real_controllers: Collection[str] = (), **params: object
) -> Injected:
    """Let something be wrong from now on.

    Args:
        world: the running city.
        code: a fault code or a confounder of ``KINDS``.
        place: lamp, ``CABINET/CIRCUIT``, cabinet, controller or ``CONTROLLER/BUS``; of a cable, the lamp behind (or,
            with ``side="after"``, before) which it is broken.
        real_controllers: ids whose agents are real programs.
        params: of the kind.

    Raises:
        InjectionError: unknown code, place or parameter, or no sense there; nothing was changed.
    """
    injected = foresee(world, code, place, real_controllers=real_controllers, **params)
    do_all(world, injected.deeds)
    return injected


def foresee(
    world: World, code: str, place: str, *, real_controllers: Collection[str] = (), **params: object
) -> Injected:
    """Return what `inject` would do, and change nothing.

    Raises:
        InjectionError: it would be refused.
    """
    kind, settled, spot, effect = _foresee(world, code, place, real_controllers, params)
    town = world.town
    return Injected(
        code=code,
        place=place,
        params=settled,
        is_fault=kind.is_fault,
        cabinet_id=town.cabinet_ids[spot.cabinet] if spot.cabinet >= 0 else "",
        circuit=town.circuit_names[spot.circuit][1] if spot.circuit >= 0 else "",
        controller_id=_controller_id(world, spot),
        bus=spot.bus,
        phase=effect.phase,
        span=effect.span,
        lamp_ids=tuple(town.lamp_ids[lamp] for lamp in effect.lamps.tolist()),
        deeds=effect.deeds,
        is_momentary=kind.is_momentary,
    )


def check(world: World, code: str, place: str, **params: object) -> None:
    """Say whether an injection would be refused, and change nothing.

    Raises:
        InjectionError: it would.
    """
    _foresee(world, code, place, (), params)


def _foresee(
    world: World, code: str, place: str, real_controllers: Collection[str], params: Mapping[str, object]
) -> tuple[Kind, dict[str, Any], Spot, Effect]:
    kind = KINDS.get(code)
    if kind is None:
        raise InjectionError(Message("sim.unknown_code", code=Plain(shown(code)), known=Plain(", ".join(KINDS))))
    settled = settle_params(kind, params)
    spot = find_spot(world.town, place, kind.places, code)
    controller_id = _controller_id(world, spot)
    if kind.is_virtual and controller_id in real_controllers:
        raise InjectionError(Message("sim.real_clock", code=Plain(code), controller_id=Plain(controller_id)))
    return kind, settled, spot, kind.apply(world, spot, settled)


def _controller_id(world: World, spot: Spot) -> str:
    return world.town.controllers[spot.controller].controller_id if spot.controller >= 0 else ""


def repair(world: World, injected: Injected) -> None:
    """Mend what an injection broke; physics follows from the next step on."""
    undo_all(world, injected.deeds)
