"""Tells systemd that the agent is up, alive, or going down: the sd_notify protocol in a few lines.

Without systemd (`NOTIFY_SOCKET` unset) nothing happens. Source: sd_notify(3), sd_watchdog_enabled(3).
"""

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress

# Told this often within the watchdog's time: once late is no reason to be killed.
SHARE = 1 / 3
_MOST_DIGITS = 18


class Watchdog:
    """The agent's side of ``Type=notify`` and ``WatchdogSec=``."""

    def __init__(self, environment: Mapping[str, str], pid: int, monotonic: Callable[[], float]) -> None:
        """Find out whether anybody listens.

        Args:
            environment: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
            pid: this process.
            monotonic: a clock that never jumps [s].
        """
        self._path = environment.get("NOTIFY_SOCKET", "")
        self._monotonic = monotonic
        self._next = float("-inf")
        limit_us = environment.get("WATCHDOG_USEC", "")
        is_for_us = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        is_number = limit_us.isascii() and limit_us.isdigit() and len(limit_us) <= _MOST_DIGITS
        is_limited = is_number and int(limit_us) > 0 and is_for_us
        self.interval_s = int(limit_us) / 1e6 * SHARE if is_limited else None

    def ready(self, status: str) -> None:
        """Say that start-up is finished."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self, status: str | None = None) -> None:
        """Say that the main loop turns; call it as often as you like, it is passed on when due."""
        now = self._monotonic()
        if self.interval_s is not None and now >= self._next:
            self._next = now + self.interval_s
            self._send("WATCHDOG=1" if status is None else f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self) -> None:
        """Say that the agent is going down on purpose."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._path:
            return
        address = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        with (
            suppress(OSError, ValueError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link,
        ):
            link.sendto(message.encode(), address)
