"""Counts of requests per caller and time window, in memory, for the ``limits`` library.

Its own memory storage starts a thread every 10 ms while requests come, which goes through every caller's entry: with
the 12,000 callers of a busy minute, that takes much of the interpreter's time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from limits.storage import Storage

_MOST_CALLERS: Final = 100_000
_SWEEP_S: Final = 10.0


class WindowCounts(Storage):
    """A storage of fixed windows: each begins with its caller's first request. Safe to call from threads.

    When ``most`` callers are counted, the one whose window began first is forgotten.
    """

    STORAGE_SCHEME = None

    def __init__(self, most: int = _MOST_CALLERS, clock: Callable[[], float] = time.time) -> None:
        """Nothing is counted yet; ``clock``: seconds, as the library reads the ends of windows."""
        super().__init__()
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, float]] = {}  # (requests, end of the window), in order of their begin
        self._swept_s = clock()

    @property
    def base_exceptions(self) -> type[Exception]:
        """Errors of the store itself; memory has none."""
        return ValueError

    def __len__(self) -> int:
        """Callers that are counted."""
        return len(self._windows)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count ``amount`` requests of ``key``, whose window lasts ``expiry`` s. Returns how many the window has."""
        now_s = self._clock()
        with self._lock:
            n, ends_s = self._windows.get(key, (0, 0.0))
            if ends_s <= now_s:
                self._windows.pop(key, None)  # to the end of the order
                n, ends_s = 0, now_s + expiry
            self._windows[key] = (n + amount, ends_s)
            if now_s - self._swept_s >= _SWEEP_S or now_s < self._swept_s:
                self._swept_s = now_s
                self._windows = {one: window for one, window in self._windows.items() if window[1] > now_s}
            while len(self._windows) > self._most:
                del self._windows[next(iter(self._windows))]
            return n + amount

    def get(self, key: str) -> int:
        """Requests in the window of ``key``."""
        n, ends_s = self._windows.get(key, (0, 0.0))
        return n if ends_s > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        """When the window of ``key`` ends; now, where it has none."""
        window = self._windows.get(key)
        return self._clock() if window is None else window[1]

    def check(self) -> bool:
        """Whether the store answers."""
        return True

    def reset(self) -> int:
        """Forget everybody. Returns how many were counted."""
        with self._lock:
            n = len(self._windows)
            self._windows = {}
            return n

    def clear(self, key: str) -> None:
        """Forget ``key``."""
        with self._lock:
            self._windows.pop(key, None)
