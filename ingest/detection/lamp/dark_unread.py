"""Lamps that are reported dark because their load went, though they do not answer; what their own reading then says.

A lamp that answers with voltage has its supply: whatever keeps it dark is no fuse of its pole. Until it answers, its
fault rests on the meter above it; from its first reading on, on that reading.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ingest.detection.conditions.lamp_evidence import lamp_evidence
from ingest.detection.lamp.lamp_verdict import LampVerdict
from ingest.detection.memory.debounce import Debounce
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.rules import DARK, Expected, RuleSet, Window

Int64 = npt.NDArray[np.int64]


class DarkUnread:
    """Opens ``lampFailure`` without a reading of the lamp; ``LampState.is_dark_unread`` holds whose it is."""

    def __init__(self, state: LampState, rules: RuleSet, debounce: Sequence[Debounce], no_voltage: float) -> None:
        """``debounce`` of each rule; ``no_voltage``: a node that reads less [V] has a supply beside the lamp's."""
        self._state, self._debounce, self._no_voltage = state, debounce, no_voltage
        self._rule = rules.number.get(DARK.name)

    def open(self, lamp: int, since_s: int) -> None:
        """Open the rule on a lamp that does not answer and is known to be dark; it clears as ever."""
        if self._rule is None:
            return
        one, bits = np.array([lamp]), self._state.bits
        debounce = self._debounce[self._rule]
        debounce.close(one)
        debounce.since_s[one] = since_s
        debounce.is_open[one] = True
        self._state.flags[one] |= bits.running[self._rule] | bits.open[self._rule]
        self._state.is_dark_unread[one] = True
        self._state.look_again(one)

    def read(self, lamp: Int64, at_s: Int64, window: Window, expected: Expected) -> list[LampVerdict]:
        """New evidence of those of n lamps that answer again, by their first reading; int64 (n,) both."""
        state = self._state
        rows = np.flatnonzero(state.is_dark_unread[lamp] & ~(window.voltage_v < self._no_voltage))
        if not len(rows) or self._rule is None:
            return []
        state.is_dark_unread[lamp[rows]] = False
        rows = rows[state.is_open(self._rule, lamp[rows])]
        since_s = self._debounce[self._rule].since_s[lamp[rows]]
        return [
            LampVerdict(
                DARK,
                int(lamp[row]),
                True,
                int(at_s[row]),
                int(since_s[i]),
                lamp_evidence(DARK, state, int(lamp[row]), window, expected, row, 0, is_opened=False),
                is_renewal=True,
            )
            for i, row in enumerate(rows.tolist())
        ]
