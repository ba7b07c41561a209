"""From verdicts on single lamps to conditions: one for two rules of a code, judged anew when its cause is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.detection.baseline import Baseline
from ingest.detection.cabinet.voltage import VoltageRules
from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.causes import Case
from ingest.detection.lamp.lamp_rules import LampRules
from ingest.detection.lamp.lamp_verdict import LampVerdict
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.sweep import Sweep
from ingest.detection.rules import RuleSet
from ingest.model.finding import Key, Place
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]


class LampVerdicts:
    """Opens and closes the conditions of single lamps."""

    def __init__(  # measured columns, in the order of the rule
        self,
        fleet: Fleet,
        state: LampState,
        rule_set: RuleSet,
        rules: LampRules,
        baseline: Baseline,
        voltages: VoltageRules,
        book: ActiveConditions,
    ) -> None:
        """``rules`` with the counters of ``rule_set``."""
        self._power_codes = tuple({rule.code: None for rule in rule_set if rule.suspects_register})
        self._fleet, self._state, self._rule_set, self._rules = fleet, state, rule_set, rules
        self._baseline, self._voltages, self._book = baseline, voltages, book

    def take(self, verdict: LampVerdict) -> None:
        """One lamp's verdict into the active conditions; two detectors of one code count as one condition."""
        code, lamp, at_us = verdict.detector.code, verdict.lamp, verdict.at_s * 1_000_000
        if verdict.detector.is_new_lamp_when_clear and not verdict.is_opened:
            self._baseline.start_anew(np.array([lamp]))
        key = self.key_of(code, lamp)
        one = np.array([lamp])
        if verdict.is_renewal:
            case = self._book.cases.get(key)
            if case is not None:
                self._book.open(replace(case, at_us=at_us, evidence=verdict.evidence))
            return
        has_twin = any(self._state.is_open(twin, one)[0] for twin in self._rule_set.twins(verdict.detector))
        if has_twin and (not verdict.is_opened or key in self._book.cases):  # two may open in one sample
            return
        if not verdict.is_opened:
            self._book.close(key, at_us, evidence=verdict.evidence)
            self._judge_anew(key, lamp, at_us)
            return
        fleet = self._fleet
        place = (int(fleet.lamp_controller[lamp]), int(fleet.lamp_cabinet[lamp]), int(fleet.lamp_circuit[lamp]))
        self._book.open(Case(key, at_us, verdict.since_s * 1_000_000, (lamp,), verdict.evidence, *place))

    def _judge_anew(self, cause: Key, lamp: int, at_us: int) -> None:
        """What only a cause on the same lamp kept open is no fault of its own before it holds without it."""
        for rule in self._rule_set:
            if rule.closes_with_cause:
                key = self.key_of(rule.code, lamp)
                case = self._book.cases.get(key)
                if case is not None and case.cause == cause:
                    self._book.close(key, at_us, is_proof=False)
                    self._rules.close(rule.name, lamp)

    def withdraw(self, refuted: Mapping[tuple[str, Any], Int64], sweep: Sweep) -> None:
        """Open power faults claim no more what the sweep has refuted: a lamp that follows a step is not stuck.

        ``refuted``: a name and value of evidence -> int64 (m,) lamps of the sweep.
        """
        if not any(map(len, refuted.values())) or not self._book.controllers_with(self._power_codes):
            return
        at_s = dict(zip(sweep.batch.controller.tolist(), sweep.at_s.tolist(), strict=True))
        for (name, value), lamps in refuted.items():
            for lamp, code in product(lamps.tolist(), self._power_codes):
                case = self._book.cases.get(self.key_of(code, lamp))
                if case is not None and case.evidence.get(name) == value:
                    evidence = {kept: told for kept, told in case.evidence.items() if kept != name}
                    at_us = at_s[case.controller] * 1_000_000
                    self._book.open(replace(case, at_us=at_us, evidence=evidence))

    def free(self) -> None:
        """What only a broken neutral made of voltages and meters is judged anew when the neutral is whole."""
        for case in self._book.take_freed():
            rules = [rule for rule in self._rule_set.of_code(case.code) if rule.closes_with_neutral]
            for rule in rules:
                self._rules.close(rule.name, case.lamps[0])
            if not rules and not self._voltages.drop(case):
                continue
            self._book.close(case.key, case.at_us, is_proof=False)

    def key_of(self, code: str, lamp: int) -> Key:
        """A fault of one lamp."""
        return Key(code, Place(lamp_id=self._fleet.lamp_ids[lamp]))
