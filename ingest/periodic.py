"""A timer for periodic work.

Pure but for the clock that it is given.
"""

from __future__ import annotations

from collections.abc import Callable


class Every:
    """Says when something that is done again and again is due.

    What is due stays so until ``done`` (or ``take``) says that it was done: what cannot be done now is tried again at
    the next chance.
    """

    def __init__(
        self,
        period_s: float,
        monotonic: Callable[[], float],
        *,
        first_s: float = 0.0,
        share: float = 1.0,
        slowest_s: float | None = None,
    ) -> None:
        """Start counting.

        Args:
            period_s: from one beginning to the next.
            monotonic: a clock that never jumps [s].
            first_s: from now to the first time; 0 = due at once.
            share: of all time at most that the work may take; what takes long comes less often.
            slowest_s: but no less often than this.
        """
        self._period_s = period_s
        self._monotonic = monotonic
        self._share = share
        self._slowest_s = slowest_s
        self._due_s = monotonic() + first_s
        self._began_s = self._due_s

    def is_due(self) -> bool:
        """Whether it is time; if so, the work is taken to begin now."""
        now_s = self._monotonic()
        if now_s < self._due_s:
            return False
        self._began_s = now_s
        return True

    def done(self) -> None:
        """The work that began when it was due is done: the next time counts from its beginning."""
        pause_s = max(self._period_s, (self._monotonic() - self._began_s) / self._share)
        if self._slowest_s is not None:
            pause_s = min(pause_s, self._slowest_s)
        self._due_s = self._began_s + pause_s

    def take(self) -> bool:
        """Whether it is time, and if so the next time counts from now."""
        if not self.is_due():
            return False
        self._due_s = self._began_s + self._period_s
        return True
