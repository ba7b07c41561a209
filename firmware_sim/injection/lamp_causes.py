"""Causes on one lamp: its light, gear, relay, power and meter."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from firmware_sim.electrical import LampFault
from firmware_sim.electrical.condition import OBEYS, Impossible
from firmware_sim.fleet.world import World
from firmware_sim.injection.deeds import Bits, Deed, Scale, Shift, Value
from firmware_sim.injection.effect import Effect
from firmware_sim.injection.errors import InjectionError
from firmware_sim.injection.places import Spot
from languages.message import Message, Plain

_DARK: Final = {"dead": LampFault.DEAD, "fuse": LampFault.POLE_FUSE_BLOWN, "relay": LampFault.RELAY_STUCK_OPEN}
_LIES: Final = {"power": Impossible.POWER, "power_factor": Impossible.POWER_FACTOR, "voltage": Impossible.VOLTAGE}


def _flag(spot: Spot, fault: LampFault, *more: Deed) -> Effect:
    return Effect((*more, Bits(spot.lamps, fault)), spot.lamps)


def _has_node(world: World, spot: Spot) -> bool:
    return bool(world.town.plant.has_node[spot.lamps[0]])


def _needs_node(world: World, spot: Spot, code: str) -> None:
    if not _has_node(world, spot):
        raise InjectionError(Message("sim.no_node", code=Plain(code), place=Plain(spot.name)))


def _needs_daylight_supply(world: World, spot: Spot, code: str) -> None:
    if world.town.plant.is_contactor_switched[spot.cabinet]:
        cabinet_id = world.town.cabinet_ids[spot.cabinet]
        raise InjectionError(
            Message("sim.dead_by_day", code=Plain(code), place=Plain(spot.name), cabinet_id=Plain(cabinet_id))
        )


def lamp_failure(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """Dark: the lamp or its module, the pole's fuse, or relay contacts that do not close."""
    if params["cause"] == "relay":
        _needs_node(world, spot, "lampFailure")
    return _flag(spot, _DARK[params["cause"]])


def unexpected_on(world: World, spot: Spot, _params: dict[str, Any]) -> Effect:
    """A photocell that sees no day, or a by-pass: lit at any command, relay closed."""
    _needs_daylight_supply(world, spot, "lampUnexpectedOn")
    return _flag(spot, LampFault.FORCED_ON)


def relay_failure(world: World, spot: Spot, _params: dict[str, Any]) -> Effect:
    """Welded contacts: lit although the status says open."""
    _needs_node(world, spot, "relayFailure")
    _needs_daylight_supply(world, spot, "relayFailure")
    return _flag(spot, LampFault.RELAY_STUCK_CLOSED)


def cycling(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """End of life, or a loose contact: goes out when warm and comes back."""
    del world
    on = Value("condition", "cycle_on_s", spot.lamps, params["on_s"], spot.name, None)
    off = Value("condition", "cycle_off_s", spot.lamps, params["off_s"], spot.name, None)
    return _flag(spot, LampFault.CYCLING, on, off)


def dimming(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """A dimming wire that is open (full light) or held at one level."""
    if not world.town.plant.is_dimmable[spot.lamps[0]]:
        raise InjectionError(Message("sim.does_not_dim", place=Plain(spot.name)))
    level = params["level"]
    if not 1 <= level <= 100:
        raise InjectionError(Message("sim.level", level=level))
    stuck = Value("condition", "stuck_level", spot.lamps, np.uint8(level), spot.name, OBEYS)
    return _flag(spot, LampFault.DIMMING_STUCK, stuck)


def power_scale(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """Modules lost, a wrong lamp, ageing: more or less power at every level."""
    del world
    return Effect((Scale("condition", "power_scale", spot.lamps, params["factor"]),), spot.lamps)


def capacitor(world: World, spot: Spot, _params: dict[str, Any]) -> Effect:
    """The compensation capacitor or the driver's filter failed."""
    del world
    return _flag(spot, LampFault.CAPACITOR_FAILED)


def overheating(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """Blocked cooling. The gear is hot already when the injection happens: nobody waits for it to bake."""
    _needs_node(world, spot, "highTemperature")
    rise = params["rise_c"]
    deeds = (
        Shift("condition", "temperature_offset_c", spot.lamps, rise),
        Shift("state", "temperature_c", spot.lamps, rise),
    )
    return Effect(deeds, spot.lamps)


def driver_fault(world: World, spot: Spot, _params: dict[str, Any]) -> Effect:
    """The gear failed and says so."""
    _needs_node(world, spot, "controlGearFailure")
    return _flag(spot, LampFault.DRIVER_FAULT)


def silent_meter(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """The lamp's meter or node does not answer; the lamp is well, unless it is the pole's fuse that silences it."""
    del world
    return _flag(spot, LampFault.POLE_FUSE_BLOWN if params["cause"] == "fuse" else LampFault.METER_SILENT)


def lying_meter(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """A meter that repeats itself to the last digit, or shows what no lamp can have."""
    del world
    if params["cause"] == "frozen":
        return _flag(spot, LampFault.METER_FROZEN)
    kind = Value("condition", "impossible_kind", spot.lamps, np.uint8(_LIES[params["cause"]]), spot.name, None)
    return _flag(spot, LampFault.METER_IMPOSSIBLE, kind)
