"""Runs what wants doing between two ticks so that one job's failure is that job's alone.

Owns what happens to a job that raises: it is counted, named in the log once per job and kind of error, shown as a
warning, and tried again later and later. Knows nothing of what the jobs do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from ingest.errors import describe
from ingest.metrics import Metrics, Readiness
from ingest.model.block import Block

_BACKOFF_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class Job(Protocol):
    """Something that wants doing every now and then, between two ticks."""

    def run(self, now_us: int) -> None:
        """Do it if it is due; must be short."""


@dataclass(slots=True)
class _Failures:
    count: int = 0
    retry_at: float = 0.0
    told: str = ""


class JobGuard:
    """The jobs and listeners of one intake."""

    def __init__(self, metrics: Metrics, readiness: Readiness, monotonic: Callable[[], float]) -> None:
        """Nothing has failed yet."""
        self._metrics = metrics
        self._readiness = readiness
        self._monotonic = monotonic
        self._failures: dict[str, _Failures] = {}
        self._log = structlog.get_logger("ingest")

    def run(self, jobs: Sequence[Job], now_us: int) -> None:
        """One round over all jobs; one that has failed is passed over until its time has come."""
        for job in jobs:
            name = type(job).__name__
            failures = self._failures.get(name)
            if failures is None or self._monotonic() >= failures.retry_at:
                self.call(name, lambda job=job: job.run(now_us))  # type: ignore[misc]  # bound at once

    def hear(self, listeners: Sequence[Callable[[Block], None]], block: Block) -> None:
        """Tell listeners what was stored."""
        for listener in listeners:
            self.call(f"{type(getattr(listener, '__self__', listener)).__name__}.hear", lambda f=listener: f(block))  # type: ignore[misc]

    def call(self, name: str, action: Callable[[], object]) -> bool:
        """Do one thing under a name; says whether it went well."""
        try:
            action()
        except Exception as error:  # noqa: BLE001  # whatever breaks one job must not take the loop with it
            self._failed(name, error)
            return False
        if self._failures and self._failures.pop(name, None) is not None:
            self._readiness.warn(f"job {name}", None)
            self._log.info("a job works again", job=name)
        return True

    def _failed(self, name: str, error: Exception) -> None:
        failures = self._failures.setdefault(name, _Failures())
        failures.retry_at = self._monotonic() + _BACKOFF_S[min(failures.count, len(_BACKOFF_S) - 1)]
        failures.count += 1
        self._metrics.job_errors.labels(name).inc()
        text = describe(error)
        self._readiness.warn(f"job {name}", f"it fails and is tried again: {text}")
        if failures.told != type(error).__name__:
            failures.told = type(error).__name__
            self._log.error("a job fails; it is tried again", job=name, reason=text, exc_info=error)
