"""Which records go again, and when: a window, a rate, and patience with a host that does not answer.

Owns the policy alone: it counts numbers and seconds, and knows neither MQTT nor SQLite. Records go oldest first, since
an acknowledgement covers everything up to its number. Without an answer the wait doubles and the window halves, as TCP
does it: a host that never acknowledges costs the city's data plan one record per longest wait, not the whole outbox.
"""

from __future__ import annotations

from collections import deque
from typing import Final

LONGEST_WAIT_S: Final = 600.0
LONGEST_WAIT_UNKNOWN_HOST_S: Final = 3600.0  # nobody has ever acknowledged anything: a foreign host


class Resend:
    """Go-back-N over the numbers of the outbox."""

    def __init__(self, *, resend_after_s: float, window: int, rate_per_s: float) -> None:
        """Start with nothing sent.

        Args:
            resend_after_s: a live record unacknowledged for so long goes again.
            window: history records sent and not yet acknowledged.
            rate_per_s: history records per second.
        """
        self._resend_after_s = resend_after_s
        self._full_window = window
        self._rate_per_s = rate_per_s
        self._burst = max(1.0, rate_per_s)
        self._live: deque[tuple[int, float]] = deque()
        self._budget = 1.0
        self._budget_at_s = 0.0
        self.connected(0, 0.0)

    def connected(self, last_sequence: int, now_s: float) -> None:
        """Begin a connection: all that is held up to now was recorded offline, or may be lost, and goes again."""
        self._overdue = last_sequence
        self._cursor = 0
        self._live.clear()
        self._budget_at_s = now_s
        self._head_sent_s: float | None = None
        self._head = 0
        self._calm_down()

    def _calm_down(self) -> None:
        self._wait_s = self._resend_after_s
        self._window = self._full_window
        self._is_anxious = False

    def sent_live(self, sequence: int, now_s: float) -> None:
        """Note a record that went as live data."""
        self._live.append((sequence, now_s))

    def host_spoke(self, first_held: int) -> None:
        """A host gave a sign of life: after silence, begin again with everything that it may have missed."""
        if self._is_anxious:
            self._calm_down()
            self._cursor = first_held
            self._head_sent_s = None

    def host_lost_track(self, first_held: int) -> None:
        """A host asks for a birth: what went as history before may have passed it by, and goes again."""
        self._calm_down()
        self._cursor = first_held
        self._head_sent_s = None

    def due(self, first_held: int, now_s: float) -> int:
        """How many records may go as history now, from `cursor` on."""
        while self._live and (self._live[0][0] < first_held or self._live[0][1] <= now_s - self._resend_after_s):
            self._overdue = max(self._overdue, self._live.popleft()[0])
        if first_held > self._head:  # the host got further
            self._head = first_held
            self._head_sent_s = now_s if self._cursor > first_held else None
            self._calm_down()
        self._cursor = max(self._cursor, first_held)
        if self._head_sent_s is not None and now_s - self._head_sent_s >= self._wait_s:
            self._cursor, self._head_sent_s = first_held, None
            self._is_anxious = True
            self._window = max(1, self._window // 2)
        self._budget = min(self._burst, self._budget + (now_s - self._budget_at_s) * self._rate_per_s)
        self._budget_at_s = now_s
        room = first_held + self._window - self._cursor
        return max(0, min(room, self._overdue - self._cursor + 1, int(self._budget)))

    @property
    def cursor(self) -> int:
        """Number of the next record to go as history."""
        return self._cursor

    def sent_history(self, sequence: int, first_held: int, now_s: float, *, is_known_host: bool) -> None:
        """Note a record that went as history."""
        self._cursor = sequence + 1
        self._budget -= 1.0
        if self._head_sent_s is None and sequence >= first_held:
            self._head_sent_s = now_s
            if self._is_anxious:
                limit = LONGEST_WAIT_S if is_known_host else LONGEST_WAIT_UNKNOWN_HOST_S
                self._wait_s = min(2 * self._wait_s, max(limit, self._resend_after_s))

    def next_s(self, now_s: float) -> float:
        """Seconds until something may be due: when to look again."""
        times = [1.0]
        if self._live:
            times.append(self._live[0][1] + self._resend_after_s - now_s)
        if self._budget < 1.0:
            times.append((1.0 - self._budget) / self._rate_per_s)
        return max(0.01, min(times))
