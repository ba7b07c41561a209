"""The codes and confounders that a truth city plays, for how many minutes each, and what shows them."""

from __future__ import annotations

from typing import Final

from benchmarks.truth.cities import Kind

#: Codes of single lamps with a meter, and their shortest and longest time [minutes].
LAMP_CODES: Final = {
    "lampFailure": (30, 120),
    "cyclingFailure": (140, 200),
    "dimmingFailure": (60, 180),
    "lampPowerTooLow": (40, 120),
    "lampPowerTooHigh": (40, 120),
    "powerFactorTooLow": (40, 120),
    "highTemperature": (130, 220),
    "controlGearFailure": (30, 120),
    "communicationFailure": (30, 120),
    "meterFailure": (60, 140),
}
DAY_LAMP_CODES: Final = {"lampUnexpectedOn": (60, 240), "relayFailure": (60, 240)}
PLACE_CODES: Final = {
    "supplyVoltageTooLow": (40, 120),
    "supplyVoltageTooHigh": (40, 120),
    "circuitFailure": (30, 120),
    "cableFailure": (30, 120),
    "circuitPowerTooLow": (40, 150),
    "supplyLoss": (20, 90),
    "contactorFailure": (40, 120),
    "cabinetDoorOpen": (20, 120),
    "unmeteredLoad": (70, 150),
    "busFailure": (30, 120),
    "controllerOffline": (20, 125),
}
CONFOUNDERS: Final = ("brownOut", "supplyDip", "agentRestart", "wrongClock", "nothing")
#: By day a sweep in five minutes would make every restart as long as an outage.
DAY_CONFOUNDERS: Final = ("brownOut", "supplyDip", "wrongClock", "nothing")
#: Codes that cannot be told from one another at a dim level: half of the power is a lamp that dims to a half.
AT_FULL_LEVEL: Final = frozenset({"lampPowerTooHigh"})
#: Causes that hide what single lamps say, and how often a dark lamp stands there as well.
HIDING: Final = frozenset(
    {"circuitFailure", "cableFailure", "supplyLoss", "busFailure", "contactorFailure", "controllerOffline"}
)


def fits_place(code: str, kind: Kind) -> bool:
    """Whether such a cabinet can show a code of ``PLACE_CODES``."""
    if code == "circuitPowerTooLow":
        return not kind.profile
    if code in {"circuitFailure", "cableFailure", "busFailure", "unmeteredLoad"}:
        return bool(kind.profile)
    if code == "contactorFailure":
        return kind.switching == "contactor"
    return True


def fits_lamp(code: str, kind: Kind) -> bool:
    """Whether the meters of such a cabinet can show a code of ``LAMP_CODES``."""
    is_node = kind.profile == "lamp-node"
    return is_node if code in {"dimmingFailure", "highTemperature", "controlGearFailure"} else True
