"""Checks a held lock every second on a separate thread, independent of long passes of intake.

Owns when a lock counts as lost: at the first error, and when no answer has come for a while, as after the whole process
hung. Independent of what is done under the lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from ingest.workers.group_lock import GroupLock, LockLostError, Standing

SILENT_S: Final = 8.0  # the server lets a silent holder's session go after 10 s


class LockWatch:
    """The thread; nobody else may use the lock before ``stop`` has returned."""

    def __init__(self, lock: GroupLock, every_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """The lock has just been claimed."""
        self._lock = lock
        self._every_s = every_s
        self._monotonic = monotonic
        self._is_stopped = Event()
        self._answer: Standing | LockLostError = Standing(1, is_taken=True)
        self._answered_at = monotonic()
        self._thread = Thread(target=self._run, name="lock", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; the lock may be used by others again."""
        self._is_stopped.set()
        self._thread.join()

    def standing(self) -> Standing:
        """How things stood a moment ago.

        Raises:
            LockLostError: the lock is lost, or has to be treated as lost.
        """
        answer, silent_s = self._answer, self._monotonic() - self._answered_at
        if isinstance(answer, LockLostError):
            raise answer
        if silent_s > SILENT_S:
            raise LockLostError(f"no answer of the server for {silent_s:.0f} s")
        return answer

    def _run(self) -> None:
        while not self._is_stopped.wait(self._every_s):
            try:
                self._answer = self._lock.look()
            except LockLostError as error:
                self._answer = error  # a new session would not hold what the old one held
                return
            self._answered_at = self._monotonic()
