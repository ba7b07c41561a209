"""SIGTERM and SIGINT: an orderly stop, with a time limit after which the process exits.

Nothing that was acknowledged is lost by a sudden end: it is what a power cut does.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Final

import structlog

PATIENCE_S: Final = 20.0


class StopSignal:
    """Whether the process has received a signal to end."""

    def __init__(self, patience_s: float = PATIENCE_S, end: Callable[[int], object] = os._exit) -> None:
        """``end`` is called with the exit code if the work has not ended ``patience_s`` after the signal."""
        self.event = threading.Event()
        self._patience_s = patience_s
        self._end = end

    def install(self) -> StopSignal:
        """Handle SIGTERM and SIGINT from now on; from the main thread only."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.set())
        return self

    def set(self) -> None:
        """Tell the work to end."""
        if not self.event.is_set():
            self.event.set()
            # a thread, since whatever keeps the work from ending may keep the main thread too
            threading.Thread(target=self._wait, name="stop", daemon=True).start()

    def is_set(self) -> bool:
        """Whether it is time to end."""
        return self.event.is_set()

    def _wait(self) -> None:
        threading.Event().wait(self._patience_s)
        structlog.get_logger("ingest").error("did not stop in time; exiting now", after_s=self._patience_s)
        self._end(1)
