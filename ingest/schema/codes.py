"""The fault catalogue: every code with its level and severity.

Codes are TALQ 2.7.1's event names where TALQ has one; the others are Terang's. What a code is called, and what a crew
should check and bring, is in the catalogues of words (``languages``) as ``fault.<code>.title`` and
``fault.<code>.advice``: a new fault is one detector file, one row in the detectors' list, one row here, and two
messages in each language. Where a way of failing (``evidence.kind``) asks for other work, it has its own advice, as
``fault.<code>.advice.<kind>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["lamp", "circuit", "cabinet", "controller"]
Severity = Literal["critical", "major", "minor", "warning"]
Family = Literal["lamp", "cable", "cabinet", "signal"]
_FAMILY_OF: Final[dict[Level, Family]] = {
    "lamp": "lamp",
    "circuit": "cable",
    "cabinet": "cabinet",
    "controller": "signal",
}


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the catalogue.

    Attributes:
        kinds: ways of failing with an advice of their own.
        is_of_signal: the light may be as it should: what failed is hearing of it.
    """

    code: str
    level: Level
    severity: Severity
    kinds: tuple[str, ...] = ()
    is_of_signal: bool = False

    @property
    def family(self) -> Family:
        """What is broken, as the signs of a map show it."""
        return "signal" if self.is_of_signal else _FAMILY_OF[self.level]

    def advice(self, kind: object) -> str:
        """The message that says what to check and to bring, for a way of failing."""
        return f"fault.{self.code}.advice.{kind}" if kind in self.kinds else f"fault.{self.code}.advice"


CATALOGUE: Final[tuple[Code, ...]] = (
    Code("lampFailure", "lamp", "major"),
    Code("lampUnexpectedOn", "lamp", "minor"),
    Code("relayFailure", "lamp", "minor"),
    Code("cyclingFailure", "lamp", "major"),
    Code("dimmingFailure", "lamp", "minor"),
    Code("lampPowerTooLow", "lamp", "minor"),
    Code("lampPowerTooHigh", "lamp", "minor"),
    Code("powerFactorTooLow", "lamp", "warning"),
    Code("supplyVoltageTooLow", "circuit", "major"),
    Code("supplyVoltageTooHigh", "circuit", "major"),
    Code("highTemperature", "lamp", "minor"),
    Code("controlGearFailure", "lamp", "major"),
    Code("communicationFailure", "lamp", "minor", is_of_signal=True),
    Code("meterFailure", "lamp", "warning", kinds=("reversed",), is_of_signal=True),
    Code("circuitFailure", "circuit", "critical"),
    Code("cableFailure", "circuit", "critical"),
    Code("circuitPowerTooLow", "circuit", "major"),
    Code("supplyLoss", "cabinet", "critical"),
    Code("neutralFailure", "cabinet", "critical"),
    Code("contactorFailure", "cabinet", "critical"),
    Code("cabinetDoorOpen", "cabinet", "critical"),
    Code("unmeteredLoad", "cabinet", "minor"),
    Code("busFailure", "controller", "major"),
    Code("controllerOffline", "controller", "major"),
)
BY_CODE: Final[dict[str, Code]] = {code.code: code for code in CATALOGUE}
