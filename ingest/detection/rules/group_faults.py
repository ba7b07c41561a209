"""The faults above lamps, in the order in which one explains another, and what each says about itself.

``ORDER`` is faults.md's order of explanation, told once: a fault explains those of later rows that it reaches, and all
lamp rules' faults. Equal rows leave each other alone. How each is found is written in ``ingest.detection``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ingest.detection.rules.rule import Proof


class Reach(Enum):
    """What a fault explains beside its own lamps."""

    LAMPS = "lamps"
    CIRCUIT = "circuit"
    CABINET = "cabinet"  # all of it, unless the fault is of one phase or of one circuit
    CONTROLLER = "controller"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFault:
    """One fault of a circuit, cabinet or controller, or of one lamp without a rule of its own.

    Attributes:
        code: fault code.
        reach: what it explains beside its own lamps.
        is_explained: others may explain it.
        is_explained_by_lamps: only what takes all its lamps explains it, wherever its place is.
        is_explained_by_cabinet: one of the same code at its cabinet explains it.
        proof: when a claim of repair can be proved; ``clear_seconds`` limit that says how long clearing takes.
    """

    code: str
    reach: Reach = Reach.LAMPS
    is_explained: bool = True
    is_explained_by_lamps: bool = False
    is_explained_by_cabinet: bool = False
    proof: Proof = Proof.LIT
    clear_seconds: str | None = None


ORDER: Final[tuple[tuple[GroupFault, ...], ...]] = (
    (GroupFault(code="controllerOffline", reach=Reach.CONTROLLER, is_explained=False, proof=Proof.ANY),),
    (GroupFault(code="supplyLoss", reach=Reach.CABINET, proof=Proof.ANY),),
    (GroupFault(code="neutralFailure", reach=Reach.CABINET, proof=Proof.ANY),),
    (GroupFault(code="contactorFailure", reach=Reach.CABINET),),
    (
        GroupFault(code="busFailure", is_explained_by_lamps=True),
        GroupFault(code="circuitFailure", reach=Reach.CIRCUIT),
    ),
    (GroupFault(code="cableFailure"),),
)
# Those that explain nothing by their place; a lamp rule may name them in ``explained_by``.
OTHERS: Final[tuple[GroupFault, ...]] = (
    GroupFault(code="supplyVoltageTooLow", is_explained_by_cabinet=True, clear_seconds="supply_voltage_time"),
    GroupFault(code="supplyVoltageTooHigh", is_explained_by_cabinet=True, clear_seconds="supply_voltage_time"),
    GroupFault(code="circuitPowerTooLow", clear_seconds="dark_count_time"),
    GroupFault(code="unmeteredLoad", clear_seconds="unmetered_time"),
    GroupFault(code="cabinetDoorOpen", is_explained=False, proof=Proof.ANY),
    GroupFault(code="communicationFailure", proof=Proof.ANY),
)
