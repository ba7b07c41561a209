"""Which fault explains which, as the faults themselves declare it: from the controller down to one lamp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.detection.rules.group_faults import ORDER, OTHERS, GroupFault, Reach
from ingest.detection.rules.rule import Cause
from ingest.detection.rules.rule_set import RuleSet
from ingest.model.finding import Key


@dataclass(slots=True, eq=False)
class Case:
    """One condition that holds, as detection knows it.

    Attributes:
        lamps: fleet indices of the lamps it takes with it, in order; ``lamp_set`` the same for look-ups.
        controller: fleet index, -1 none; so cabinet and circuit.
        cause: key of the condition that explains it, as last reported.
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
    is_reported: bool = False
    lamp_set: frozenset[int] = field(default_factory=frozenset)

    @property
    def code(self) -> str:
        """The fault code."""
        return self.key.code

    @property
    def is_of_lamp(self) -> bool:
        """Whether its place is one lamp."""
        return self.key.place.lamp_id is not None


class Causes:
    """The order of explanation.

    Args:
        rules: lamp rules; rules of one code add up.
        order: faults above lamps, the highest first; those of one row leave each other alone.
        others: faults that explain nothing by their place.
    """

    def __init__(
        self,
        rules: RuleSet,
        order: Sequence[Sequence[GroupFault]] = ORDER,
        others: Sequence[GroupFault] = OTHERS,
    ) -> None:
        """Read the declarations."""
        self._rank = {fault.code: rank for rank, row in enumerate(order) for fault in row}
        self._last = len(order)
        self._groups = {fault.code: fault for row in (*order, others) for fault in row}
        self._of_lamp: dict[str, list[Cause]] = {}
        for rule in rules:
            known = self._of_lamp.setdefault(rule.code, [])
            known += [cause for cause in rule.explained_by if cause not in known]

    def rank(self, code: str) -> int:
        """Place in the order: lower explains higher; equal ranks leave each other alone."""
        return self._rank.get(code, self._last)

    def has_rank(self, code: str) -> bool:
        """Whether a fault stands above the lamps' in the order."""
        return code in self._rank

    def find(self, case: Case, others: list[Case], by_lamp: dict[int, dict[str, Case]]) -> Key | None:
        """The condition that explains a case, the highest first; None = it stands for itself.

        Args:
            case: the condition to explain.
            others: the group conditions (not of one lamp) that hold on the same controller.
            by_lamp: the lamp conditions that hold on the same controller: lamp -> code -> case.
        """
        own = self._groups.get(case.code)
        if own is not None and not own.is_explained:
            return None
        rank = self.rank(case.code)
        higher = [other for other in others if self.rank(other.code) < rank and self._covers(other, case)]
        if higher:
            return min(higher, key=lambda other: (self._rank[other.code], other.since_us)).key
        if own is not None and own.is_explained_by_cabinet and case.circuit >= 0:
            same = (o for o in others if o.code == case.code and o.circuit < 0 and o.cabinet == case.cabinet)
            return next((other.key for other in same), None)
        return self._lamp_cause(case, others, by_lamp.get(case.lamps[0], {})) if case.is_of_lamp else None

    def _covers(self, cause: Case, case: Case) -> bool:
        """Whether a group's condition reaches a case's place."""
        reach = self._groups[cause.code].reach
        if reach is Reach.CONTROLLER:
            return True
        if case.is_of_lamp:
            return case.lamps[0] in cause.lamp_set
        has_all = bool(case.lamps) and cause.lamp_set.issuperset(case.lamps)
        own = self._groups.get(case.code)
        if own is not None and own.is_explained_by_lamps:
            return has_all
        if reach is Reach.CABINET and cause.circuit >= 0:
            # the cabinet itself is in order: what is reported of all its circuits comes from this one
            is_about_all = own is not None and own.is_explained_by_cabinet and case.circuit < 0
            return case.circuit == cause.circuit or (is_about_all and case.cabinet == cause.cabinet)
        if reach is Reach.CABINET:
            return case.cabinet == cause.cabinet and (cause.key.place.phase is None or has_all)
        if cause.key.place.phase is not None:  # a phase of the circuit: what lies on it as a whole
            return has_all
        return reach is Reach.CIRCUIT and case.circuit == cause.circuit >= 0

    def _lamp_cause(self, case: Case, groups: list[Case], siblings: dict[str, Case]) -> Key | None:
        """What the case's rule names as its causes: a fault of the same lamp, or of a group that it is in."""
        for cause in self._of_lamp.get(case.code, ()):
            of_lamp = siblings.get(cause.code)
            found = [of_lamp] if of_lamp is not None else []
            found += [other for other in groups if other.code == cause.code and case.lamps[0] in other.lamp_set]
            for other in found:
                if cause.explains is None or cause.explains(other.evidence, case.evidence):
                    return other.key
        return None
