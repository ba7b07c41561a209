"""Which fault explains which: faults.md's order, from the controller down to one lamp. Tables and predicates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ingest.model.finding import Key

# lower explains higher; equal ranks leave each other alone
RANK: Final[dict[str, int]] = {
    "controllerOffline": 0,
    "supplyLoss": 1,
    "contactorFailure": 2,
    "busFailure": 3,
    "circuitFailure": 3,
    "cableFailure": 4,
}
_LAST: Final = 9
NEVER_EXPLAINED: Final = frozenset({"cabinetDoorOpen", "controllerOffline"})
_VOLTAGE: Final = ("supplyVoltageTooLow", "supplyVoltageTooHigh")
_POWER: Final = ("lampPowerTooLow", "lampPowerTooHigh")
# on one lamp: code -> codes that explain or hide it, the strongest first
LAMP_CAUSES: Final[dict[str, tuple[str, ...]]] = {
    "lampFailure": ("cyclingFailure", "controlGearFailure", "highTemperature"),
    "lampUnexpectedOn": ("relayFailure",),
    "dimmingFailure": ("communicationFailure", "lampFailure", *_POWER),
    "lampPowerTooLow": ("communicationFailure", "lampFailure", "dimmingFailure"),
    "lampPowerTooHigh": ("communicationFailure", "lampFailure", "dimmingFailure"),
    "powerFactorTooLow": ("communicationFailure", "lampFailure"),
}
HIDDEN_BY_VOLTAGE: Final = frozenset({*_POWER, "powerFactorTooLow", "dimmingFailure"})


@dataclass(slots=True, eq=False)
class Case:
    """One condition that holds, as detection knows it.

    Attributes:
        lamps: fleet indices of the lamps it takes with it, in order; ``lamp_set`` the same for look-ups.
        controller: fleet index, -1 none; so cabinet and circuit.
        cause: key of the condition that explains it, as last told.
    """

    key: Key
    at_us: int
    since_us: int
    lamps: tuple[int, ...]
    evidence: dict[str, Any]
    controller: int
    cabinet: int = -1
    circuit: int = -1
    span: tuple[str, str] | None = None
    cause: Key | None = None
    is_told: bool = False
    lamp_set: frozenset[int] = field(default_factory=frozenset)

    @property
    def code(self) -> str:
        """The fault code."""
        return self.key.code

    @property
    def is_of_lamp(self) -> bool:
        """Whether its place is one lamp."""
        return self.key.place.lamp_id is not None


def _covers(cause: Case, case: Case) -> bool:
    """Whether a group's condition reaches a case's place."""
    if cause.code == "controllerOffline":
        return True
    if case.is_of_lamp:
        return case.lamps[0] in cause.lamp_set
    if case.code == "busFailure":
        return bool(case.lamps) and cause.lamp_set.issuperset(case.lamps)
    if cause.code in {"supplyLoss", "contactorFailure"}:
        is_whole = cause.key.place.phase is None
        return case.cabinet == cause.cabinet and (
            is_whole or (bool(case.lamps) and cause.lamp_set.issuperset(case.lamps))
        )
    return cause.code == "circuitFailure" and case.circuit == cause.circuit >= 0


def find_cause(case: Case, others: list[Case], by_lamp: dict[int, dict[str, Case]]) -> Key | None:
    """The condition that explains a case, the highest first; None = it stands for itself.

    Args:
        case: the condition to explain.
        others: the group conditions (not of one lamp) that hold on the same controller.
        by_lamp: the lamp conditions that hold on the same controller: lamp -> code -> case.
    """
    if case.code in NEVER_EXPLAINED:
        return None
    rank = RANK.get(case.code, _LAST)
    higher = [other for other in others if RANK.get(other.code, _LAST) < rank and _covers(other, case)]
    if higher:
        return min(higher, key=lambda other: (RANK[other.code], other.since_us)).key
    if case.code in _VOLTAGE and case.circuit >= 0:
        same = (o for o in others if o.code == case.code and o.circuit < 0 and o.cabinet == case.cabinet)
        return next((other.key for other in same), None)
    return _lamp_cause(case, others, by_lamp.get(case.lamps[0], {})) if case.is_of_lamp else None


def _lamp_cause(case: Case, others: list[Case], siblings: dict[str, Case]) -> Key | None:
    if case.code in HIDDEN_BY_VOLTAGE:
        for other in others:
            if other.code in _VOLTAGE and case.lamps[0] in other.lamp_set:
                return other.key
    for code in LAMP_CAUSES.get(case.code, ()):
        sibling = siblings.get(code)
        if sibling is not None and _explains(sibling, case):
            return sibling.key
    return None


def _explains(sibling: Case, case: Case) -> bool:
    is_register_error = bool(sibling.evidence.get("suspected_register_error"))
    if sibling.code in _POWER:
        return is_register_error  # a register error hides dimming; a plain power fault does not
    return not (sibling.code == "dimmingFailure" and case.evidence.get("suspected_register_error"))
