"""The lamp rules in force, in their order, and what follows from the declarations of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ingest.detection.rules.rule import Detector
from ingest.detection.rules.window import Bool, Expected, Float32, RowLimits, Window
from ingest.errors import RuleError


class RuleSet:
    """Lamp rules by number and by name.

    Args:
        rules: in the order in which a sample is judged; a rule that keeps samples from others stands before them.

    Raises:
        RuleError: two rules of one name, or a rule that another rule's fault of the same code would explain.
    """

    def __init__(self, rules: Sequence[Detector]) -> None:
        """Number the rules."""
        self._rules = tuple(rules)
        self.number = {rule.name: i for i, rule in enumerate(self._rules)}
        if len(self.number) != len(self._rules):
            names = [rule.name for rule in self._rules]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise RuleError(f"two lamp rules are named {', '.join(twice)}: snapshots store counters by name")
        for rule in self._rules:
            if any(cause.code == rule.code for cause in rule.explained_by):
                raise RuleError(f"rule {rule.name}: its own code {rule.code} cannot explain it")

    def __iter__(self) -> Iterator[Detector]:
        """In order."""
        return iter(self._rules)

    def __len__(self) -> int:
        """How many."""
        return len(self._rules)

    def __getitem__(self, number: int) -> Detector:
        """The rule of a number."""
        return self._rules[number]

    def of_code(self, code: str) -> list[Detector]:
        """The rules that open faults of a code."""
        return [rule for rule in self._rules if rule.code == code]

    def twins(self, rule: Detector) -> list[int]:
        """Numbers of the other rules of the same code."""
        return [i for i, other in enumerate(self._rules) if other.code == rule.code and other.name != rule.name]

    def spoiling(self) -> list[int]:
        """Numbers of the rules by which some samples are no measurement."""
        return [i for i, rule in enumerate(self._rules) if rule.spoils is not None]

    def withholding(self) -> list[int]:
        """Numbers of the rules by which a meter proves nothing while they run."""
        return [i for i, rule in enumerate(self._rules) if rule.withholds is not None]

    def hiding(self, rule: Detector) -> list[int]:
        """Numbers of the rules whose open fault on a lamp hides a new one of this rule."""
        hiding = {cause.code for cause in rule.explained_by if cause.hides}
        return [i for i, other in enumerate(self._rules) if other.code in hiding]

    def spoiled(self, window: Window, expected: Expected, limits: RowLimits) -> Bool:
        """Samples that are no measurement by any rule; bool (n,)."""
        spoiled: Bool = np.zeros(len(window.power_w), np.bool_)
        for rule in self._rules:
            if rule.spoils is not None:
                spoiled |= rule.spoils(window, expected, limits)
        return spoiled

    def attended(self, window: Window, expected: Expected) -> Bool:
        """Samples with a status by which some rule may hold inside its bounds; bool (n,)."""
        attended: Bool = np.zeros(len(window.power_w), np.bool_)
        for rule in self._rules:
            if rule.attends is not None:
                attended |= rule.attends(window, expected)
        return attended

    def turns(self, expected: Expected, limits: RowLimits) -> list[tuple[str, Float32]]:
        """All rules' turning values: quantity, float32 (n,)."""
        return [turn for rule in self._rules if rule.turns is not None for turn in rule.turns(expected, limits)]

    def exceeds_current(self, power_w: Float32, voltage_v: Float32, current_a: Float32, limits: RowLimits) -> Bool:
        """Samples whose current may make some rule hold; bool (n,)."""
        exceeds: Bool = np.zeros(len(power_w), np.bool_)
        for rule in self._rules:
            if rule.exceeds_current is not None:
                exceeds |= rule.exceeds_current(power_w, voltage_v, current_a, limits)
        return exceeds
