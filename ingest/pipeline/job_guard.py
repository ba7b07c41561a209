"""Runs periodic jobs between two ticks; the failure of one does not affect the others.

Owns what happens to a job that raises: it is counted, named in the log once per job and kind of error, shown as a
warning, and tried again later and later. Independent of what the jobs do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from ingest.database import is_damage
from ingest.errors import DamagedDatabaseError, describe
from ingest.metrics import Metrics
from ingest.model.block import Block
from ingest.readiness import Readiness
from languages.message import Message, Plain

_BACKOFF_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class Job(Protocol):
    """Periodic work that runs between two ticks."""

    def run(self, now_us: int) -> None:
        """Run the job if it is due; must be short."""


@dataclass(slots=True)
class _Failures:
    count: int = 0
    retry_at: float = 0.0
    logged: str = ""


class JobGuard:
    """Runs the jobs and listeners of one intake and handles their errors."""

    def __init__(self, metrics: Metrics, readiness: Readiness, monotonic: Callable[[], float]) -> None:
        """Start without failures."""
        self._metrics = metrics
        self._readiness = readiness
        self._monotonic = monotonic
        self._failures: dict[str, _Failures] = {}
        self._log = structlog.get_logger("ingest")

    def run(self, jobs: Sequence[Job], now_us: int) -> None:
        """Run all jobs once; a failed one is skipped until its next attempt is due."""
        for job in jobs:
            name = type(job).__name__
            failures = self._failures.get(name)
            if failures is None or self._monotonic() >= failures.retry_at:
                self.call(name, lambda job=job: job.run(now_us))  # type: ignore[misc]  # bound at once

    def hear(self, listeners: Sequence[Callable[[Block], None]], block: Block) -> None:
        """Pass a stored block to the listeners."""
        for listener in listeners:
            self.call(f"{type(getattr(listener, '__self__', listener)).__name__}.hear", lambda f=listener: f(block))  # type: ignore[misc]

    def call(self, name: str, action: Callable[[], object]) -> bool:
        """Call a function under a job's name; returns whether it succeeded.

        Raises:
            DamagedDatabaseError: the database is damaged, which every job will meet.
        """
        try:
            action()
        except Exception as error:  # whatever breaks one job must not take the loop with it
            if isinstance(error, DamagedDatabaseError):
                raise
            if is_damage(error):
                raise DamagedDatabaseError(describe(error)) from error
            self._failed(name, error)
            return False
        if self._failures and self._failures.pop(name, None) is not None:
            self._readiness.warn(f"job {name}", None)
            self._log.info("job succeeded again", job=name)
        return True

    def _failed(self, name: str, error: Exception) -> None:
        failures = self._failures.setdefault(name, _Failures())
        failures.retry_at = self._monotonic() + _BACKOFF_S[min(failures.count, len(_BACKOFF_S) - 1)]
        failures.count += 1
        self._metrics.job_errors.labels(name).inc()
        text = describe(error)
        self._readiness.warn(f"job {name}", Message("readiness.failing", reason=Plain(text)))
        if failures.logged != type(error).__name__:
            failures.logged = type(error).__name__
            self._log.error("job failed; it will be retried", job=name, reason=text, exc_info=error)
