"""Runs the telemetry store's upkeep on a thread of its own, a piece at a time and mostly asleep."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Final

import structlog

from ingest.errors import RetryError
from ingest.telemetry.store import TelemetryStore

_IDLE_S: Final = 20.0
_BUSY_S: Final = 1.0
_FAILED_S: Final = 300.0


class Upkeep:
    """The thread; a failure is logged and tried again later, and never touches intake."""

    def __init__(self, store: TelemetryStore, now_us: Callable[[], int | None]) -> None:
        """Nothing runs yet."""
        self._store = store
        self._now_us = now_us
        self._is_stopped = Event()
        self._thread = Thread(target=self._run, name="upkeep", daemon=True)
        self._log = structlog.get_logger("telemetry")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the piece at hand."""
        self._is_stopped.set()
        self._thread.join(60.0)

    def _run(self) -> None:
        wait_s = _IDLE_S
        while not self._is_stopped.wait(wait_s):
            now_us = self._now_us()
            try:
                wait_s = _BUSY_S if now_us and self._store.upkeep(now_us) else _IDLE_S
            except (RetryError, OSError, ValueError, ArithmeticError) as error:
                self._log.error("upkeep fails; it is tried again", reason=str(error))  # one line
                wait_s = _FAILED_S
