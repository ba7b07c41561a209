"""All conditions that hold now, each explained by at most one other; says what changed, as ``ingest.model.finding``.

Only controllers that something happened on are looked at again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from ingest.detection.conditions.causes import Case, Causes
from ingest.model.finding import Change, Cleared, Key, Raised
from ingest.model.fleet import Fleet


class ActiveConditions:
    """The open conditions of one fleet."""

    def __init__(self, fleet: Fleet, causes: Causes) -> None:
        """Start with nothing known; ``causes``: the order of explanation."""
        self._fleet, self._causes = fleet, causes
        self.cases: dict[Key, Case] = {}
        self._by_controller: dict[int, dict[Key, Case]] = defaultdict(dict)
        self._touched: dict[int, int] = {}
        self._cleared: list[Cleared] = []
        self._changed: list[Case] = []
        self.released: list[int] = []
        self.freed: list[Case] = []
        self._by_code: dict[str, dict[Key, Case]] = defaultdict(dict)

    def open(self, case: Case) -> None:
        """A condition was confirmed, or is confirmed anew with another extent or other evidence."""
        case.lamp_set = frozenset(case.lamps)
        before = self.cases.get(case.key)
        if before is not None:
            case.cause, case.is_reported, case.since_us = before.cause, before.is_reported, before.since_us
        self.cases[case.key] = case
        self._by_controller[case.controller][case.key] = case
        self._by_code[case.code][case.key] = case
        self._changed.append(case)
        self._touched[case.controller] = max(case.at_us, self._touched.get(case.controller, 0))

    def close(self, key: Key, at_us: int, *, is_proof: bool = True, evidence: dict[str, Any] | None = None) -> None:
        """A condition holds no more; one that is not open changes nothing.

        The sample that ends it may be older than the one that opened it, where records came in another order than they
        were taken: it ends then, not before.
        """
        case = self.cases.pop(key, None)
        if case is None:
            return
        at_us = max(at_us, case.at_us)
        del self._by_controller[case.controller][key]
        del self._by_code[key.code][key]
        self._changed = [changed for changed in self._changed if changed.key != key]
        if case.is_reported:
            self._cleared.append(Cleared(key, at_us, is_proof, evidence or {}))
        if key.code == "neutralFailure":
            freed = [other for other in self.of_controller(case.controller) if other.cause == key]
            for other in freed:
                other.at_us = max(other.at_us, at_us)
            self.freed += freed
        if self._causes.has_rank(key.code) and len(case.lamps):
            self.released.extend(case.lamps)
        self._touched[case.controller] = max(at_us, self._touched.get(case.controller, 0))

    def restore(self, case: Case) -> None:
        """A condition that was reported before a restart."""
        self.cases[case.key] = case
        self._by_controller[case.controller][case.key] = case
        self._by_code[case.code][case.key] = case

    def of_controller(self, controller: int) -> Iterable[Case]:
        """The conditions on one controller."""
        return self._by_controller.get(controller, {}).values()

    def controllers_with(self, codes: Iterable[str]) -> set[int]:
        """Controllers on which any condition of these codes holds."""
        return {case.controller for code in codes for case in self._by_code.get(code, {}).values()}

    def explained(self, code: str) -> list[int]:
        """Controllers on which a condition of this code is explained by another."""
        return [case.controller for case in self._by_code.get(code, {}).values() if case.cause is not None]

    def take_released(self) -> np.ndarray:
        """Lamps whose higher cause has just gone: they are judged anew. int64 (n,)."""
        lamps = np.array(sorted(set(self.released)), np.int64)
        self.released = []
        return lamps

    def take_freed(self) -> list[Case]:
        """Conditions that a broken neutral explained which has just ended, and that hold still."""
        freed, self.freed = [case for case in self.freed if self.cases.get(case.key) is case], []
        return freed

    def settle(self) -> list[Change]:
        """Explain what was touched since the last call, and say what changed; what cleared first."""
        changes: list[Change] = list(self._cleared)
        reported = {id(case) for case in self._changed}
        for controller, at_us in self._touched.items():
            cases = self._by_controller.get(controller, {})
            groups = [case for case in cases.values() if not case.is_of_lamp]
            by_lamp: dict[int, dict[str, Case]] = defaultdict(dict)
            for case in cases.values():
                if case.is_of_lamp:
                    by_lamp[case.lamps[0]][case.code] = case
            # from the top down, so that a cause is reported before what it explains
            for case in sorted(cases.values(), key=lambda c: (self._causes.rank(c.code), c.is_of_lamp)):
                cause = self._causes.find(case, groups, by_lamp)
                if cause == case.cause and id(case) not in reported:
                    continue
                if id(case) not in reported:
                    case.at_us = max(case.at_us, at_us)
                case.cause, case.is_reported = cause, True
                changes.append(self._raised(case))
        self._touched, self._cleared, self._changed = {}, [], []
        return changes

    def tell_again(self) -> list[Change]:
        """Every condition that was reported before, causes before what they explain."""
        reported = [case for case in self.cases.values() if case.is_reported]
        return [
            self._raised(case) for case in sorted(reported, key=lambda c: (self._causes.rank(c.code), c.is_of_lamp))
        ]

    def _raised(self, case: Case) -> Raised:
        ids = tuple(self._fleet.lamp_ids[lamp] for lamp in case.lamps)
        return Raised(case.key, case.at_us, case.since_us, ids, dict(case.evidence), case.span, case.cause)
