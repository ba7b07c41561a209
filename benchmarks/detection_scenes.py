"""The scenes of detection's manual: a town, what happens in it, and what a plot of it shows; one per fault code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.small_town import NIGHT_US, Town
from ingest.model.batch import SessionEvent

DAY_US = NIGHT_US - 11 * 3_600_000_000
LAMP = 5
HPS = {"technology": "HPS", "is_dimmable": False}
BY_DAY = {"start_us": DAY_US, "switching": "lamp", "interval_s": 300}
SUMS = {"lamp_meters": False, "n_poles": 20, "cabinet_meter": False}


@dataclass(frozen=True)
class Scene:
    """One plot: a town, what happens when (minute -> action), and what is drawn."""

    code: str
    caption: str
    minutes: int
    events: dict[int, Callable[[Town], object]]
    quantity: str = "power_w"
    unit: str = "W"
    lines: dict[str, float] = field(default_factory=dict)
    town: dict[str, Any] = field(default_factory=dict)


def put(name: str, value: Any, where: Any = LAMP) -> Callable[[Town], object]:
    """An action that sets one array of the town."""
    return lambda town: getattr(town, name).__setitem__(where, value)


def let(**values: Any) -> Callable[[Town], object]:
    """An action that sets plain values of the town."""
    return lambda town: [setattr(town, name, value) for name, value in values.items()]


def flicker(town: Town) -> object:
    """Goes out for five minutes in every twelve."""
    town.factor[LAMP] = 0.005 if (town.now_us // 60_000_000) % 12 < 5 else 1.0
    return town.factor[LAMP]


def freeze(town: Town) -> object:
    """The meter repeats itself."""

    def quirk(columns: dict[str, Any]) -> None:
        for name, value in (("voltage_v", 225.1), ("current_a", 0.467), ("power_w", 100.3)):
            columns[name][LAMP] = value

    town.quirk = quirk
    return quirk


def stuck(level: int) -> Callable[[Town], object]:
    """One lamp stays at a level, the others follow."""

    def act(town: Town) -> None:
        town.actual_level = np.full(town.n, town.level, np.uint8)
        town.actual_level[LAMP] = level

    return act


def relay_open(town: Town) -> None:
    """Every node says that its relay is open; one lamp burns."""
    stuck(100)(town)
    town.quirk = lambda columns: columns.update(status=np.zeros_like(columns["status"]))


def dim_with_one_stuck(town: Town) -> None:
    """The street dims to half; one lamp does not."""
    town.level = 50
    stuck(100)(town)


def die(town: Town) -> None:
    """The broker publishes the agent's will."""
    town.detection.session(SessionEvent(0, is_birth=False, at_us=town.now_us), town.now_us)


TAIL = slice(LAMP, 10)
SCENES = (
    Scene(
        "lampFailure",
        "a driver dies and is replaced",
        90,
        {40: put("factor", 0.005), 70: put("factor", 1.0)},
        lines={"20 % of expected": 20},
    ),
    Scene(
        "lampUnexpectedOn",
        "a lamp comes on by day",
        120,
        {0: let(level=0), 40: stuck(100), 90: let(actual_level=None)},
        lines={"30 % of rated": 30},
        town=BY_DAY,
    ),
    Scene(
        "relayFailure",
        "open relay, burning lamp",
        120,
        {0: let(level=0), 40: relay_open, 90: let(actual_level=None, quirk=None)},
        lines={"6 W": 6},
        town=BY_DAY,
    ),
    Scene(
        "cyclingFailure",
        "a sodium lamp at the end of its life",
        120,
        dict.fromkeys(range(40, 100), flicker) | {100: put("factor", 1.0)},
        town=HPS,
    ),
    Scene(
        "dimmingFailure",
        "the street dims to 50 %, one lamp does not",
        120,
        {40: dim_with_one_stuck, 90: let(actual_level=None)},
        lines={"expected at 50 %": 52},
    ),
    Scene(
        "lampPowerTooLow",
        "part of the LED modules fail",
        110,
        {40: put("factor", 0.6), 80: put("factor", 1.0)},
        lines={"75 % of expected": 75},
    ),
    Scene(
        "lampPowerTooHigh",
        "a driver draws too much",
        110,
        {40: put("factor", 1.5), 80: put("factor", 1.0)},
        lines={"130 % of expected": 130},
    ),
    Scene(
        "powerFactorTooLow",
        "a capacitor fails",
        110,
        {40: put("power_factor", 0.45), 80: put("power_factor", 0.93)},
        "power_factor",
        "",
        {"limit at 100 %": 0.8},
        HPS,
    ),
    Scene(
        "supplyVoltageTooLow",
        "the feeder sags for half an hour",
        110,
        {40: let(voltage=199.0), 75: let(voltage=225.0)},
        "voltage_v",
        "V",
        {"207 V": 207},
    ),
    Scene(
        "supplyVoltageTooHigh",
        "a broken neutral",
        110,
        {40: let(voltage=247.0), 75: let(voltage=225.0)},
        "voltage_v",
        "V",
        {"241.5 V": 241.5},
    ),
    Scene(
        "highTemperature",
        "a blocked heat sink",
        90,
        {40: put("temperature", 92.0), 70: put("temperature", 60.0)},
        "temperature_c",
        "°C",
        {"85 °C": 85, "80 °C": 80},
    ),
    Scene(
        "controlGearFailure",
        "the node reports a driver fault",
        80,
        {40: put("status", 2), 60: put("status", 0)},
        "status",
        "bits",
    ),
    Scene(
        "communicationFailure",
        "a node falls silent, its lamp burns",
        80,
        {40: put("is_silent", True), 60: put("is_silent", False)},
    ),
    Scene("meterFailure", "a meter repeats itself to the last digit", 120, {40: freeze, 90: let(quirk=None)}),
    Scene(
        "circuitFailure",
        "a breaker trips",
        80,
        {40: put("is_powered", False, slice(0, 10)), 60: put("is_powered", True, slice(0, 10))},
        "circuit",
        "W",
    ),
    Scene(
        "cableFailure",
        "a cable is cut behind the fifth pole",
        80,
        {40: put("is_powered", False, TAIL), 60: put("is_powered", True, TAIL)},
        "circuit",
        "W",
    ),
    Scene(
        "circuitPowerTooLow",
        "two lamps of twenty go dark on a circuit with one meter",
        150,
        {90: put("factor", 0.0, [3, 7]), 125: put("factor", 1.0, [3, 7])},
        "circuit",
        "W",
        town=SUMS,
    ),
    Scene(
        "supplyLoss",
        "the feeder is down",
        80,
        {40: put("is_supplied", False, 0), 60: put("is_supplied", True, 0)},
        "cabinet",
        "W",
    ),
    Scene(
        "neutralFailure",
        "the neutral breaks: two phases move apart",
        90,
        {40: put("phase_v", (251.0, 204.0, 221.0), 0), 65: put("phase_v", 225.0, 0)},
        "cabinet_v",
        "V",
        {"241.5 V": 241.5},
    ),
    Scene(
        "contactorFailure",
        "the contactor opens in the middle of the night",
        100,
        {40: let(contactor=False), 75: let(contactor=None)},
        "cabinet",
        "W",
    ),
    Scene(
        "cabinetDoorOpen",
        "the door is opened",
        70,
        {40: put("is_door_open", True, 0), 55: put("is_door_open", False, 0)},
        "door",
        "open",
    ),
    Scene(
        "unmeteredLoad",
        "somebody taps the cable",
        150,
        {40: put("extra_w", 600.0, 0), 100: put("extra_w", 0.0, 0)},
        "cabinet",
        "W",
        {"all lamps together": 2000},
    ),
    Scene(
        "busFailure",
        "the data wire breaks, the lamps burn",
        80,
        {40: put("is_bus_up", False, (0, 0)), 60: put("is_bus_up", True, (0, 0))},
        "cabinet",
        "W",
    ),
    Scene(
        "controllerOffline",
        "the agent dies and comes back",
        80,
        {
            40: die,
            60: lambda town: town.detection.session(SessionEvent(0, is_birth=True, at_us=town.now_us), town.now_us),
        },
        "cabinet",
        "W",
    ),
)
