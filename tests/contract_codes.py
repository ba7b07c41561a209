"""Fault codes that others rely on (``docs/faults.md``): injected and mapped by hand. A code added later need not be."""

from typing import Final

CONTRACT_CODES: Final = frozenset(
    {
        "lampFailure",
        "lampUnexpectedOn",
        "relayFailure",
        "cyclingFailure",
        "dimmingFailure",
        "lampPowerTooLow",
        "lampPowerTooHigh",
        "powerFactorTooLow",
        "supplyVoltageTooLow",
        "supplyVoltageTooHigh",
        "highTemperature",
        "controlGearFailure",
        "communicationFailure",
        "meterFailure",
        "circuitFailure",
        "cableFailure",
        "circuitPowerTooLow",
        "supplyLoss",
        "neutralFailure",
        "contactorFailure",
        "cabinetDoorOpen",
        "unmeteredLoad",
        "busFailure",
        "controllerOffline",
    }
)
