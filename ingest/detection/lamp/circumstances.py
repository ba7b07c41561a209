"""What else is known of the lamps at hand while one rule judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.flag_bits import Flags
from ingest.model.fleet import Fleet

if TYPE_CHECKING:
    from ingest.detection.lamp.lamp_rules import LampRules

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RuleRuns:
    """One rule's counters of n lamps: ``ingest.detection.rules.rule.Runs``."""

    count: npt.NDArray[np.uint8]
    is_open: Bool


def sharing_a_circuit(fleet: Fleet, lamp: Int64) -> Int64:
    """Those of n lamps, int64 (n,), of which another is on the same circuit; int64."""
    circuit = fleet.lamp_circuit[lamp]
    lamp, circuit = lamp[circuit >= 0], circuit[circuit >= 0]
    if len(lamp) <= 1:
        return lamp[:0]
    return lamp[np.bincount(circuit)[circuit] > 1]


class LampCircumstances:
    """What else is known of n lamps while a rule judges them: ``ingest.detection.rules.rule.Circumstances``."""

    def __init__(self, rules: LampRules, rule: int, lamp: Int64, flags: Flags) -> None:
        """``rules`` with their counters, and which of them judges; int64 and flags (n,)."""
        self._rules, self._rule, self._lamp, self._flags = rules, rule, lamp, flags

    @property
    def has_fitted(self) -> Bool:
        """The lamp has drawn what its register entry says."""
        return self._rules.state.has_fitted[self._lamp]

    @property
    def is_register_suspect(self) -> Bool:
        """An open fault of it is put down to its register entry."""
        return self._rules.state.is_register_suspect[self._lamp]

    @property
    def is_contactor_suspect(self) -> Bool:
        """Its cabinet's contactor may be stuck closed."""
        return self._rules.is_contactor_suspect[self._rules.fleet.lamp_controller[self._lamp]]

    @property
    def is_weather_dark(self) -> Bool:
        """Photocells may burn by day, or have not burned for long enough."""
        told_since_s = self._rules.told_since_s[self._rules.fleet.lamp_controller[self._lamp]]
        dark: Bool = self._rules.debounce[self._rule].since_s[self._lamp] > told_since_s
        return dark

    @property
    def is_overvoltage_shared(self) -> Bool:
        """Another lamp of its circuit shows as high a voltage."""
        return np.isin(self._lamp, self._rules.overvolted)

    def is_running(self, name: str) -> Bool:
        """Another rule's counters run, or it is open."""
        return self._has(self._rules.state.bits.running, name)

    def is_open(self, name: str) -> Bool:
        """Another rule is open."""
        return self._has(self._rules.state.bits.open, name)

    def _has(self, bits: Sequence[Any], name: str) -> Bool:
        """Bits of another rule; none where the set of rules has no such rule."""
        rule = self._rules.rules.number.get(name)
        if rule is None:
            return np.zeros(len(self._lamp), np.bool_)
        has: Bool = (self._flags & bits[rule]) != 0
        return has
