"""Commits loads in order: writes the block, applies its changes to the fault book, and returns it for acknowledgement.

One load is written while the next is prepared. A load is written when everything before it is stored and booked, since
its received ranges include the earlier loads.

After a crash before the write has returned, the agents send the records again. After a later one, the restart finds the
records in the store, judges those newer than detection's snapshot again and applies their changes to the fault book,
which identifies faults by place. Records that were booked but not acknowledged are sent again by the agents, dropped as
duplicates, and acknowledged.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import structlog

from ingest.errors import DamagedDatabaseError, RetryError, StoreRefusedError, StoreUnavailableError, describe
from ingest.metrics import Metrics
from ingest.model.block import Block
from ingest.model.block_division import halves
from ingest.model.finding import Change
from ingest.model.received_ranges import ReceivedRanges
from ingest.pipeline.ports import Book
from ingest.readiness import Readiness
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.telemetry.store import TelemetryStore
from languages.message import Message, Plain, why

_BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0)
_MOST: Final = 2
_WANTED_S: Final = 5.0  # to write a load: below the agents' time for sending again
_LEAST_BYTES: Final = 1 << 20
# Errors that a store raises for a record that it can never take; any other error is temporary.
_CANNOT_TAKE: Final = (StoreRefusedError, ValueError, TypeError, ArithmeticError, LookupError)
_MOST_SET_ASIDE: Final = 64  # of one load, if they are more than half of it: then it is the store and not the records
_MOST_NAMED: Final = 1000
_UNBOUND: Final = 1 << 40


@dataclass(slots=True)
class Load:
    """The results of one tick: to be stored, booked and acknowledged.

    Attributes:
        progress: the received ranges of each epoch in the load, up to where they are durable with it, and their
            ``n_rewound`` then.
        n_bytes: of the messages that it was made of.
        write_s: how long the store took for it, once it is stored.
        parts: of the block, those that are not stored yet; None = it was not begun.
    """

    block: Block | None
    lines: list[str]
    changes: list[Change]
    progress: dict[tuple[str, int], tuple[ReceivedRanges, int, int]] = field(default_factory=dict)
    now_us: int = 0
    n_bytes: int = 0
    write_s: float = 0.0
    parts: list[Block] | None = None


class CommitQueue:
    """A queue of at most two loads; the first one is written on a separate thread.

    Attributes:
        most_bytes: largest size of the messages for the next load that the store can write in some seconds.
    """

    def __init__(
        self,
        store: TelemetryStore,
        dead_letters: DeadLetters,
        book: Book,
        *,
        metrics: Metrics,
        readiness: Readiness,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with an empty queue."""
        self._store = store
        self._dead_letters = dead_letters
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
        self._named: set[str] = set()
        self._log = structlog.get_logger("ingest")

    @property
    def is_empty(self) -> bool:
        """Whether every load is stored and booked."""
        return not self._loads

    @property
    def may_start(self) -> bool:
        """Whether another load may start."""
        return not self._loads if self._is_held else len(self._loads) < _MOST

    def hold(self, *, is_held: bool) -> None:
        """While held, no load may start before the queue is empty."""
        self._is_held = is_held

    @property
    def is_stalled(self) -> bool:
        """Whether the store or the fault book has refused the current load at least once."""
        return self._n_failures > 0

    def start(self, load: Load) -> None:
        """Append a load and start writing it if the queue was empty."""
        assert len(self._loads) < _MOST
        self._loads.append(load)
        if self._future is None and len(self._loads) == 1:
            self._launch()

    def _launch(self) -> None:
        self._started_at = self._monotonic()
        self._future = self._thread.submit(self._write, self._loads[0])

    def _write(self, load: Load) -> None:
        self._dead_letters.write(load.lines)
        load.lines = []
        if load.block is not None:
            began = self._monotonic()
            self._write_parts(load, load.block)
            load.write_s = self._monotonic() - began

    def _write_parts(self, load: Load, block: Block) -> None:
        """Write a block; if the store refuses some records permanently, in parts and without these.

        Raises:
            RetryError: the store is full or down, or refuses most of the block: no record is skipped then.
        """
        if load.parts is None:
            load.parts = [block]
        refused: list[tuple[Block, Exception]] = []
        while load.parts:
            part = load.parts[0]
            try:
                self._store.write(part)
            except RetryError:
                load.parts[:0] = [part for part, _ in refused]
                raise
            except _CANNOT_TAKE as error:
                if part.batch.n_records + len(part.received) > 1:
                    load.parts[:1] = halves(part)
                    continue
                refused.append((part, error))
                if len(refused) > max(_MOST_SET_ASIDE, block.batch.n_records // 2):
                    load.parts[:1] = [part for part, _ in refused]
                    raise StoreUnavailableError(f"it takes hardly any record: {describe(error)}") from error
            except Exception as error:
                load.parts[:0] = [part for part, _ in refused]
                raise StoreUnavailableError(describe(error)) from error
            del load.parts[0]
        for part, refusal in refused:
            self._set_aside(part, refusal, load.now_us)

    def _set_aside(self, part: Block, error: Exception, now_us: int) -> None:
        """Keep as a dead letter, count and log the one record or range that the store cannot take."""
        batch = part.batch
        if not batch.n_records and not part.received:
            return
        if batch.n_records:
            node = part.directory.controllers[int(batch.controller[0])]
            number = f"record {int(batch.sequence[0])} of epoch {int(batch.epoch[0])}"
        else:
            node, number = part.received[0].controller_id, f"received ranges of epoch {part.received[0].epoch}"
        text = f"{node}: {number} cannot be stored: {describe(error)}"
        self._metrics.complaints.labels("unstorable").inc()
        if node not in self._named and len(self._named) < _MOST_NAMED:
            self._named.add(node)
            self._log.error(text, source=node, note="logged once per source")
        self._dead_letters.write([self._dead_letters.line(f"NDATA/{node}", "unstorable", text, b"", now_us)])

    def finish(self, wait_s: float = 0.0) -> Load | None:
        """Return the load that was stored and booked and may be acknowledged, or None.

        Raises:
            DamagedDatabaseError: the fault book's database is damaged.
        """
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
            self._stall("telemetry", why(error))
            return None
        except Exception as error:  # noqa: BLE001  # nothing is acknowledged; readiness reports it
            self._future = None
            self._stall("telemetry", Plain(describe(error)))
            return None
        else:
            self._readiness.set("telemetry", None)
            if load.block is not None:
                self._metrics.flush_s.observe(self._monotonic() - self._started_at)
                self._fit(load)
        try:
            if self._monotonic() < self._retry_at:
                return None
            self._book.apply(load.changes, load.now_us)
        except DamagedDatabaseError:
            raise
        except RetryError as error:
            self._stall("faults", why(error))
            return None
        except Exception as error:  # noqa: BLE001  # as above
            self._stall("faults", Plain(describe(error)))
            return None
        self._readiness.set("faults", None)
        if self._n_failures:
            self._log.info("storing resumed")
        self._n_failures = 0
        self._retry_at = 0.0
        self._loads.popleft()
        self._future = None
        if self._loads:
            self._launch()
        return load

    def _fit(self, load: Load) -> None:
        """Adapt the size limit to the write time of a load; small fast loads are ignored."""
        if load.write_s > _WANTED_S or 2 * load.n_bytes >= self.most_bytes:
            self.most_bytes = max(_LEAST_BYTES, int(load.n_bytes * _WANTED_S / max(load.write_s, 1e-3)))

    def _stall(self, part: str, reason: Message | Plain) -> None:
        self._metrics.store_errors.inc()
        if self._n_failures == 0:
            self._log.error("nothing is acknowledged until this error is resolved", part=part, reason=str(reason))
        self._readiness.set(part, reason if isinstance(reason, Message) else Message("readiness.error", reason=reason))
        self._retry_at = self._monotonic() + _BACKOFF_S[min(self._n_failures, len(_BACKOFF_S) - 1)]
        self._n_failures += 1

    def after_write(self, action: Callable[[], object]) -> None:
        """Do something with the store on its thread: after what is being written, before what comes later."""
        self._thread.submit(self._attempt, action)

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except RetryError as error:  # nothing is lost by it, and it comes again
            self._log.warning("the store's bookkeeping failed; it will be retried", reason=str(error))
        except Exception as error:  # noqa: BLE001  # as above
            self._log.error("the store's bookkeeping failed", reason=describe(error), exc_info=error)

    def close(self) -> None:
        """Wait for the current write."""
        self._thread.shutdown(wait=True)
