"""How often reports may come from one address or about one lamp."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

_MOST_KEYS: Final = 20_000


class RateLimit:
    """At most ``most`` events of a key within ``within_s``; safe to call from threads."""

    def __init__(self, most: int, within_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Nothing has happened yet."""
        self._most = most
        self._within_s = within_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def left_s(self, key: str) -> int:
        """Seconds until the next event of the key may come, 0 = now; counts nothing."""
        now = self._monotonic()
        with self._lock:
            times = self._times.get(key)
            if times is None or sum(at > now - self._within_s for at in times) < self._most:
                return 0
            return max(1, round(times[0] + self._within_s - now))

    def wait_s(self, key: str) -> int:
        """0, and the event counts; or the seconds until the next one of the key may come."""
        now = self._monotonic()
        with self._lock:
            times = self._times.setdefault(key, deque())
            self._times.move_to_end(key)
            while times and times[0] <= now - self._within_s:
                times.popleft()
            while len(self._times) > _MOST_KEYS:
                self._times.popitem(last=False)
            if len(times) >= self._most:
                return max(1, round(times[0] + self._within_s - now))
            times.append(now)
            return 0
