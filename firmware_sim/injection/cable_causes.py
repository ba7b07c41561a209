"""Causes on cables, circuits and cabinets: fuses, breaks, supplies, contactors, doors, taps."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical import LampFault
from firmware_sim.electrical.condition import UNCUT
from firmware_sim.fleet.town import Town
from firmware_sim.fleet.world import World
from firmware_sim.injection.deeds import Bits, Shift, Value
from firmware_sim.injection.effect import Effect
from firmware_sim.injection.errors import InjectionError
from firmware_sim.injection.places import Spot
from languages.message import Message, Plain

_PHASES: Final = "RST"
_SHORTEST_TAIL: Final = 2  # lamps behind a break: one dark lamp is a lamp's failure, not a cable's


def is_lamp_metered(town: Town, lamps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which lamps have a meter of their own by the register, bool (n,)."""
    has = np.zeros(town.plant.n_lamps, np.bool_)
    for controller in town.controllers:
        has[controller.lamps] = [
            bool(bus or profile) for bus, profile in zip(controller.buses, controller.profiles, strict=True)
        ]
    return has[lamps]


def blown_fuse(world: World, spot: Spot, _params: dict[str, Any]) -> Effect:
    """The circuit's breaker or fuse is open."""
    del world
    return Effect((Value("condition", "is_fuse_blown", spot.circuit, True, spot.name, False),), spot.lamps)


def cut_cable(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """The cable is broken just before, or just after, a lamp: all lamps beyond are cut off."""
    town, plant = world.town, world.town.plant
    lamp = int(spot.lamps[0])
    last = int(plant.rank[lamp]) - (1 if params["side"] == "before" else 0)
    members = np.flatnonzero(plant.circuit == spot.circuit)
    members = members[np.argsort(plant.rank[members], kind="stable")]
    alive, dark = members[plant.rank[members] <= last], members[plant.rank[members] > last]
    if not len(alive):
        raise InjectionError(Message("sim.first_pole", place=Plain(spot.name)))
    if len(dark) < _SHORTEST_TAIL:
        raise InjectionError(
            Message("sim.short_cable", n=len(dark), side=Plain(params["side"]), place=Plain(spot.name))
        )
    deed = Value("condition", "cut_after", spot.circuit, last, spot.name, UNCUT)
    return Effect((deed,), dark, _span(town, alive, dark))


def _span(town: Town, alive: NDArray[np.int64], dark: NDArray[np.int64]) -> tuple[str, str] | None:
    """The nearest metered lamps on both sides; a place along the cable that the register does not know names none."""
    is_known = town.plant.position > 0
    near = alive[is_lamp_metered(town, alive) & is_known[alive]]
    far = dark[is_lamp_metered(town, dark) & is_known[dark]]
    return (town.lamp_ids[int(near[-1])], town.lamp_ids[int(far[0])]) if len(near) and len(far) else None


def dark_lamps(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """Some lamps of a circuit without lamp meters burn out: evenly spread ones, so that each run gives the same."""
    if is_lamp_metered(world.town, spot.lamps).any():
        raise InjectionError(Message("sim.lamps_have_meters", place=Plain(spot.name)))
    n_dark = params["lamps"]
    if not 1 <= n_dark <= len(spot.lamps):
        raise InjectionError(Message("sim.dark_of", n=n_dark, all=len(spot.lamps), place=Plain(spot.name)))
    is_well = (world.condition.flags[spot.lamps] & np.uint32(LampFault.DEAD)) == 0
    lamps = spot.lamps[is_well]
    if len(lamps) < n_dark:
        raise InjectionError(Message("sim.lamps_left", n=len(lamps), place=Plain(spot.name)))
    lamps = lamps[(np.arange(n_dark) * len(lamps)) // n_dark]
    return Effect((Bits(lamps, LampFault.DEAD),), lamps)


def supply_voltage(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """The feeder, or a bad joint at one circuit's head, shifts the voltage."""
    del world
    volts = float(params["volts"])
    if spot.kind == "circuit":
        return Effect((Shift("condition", "circuit_offset_v", spot.circuit, volts),), spot.lamps)
    return Effect(
        tuple(Shift("condition", "feeder_offset_v", (spot.cabinet, phase), volts) for phase in range(3)), spot.lamps
    )


def lost_supply(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """The utility's supply is gone, or one phase of it."""
    phase = params["phase"]
    if not phase:
        return Effect((Value("condition", "is_supply_lost", spot.cabinet, True, spot.name, False),), spot.lamps)
    number = _PHASES.index(phase)
    lamps = spot.lamps[world.town.plant.phase[spot.lamps] == number]
    deed = Value("condition", "is_phase_dead", (spot.cabinet, number), True, spot.name, False)
    return Effect((deed,), lamps, phase=phase)


def lost_neutral(_world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """The neutral conductor is broken: the star point moves, so one phase rises and another one falls."""
    volts = float(params["volts"])
    shifts = ((0, volts), (1, -volts))
    return Effect(
        tuple(Shift("condition", "feeder_offset_v", (spot.cabinet, phase), shift) for phase, shift in shifts),
        spot.lamps,
    )


def contactor(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """The contactor does not close (stuck off), or its contacts are welded (stuck on)."""
    if params["stuck"] == "on" and not world.town.plant.is_contactor_switched[spot.cabinet]:
        raise InjectionError(Message("sim.live_all_day", place=Plain(spot.name)))
    field = "is_contactor_stuck_closed" if params["stuck"] == "on" else "is_contactor_stuck_open"
    return Effect((Value("condition", field, spot.cabinet, True, spot.name, False),), spot.lamps)


def open_door(world: World, spot: Spot, _params: dict[str, Any]) -> Effect:
    """Somebody opened the cabinet."""
    del world
    return Effect((Value("condition", "is_door_open", spot.cabinet, True, spot.name, False),))


def tap(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """An illegal load: on a circuit's cable, or before the contactor, where it runs day and night."""
    del world
    watts = float(params["watts"])
    if spot.kind == "circuit":
        return Effect((Shift("condition", "tap_w", spot.circuit, watts),))
    return Effect((Shift("condition", "cabinet_tap_w", spot.cabinet, watts),))
