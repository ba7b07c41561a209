"""Sweeps that are not stored yet: a bounded queue in memory, in order, without numbers.

Full storage must not stop the polling. What waits here is not published, since its number could be used again after a
power cut; so it may be dropped from the old end without leaving a gap.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edge_agent.outbox.layout import Layout

MAX_BYTES: Final = 6_000_000  # of 40 MB that the agent may take


@dataclass(frozen=True, slots=True)
class Draft:
    """A record without number.

    Attributes:
        at_ms: the sweep's end, Unix time.
        run_s: running time of the agent, over all its lives [s]: the measure of age.
        layout: what its arrays are in the order of.
        body: see `record.encode_body`.
    """

    at_ms: int
    run_s: float
    layout: Layout
    body: bytes


class WaitingRoom:
    """Drafts in the order in which they were made, up to a number of bytes."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        """Start empty."""
        self._drafts: deque[Draft] = deque()
        self._n_bytes = 0
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        """How many wait."""
        return len(self._drafts)

    def add(self, draft: Draft) -> int:
        """Queue a draft; return how many of the oldest had to go for it."""
        self._drafts.append(draft)
        self._n_bytes += len(draft.body)
        n_lost = 0
        while self._n_bytes > self._max_bytes and len(self._drafts) > 1:
            self._n_bytes -= len(self._drafts.popleft().body)
            n_lost += 1
        return n_lost

    def all(self) -> list[Draft]:
        """All that wait, oldest first."""
        return list(self._drafts)

    def clear(self) -> None:
        """Forget them: they are in storage."""
        self._drafts.clear()
        self._n_bytes = 0
