"""Causes on data wires, agents and networks, and on clocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from firmware_sim.fleet.upset import NOT_BROKEN
from firmware_sim.fleet.world import World
from firmware_sim.injection.deeds import Deed, Dip, Shift, Value
from firmware_sim.injection.effect import Effect
from firmware_sim.injection.errors import InjectionError
from firmware_sim.injection.places import Spot
from languages.message import Message, Plain, shown


def broken_bus(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """The data wire is broken at the adapter, or behind a lamp: the lamps burn on."""
    town = world.town
    after = params["after"]
    place, lamps, span = 0, spot.lamps, None
    if after:
        if after not in town.lamp_ids or town.lamp_ids.index(after) not in spot.lamps:
            raise InjectionError(Message("sim.no_lamp_on", lamp_id=Plain(shown(str(after))), place=Plain(spot.name)))
        lamp = town.lamp_ids.index(after)
        place = int(world.bus_place[lamp])
        lamps = spot.lamps[world.bus_place[spot.lamps] > place]
        if not len(lamps):
            raise InjectionError(Message("sim.last_lamp", lamp_id=Plain(after), place=Plain(spot.name)))
        span = (after, town.lamp_ids[int(lamps[0])])
    deed = Value("upset", "bus_broken_after", spot.lamps, np.int32(place), spot.name, NOT_BROKEN)
    return Effect((deed,), lamps, span)


def no_network(world: World, spot: Spot, _params: dict[str, Any]) -> Effect:
    """No mobile network: sweeps are kept, and sent as history afterwards."""
    del world
    return Effect((Value("upset", "is_offline", spot.controller, True, spot.name, False),), spot.lamps)


def offline(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """No network, or a dead agent."""
    return no_network(world, spot, params) if params["cause"] == "network" else dead_agent(world, spot, params)


def dead_agent(world: World, spot: Spot, _params: dict[str, Any]) -> Effect:
    """The agent stopped: nothing is recorded; repaired, it starts again."""
    del world
    return Effect((Value("upset", "is_down", spot.controller, True, spot.name, False),), spot.lamps)


def wrong_clock(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """The agent's clock is wrong by minutes, which it knows or not."""
    del world
    offset_us = int(float(params["minutes"]) * 60_000_000)
    deeds: list[Deed] = [Value("upset", "clock_offset_us", spot.controller, offset_us, spot.name, 0)]
    if params["says_so"]:
        deeds.append(Value("upset", "is_clock_synchronised", spot.controller, False, spot.name, None))
    return Effect(tuple(deeds))


def lost_replies(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """A share of the replies goes missing at random."""
    del world
    return Effect((Shift("upset", "reply_loss", spot.lamps, float(params["share"])),))


def garbled_replies(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """A share of the replies arrives with broken checksums."""
    del world
    return Effect((Shift("upset", "reply_garble", spot.lamps, float(params["share"])),))


def dip(world: World, spot: Spot, _params: dict[str, Any]) -> Effect:
    """A supply dip of less than a sweep: arcs go out hot, nodes restart. Over as soon as it happened."""
    del world
    return Effect((Dip(spot.lamps),))


def sag_to(world: World, spot: Spot, params: dict[str, Any]) -> Effect:
    """The feeder falls by some volts for a few minutes; the caller ends it in time."""
    del world
    return Effect(
        tuple(
            Shift("condition", "feeder_offset_v", (spot.cabinet, phase), float(params["volts"])) for phase in range(3)
        )
    )
