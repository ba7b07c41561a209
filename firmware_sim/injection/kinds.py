"""The one table of everything that can be injected: fault codes of the catalogue, and confounders."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from firmware_sim.fleet.world import World
from firmware_sim.injection import cable_causes as cable
from firmware_sim.injection import lamp_causes as lamp
from firmware_sim.injection import link_causes as link
from firmware_sim.injection.effect import Effect
from firmware_sim.injection.errors import InjectionError
from firmware_sim.injection.places import PlaceKind, Spot
from languages.message import Message, Plain, shown

Apply = Callable[[World, Spot, dict[str, Any]], Effect]


@dataclass(frozen=True, slots=True)
class Kind:
    """One row.

    Attributes:
        code: its name; of a fault, its code in the catalogue.
        places: what it can happen to.
        apply: says what changes in the world.
        params: names with their defaults; a tuple = the allowed words, the first one is the default.
        is_fault: False = a confounder: nothing may be raised because of it.
        is_momentary: over as soon as it happened: there is nothing to mend.
        is_virtual: only the simulator's own agents can play it, no real program.
    """

    code: str
    places: tuple[PlaceKind, ...]
    apply: Apply
    params: Mapping[str, Any] = field(default_factory=dict)
    is_fault: bool = True
    is_virtual: bool = False
    is_momentary: bool = False


_FEEDER: Final[tuple[PlaceKind, ...]] = ("cabinet", "circuit")
_ANY: Final[tuple[PlaceKind, ...]] = ("controller", "cabinet", "circuit", "bus", "lamp")
_ROWS: Final = (
    Kind("lampFailure", ("lamp",), lamp.lamp_failure, {"cause": ("dead", "fuse", "relay")}),
    Kind("lampUnexpectedOn", ("lamp",), lamp.unexpected_on),
    Kind("relayFailure", ("lamp",), lamp.relay_failure),
    Kind("cyclingFailure", ("lamp",), lamp.cycling, {"on_s": 600.0, "off_s": 240.0}),
    Kind("dimmingFailure", ("lamp",), lamp.dimming, {"level": 100}),
    Kind("lampPowerTooLow", ("lamp",), lamp.power_scale, {"factor": 0.55}),
    Kind("lampPowerTooHigh", ("lamp",), lamp.power_scale, {"factor": 1.5}),
    Kind("powerFactorTooLow", ("lamp",), lamp.capacitor),
    Kind("supplyVoltageTooLow", _FEEDER, cable.supply_voltage, {"volts": -32.0}),
    Kind("supplyVoltageTooHigh", _FEEDER, cable.supply_voltage, {"volts": 28.0}),
    Kind("highTemperature", ("lamp",), lamp.overheating, {"rise_c": 60.0}),
    Kind("controlGearFailure", ("lamp",), lamp.driver_fault),
    Kind("communicationFailure", ("lamp",), lamp.silent_meter, {"cause": ("meter", "fuse")}),
    Kind("meterFailure", ("lamp",), lamp.lying_meter, {"cause": ("frozen", "power", "power_factor", "voltage")}),
    Kind("circuitFailure", ("circuit",), cable.blown_fuse),
    Kind("cableFailure", ("lamp",), cable.cut_cable, {"side": ("before", "after")}),
    Kind("circuitPowerTooLow", ("circuit",), cable.dark_lamps, {"lamps": 1}),
    Kind("supplyLoss", ("cabinet",), cable.lost_supply, {"phase": ("", "R", "S", "T")}),
    Kind("neutralFailure", ("cabinet",), cable.lost_neutral, {"volts": 35.0}),
    Kind("contactorFailure", ("cabinet",), cable.contactor, {"stuck": ("off", "on")}),
    Kind("cabinetDoorOpen", ("cabinet",), cable.open_door),
    Kind("unmeteredLoad", _FEEDER, cable.tap, {"watts": 600.0}),
    Kind("busFailure", ("bus",), link.broken_bus, {"after": ""}),
    Kind("controllerOffline", ("controller",), link.offline, {"cause": ("network", "dead")}),
    # what happens in every city and must raise nothing
    Kind("brownOut", ("cabinet",), link.sag_to, {"volts": -26.0}, is_fault=False),
    Kind("supplyDip", _FEEDER, link.dip, is_fault=False, is_momentary=True),
    Kind("lostReplies", _ANY, link.lost_replies, {"share": 0.02}, is_fault=False),
    Kind("garbledReplies", _ANY, link.garbled_replies, {"share": 0.005}, is_fault=False),
    Kind("agentRestart", ("controller",), link.dead_agent, is_fault=False),
    Kind("networkGone", ("controller",), link.no_network, is_fault=False),
    Kind(
        "wrongClock",
        ("controller",),
        link.wrong_clock,
        {"minutes": -7.0, "says_so": False},
        is_fault=False,
        is_virtual=True,
    ),
    Kind("ageing", _ANY, lamp.power_scale, {"factor": 0.9}, is_fault=False),
    Kind("wrongRating", _ANY, lamp.power_scale, {"factor": 1.08}, is_fault=False),
)
#: (code, parameter) -> open interval of what makes that code of it.
_BOUNDS: Final[Mapping[tuple[str, str], tuple[float, float]]] = {
    ("cyclingFailure", "on_s"): (0.0, math.inf),
    ("cyclingFailure", "off_s"): (0.0, math.inf),
    ("lampPowerTooLow", "factor"): (0.0, 1.0),
    ("lampPowerTooHigh", "factor"): (1.0, 10.0),
    ("supplyVoltageTooLow", "volts"): (-231.0, 0.0),
    ("supplyVoltageTooHigh", "volts"): (0.0, 231.0),
    ("highTemperature", "rise_c"): (0.0, 500.0),
    ("unmeteredLoad", "watts"): (0.0, math.inf),
    ("brownOut", "volts"): (-231.0, 0.0),
    ("lostReplies", "share"): (0.0, 1.0),
    ("garbledReplies", "share"): (0.0, 1.0),
    ("ageing", "factor"): (0.0, 10.0),
    ("wrongRating", "factor"): (0.0, 10.0),
}
_FURTHEST: Final = 1e6  # of any number
KINDS: Final[Mapping[str, Kind]] = {kind.code: kind for kind in _ROWS}
FAULTS: Final = tuple(kind.code for kind in _ROWS if kind.is_fault)
CONFOUNDERS: Final = tuple(kind.code for kind in _ROWS if not kind.is_fault)


def settle_params(kind: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter of a kind: what is given, in the type of its default, and the defaults.

    Raises:
        InjectionError: an unknown parameter, or a value that it cannot have.
    """
    unknown = [name for name in given if name not in kind.params]
    if unknown:
        known = ", ".join(kind.params) or "-"
        raise InjectionError(
            Message("sim.unknown_parameter", code=Plain(kind.code), name=Plain(shown(unknown[0])), known=Plain(known))
        )
    return {name: _settle(kind.code, name, default, given.get(name)) for name, default in kind.params.items()}


def _settle(code: str, name: str, default: Any, value: Any) -> Any:
    if isinstance(default, tuple):
        if value is None:
            return default[0]
        if value not in default:
            raise _refusal(code, name, value, Message("value.choice", words=Plain(", ".join(map(repr, default)))))
        return value
    if value is None:
        return default
    if isinstance(default, bool):
        if value not in (True, False, "true", "false"):
            raise _refusal(code, name, value, Message("value.boolean"))
        return value in (True, "true")
    try:
        settled = type(default)(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise _refusal(code, name, value, _other_type(default)) from error
    if isinstance(value, bool) or (isinstance(value, float) and isinstance(default, int) and settled != value):
        raise _refusal(code, name, value, _other_type(default))
    low, high = _BOUNDS.get((code, name), (-_FURTHEST, _FURTHEST))
    if isinstance(settled, float) and not max(low, -_FURTHEST) < settled < min(high, _FURTHEST):
        if settled <= low:
            raise _refusal(code, name, value, Message("value.above", bound=Plain(f"{max(low, -_FURTHEST):g}")))
        raise _refusal(code, name, value, Message("value.below", bound=Plain(f"{min(high, _FURTHEST):g}")))
    return settled


def _other_type(default: Any) -> Message:
    if isinstance(default, str):
        return Message("value.text")
    return Message("value.whole_number") if isinstance(default, int) else Message("value.number")


def _refusal(code: str, name: str, value: Any, reason: Message) -> InjectionError:
    return InjectionError(
        Message("sim.parameter", code=Plain(code), name=Plain(name), value=Plain(shown(str(value))), reason=reason)
    )
