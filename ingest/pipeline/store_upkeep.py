"""Runs the telemetry store's upkeep on a separate thread, one step at a time, and gives back memory now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

import structlog

from ingest.errors import RetryError
from ingest.metrics import Metrics
from ingest.periodic import Every
from ingest.process_memory import give_back_memory
from ingest.readiness import Readiness
from ingest.telemetry.store import TelemetryStore
from languages.message import Message, Plain, why

_IDLE_S: Final = 20.0
_BUSY_S: Final = 1.0
_FAILED_S: Final = 300.0
_GIVE_BACK_S: Final = 600.0


class Upkeep:
    """The thread; a failure is logged, counted, shown as a warning and tried again later, and never touches intake."""

    def __init__(
        self, store: TelemetryStore, now_us: Callable[[], int | None], metrics: Metrics, readiness: Readiness
    ) -> None:
        """Nothing runs yet."""
        self._store = store
        self._now_us = now_us
        self._metrics = metrics
        self._readiness = readiness
        self._giving_back = Every(_GIVE_BACK_S, time.monotonic, first_s=_GIVE_BACK_S)
        self._is_stopped = Event()
        self._thread = Thread(target=self._run, name="upkeep", daemon=True)
        self._log = structlog.get_logger("telemetry")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the piece at hand."""
        self._is_stopped.set()
        if self._thread.ident is not None:  # what failed to open is closed too
            self._thread.join(60.0)

    def piece(self) -> float:
        """Run one step if there is one, and report its result; returns the seconds to wait before the next."""
        now_us = self._now_us()
        if not now_us:
            return _IDLE_S
        try:
            is_more = self._store.upkeep(now_us)
        except (RetryError, OSError, ValueError, ArithmeticError) as error:
            self._log.error("upkeep failed; it will be retried", reason=str(error))  # one line
            return self._failed(why(error))
        except Exception as error:  # noqa: BLE001  # a thread that died of it would look like one with nothing to do
            self._log.exception("upkeep failed unexpectedly; it will be retried")
            return self._failed(Plain(f"{type(error).__name__}: {error}"))
        self._metrics.upkeep_at.set(time.time())
        self._readiness.warn("upkeep", None)
        return _BUSY_S if is_more else _IDLE_S

    def _failed(self, reason: Message | Plain) -> float:
        self._metrics.upkeep_errors.inc()
        self._readiness.warn("upkeep", Message("readiness.failing", reason=reason))
        return _FAILED_S

    def _run(self) -> None:
        wait_s = _IDLE_S
        while not self._is_stopped.wait(wait_s):
            wait_s = self.piece()
            if self._giving_back.take():
                give_back_memory()
