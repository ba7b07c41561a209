"""Blocks on their way: written, then their faults told, then their records acknowledged; in this order, whatever fails.

One is being written while the next is made ready, so that neither waits for the other; it is written when everything
before it is stored and told, since its marks speak for that too.

What a crash between two steps does: before the write has returned, nothing was promised and the agents send it again;
after it, a restart finds the records in the store, judges those that are newer than detection's snapshot once more and
tells the fault book again, which knows each fault by its place; after that, the agents send what was not acknowledged,
and it is dropped as stored already and acknowledged anew.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import structlog

from ingest.errors import RetryError, StoreRefusedError
from ingest.metrics import Metrics, Readiness
from ingest.model.block import Block
from ingest.model.finding import Change
from ingest.model.received_ranges import Mark
from ingest.pipeline.ports import Book
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.telemetry.store import TelemetryStore

_BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0)
_MOST: Final = 2
_WANTED_S: Final = 5.0  # for a load: a slow store acknowledges every few seconds, and agents need not send again
_LEAST_BYTES: Final = 1 << 20
_UNBOUND: Final = 1 << 40


@dataclass(slots=True)
class Load:
    """What one tick wants stored, told and acknowledged.

    Attributes:
        floors: each mark that was met, and how far it will be durable with this load.
        n_bytes: of the messages that it was made of.
        write_s: how long the store took for it, once it is stored.
    """

    block: Block | None
    lines: list[str]
    changes: list[Change]
    floors: dict[tuple[str, int], tuple[Mark, int]] = field(default_factory=dict)
    now_us: int = 0
    n_bytes: int = 0
    write_s: float = 0.0


class CommitQueue:
    """At most one load in the air and one behind it; the writes happen on a thread of their own.

    Attributes:
        most_bytes: what the next load should be made of at most, so that the store is done with it in some seconds.
    """

    def __init__(
        self,
        store: TelemetryStore,
        quarantine: DeadLetters,
        book: Book,
        *,
        metrics: Metrics,
        readiness: Readiness,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is in the air yet."""
        self._store = store
        self._quarantine = quarantine
        self._book = book
        self._metrics = metrics
        self._readiness = readiness
        self._monotonic = monotonic
        self._thread = ThreadPoolExecutor(1, "store")
        self._loads: deque[Load] = deque()
        self._future: Future[None] | None = None
        self._is_held = False
        self.most_bytes = _UNBOUND
        self._started_at = 0.0
        self._retry_at = 0.0
        self._n_failures = 0
        self._log = structlog.get_logger("ingest")

    @property
    def is_empty(self) -> bool:
        """Whether all that was judged is stored and told."""
        return not self._loads

    @property
    def may_start(self) -> bool:
        """Whether another load may start."""
        return not self._loads if self._is_held else len(self._loads) < _MOST

    def hold(self, *, is_held: bool) -> None:
        """Let nothing start before all has landed, or no longer."""
        self._is_held = is_held

    @property
    def is_stalled(self) -> bool:
        """Whether the store or the fault book has refused the present load at least once."""
        return self._n_failures > 0

    def start(self, load: Load) -> None:
        """Send a load off."""
        assert len(self._loads) < _MOST
        self._loads.append(load)
        if self._future is None and len(self._loads) == 1:
            self._launch()

    def _launch(self) -> None:
        self._started_at = self._monotonic()
        self._future = self._thread.submit(self._write, self._loads[0])

    def _write(self, load: Load) -> None:
        self._quarantine.write(load.lines)
        load.lines = []
        if load.block is not None:
            began = self._monotonic()
            self._store.write(load.block)
            load.write_s = self._monotonic() - began

    def finish(self, wait_s: float = 0.0) -> Load | None:
        """The load that is stored and told, ready to be acknowledged; None while there is none."""
        if not self._loads:
            return None
        load = self._loads[0]
        if self._future is None:
            if self._monotonic() < self._retry_at:
                return None
            self._future = self._thread.submit(self._write, load)
        try:
            self._future.result(wait_s)
        except TimeoutError:
            return None
        except RetryError as error:
            self._future = None
            self._stall("telemetry", str(error))
            return None
        except StoreRefusedError as error:
            self._metrics.store_errors.inc()
            self._log.error("the store refuses a block for good", reason=str(error))
            load.block = None
        else:
            self._readiness.set("telemetry", None)
            if load.block is not None:
                self._metrics.flush_s.observe(self._monotonic() - self._started_at)
                self._fit(load)
        try:
            if self._monotonic() < self._retry_at:
                return None
            self._book.apply(load.changes, load.now_us)
        except RetryError as error:
            self._stall("faults", str(error))
            return None
        self._readiness.set("faults", None)
        if self._n_failures:
            self._log.info("stores again")
        self._n_failures = 0
        self._retry_at = 0.0
        self._loads.popleft()
        self._future = None
        if self._loads:
            self._launch()
        return load

    def _fit(self, load: Load) -> None:
        """Learn from a load that took long, or was as large as it might be; small quick ones tell nothing."""
        if load.write_s > _WANTED_S or 2 * load.n_bytes >= self.most_bytes:
            self.most_bytes = max(_LEAST_BYTES, int(load.n_bytes * _WANTED_S / max(load.write_s, 1e-3)))

    def _stall(self, part: str, reason: str) -> None:
        self._metrics.store_errors.inc()
        if self._n_failures == 0:
            self._log.error("nothing is acknowledged until this is mended", part=part, reason=reason)
        self._readiness.set(part, reason)
        self._retry_at = self._monotonic() + _BACKOFF_S[min(self._n_failures, len(_BACKOFF_S) - 1)]
        self._n_failures += 1

    def close(self) -> None:
        """Wait for the write that is in the air."""
        self._thread.shutdown(wait=True)
