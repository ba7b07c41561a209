"""The timestamp of the host's STATE, and reconnection when another STATE has a later one.

Agents believe the STATE with the latest time. An older connection's will, or a machine whose clock was ahead, may have
left a later one than ours: only a new connection, whose will and birth carry one time, can take a still later one.
Anybody who may publish a STATE can do that again and again, so that each new connection has to wait longer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_DAY_MS: Final = 86_400_000
_WAITS_S: Final = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # before a new connection, by how many there were
_QUIET_S: Final = 600.0  # without a later STATE, until the next one counts as the first again


class StateTime:
    """The time of one connection's STATE.

    Attributes:
        ms: what our birth and our will say, UTC milliseconds.
        tell: called each time that a STATE makes a new connection necessary.
    """

    def __init__(self, wall_ms: Callable[[], int], monotonic: Callable[[], float]) -> None:
        """There is no connection yet."""
        self.ms = 0
        self.tell: Callable[[str], object] = lambda _text: None
        self._wall_ms = wall_ms
        self._monotonic = monotonic
        self._floor_ms = 0
        self._is_outdated = False
        self._n_renewed = 0
        self._renewed_at = -_QUIET_S

    def renew(self) -> int:
        """The time for a new connection: now, but later than every STATE that was believed."""
        self.ms = max(self._wall_ms(), self._floor_ms)
        self._is_outdated = False
        return self.ms

    def hear(self, at_ms: int) -> bool:
        """Another STATE says that we are offline since then; says whether its time is later than ours and may be."""
        if not self.ms < at_ms < self._wall_ms() + _DAY_MS:
            return False
        self._floor_ms = max(self._floor_ms, at_ms + 1)
        if not self._is_outdated:
            self._is_outdated = True
            self.tell("STATE says with a later time than ours that we are offline: forged, or a clock was ahead")
        return True

    def must_reconnect(self) -> bool:
        """Whether a new connection is to be made now; asked in every turn."""
        if not self._is_outdated:
            return False
        now = self._monotonic()
        quiet_s = now - self._renewed_at
        if quiet_s >= _QUIET_S:
            self._n_renewed = 0
        elif quiet_s < _WAITS_S[min(self._n_renewed, len(_WAITS_S) - 1)]:
            return False
        self._n_renewed += 1
        self._renewed_at = now
        self._is_outdated = False
        return True
