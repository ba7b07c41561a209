"""Meters that have stood still since before the last change of level: they say nothing of what is drawn at this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.debounce import Debounce
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.rules import RuleSet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
UInt8 = npt.NDArray[np.uint8]

_REPETITIONS: Final = 2  # one comes by chance


class StillMeters:
    """Answers from the counters of the rules by which a meter proves nothing while they run."""

    def __init__(self, state: LampState, rules: RuleSet, debounce: Sequence[Debounce]) -> None:
        """``debounce`` of each rule."""
        self._state, self.rules = state, rules
        self._runs = [(state.bits.running_any([i]), debounce[i]) for i in rules.withholding()]

    def over_a_step(self, lamp: Int64, level: UInt8) -> Bool:
        """Those that show the power of before the step, and repeated themselves then already; bool (n,).

        A lamp that is dark or does not dim draws the same at both levels: its meter may repeat itself by chance, but
        began to do so at this level. ``level`` uint8 (n,): commanded now.
        """
        state = self._state
        still = np.zeros(len(lamp), np.bool_)
        for bit, debounce in self._runs:
            rows = np.flatnonzero((state.flags[lamp] & bit) != 0)
            lamps = lamp[rows]
            is_same = (state.power_w[lamps] == state.before_w[lamps]) & (level[rows] != state.before_level[lamps])
            runs = debounce.look(lamps)
            is_long = runs["is_open"] | (runs["count"] >= _REPETITIONS)
            still[rows] |= is_same & is_long & (runs["since_s"] <= state.switched_s[lamps])
        return still
