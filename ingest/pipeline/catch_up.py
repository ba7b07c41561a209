"""Judges the records stored after the snapshot while intake already serves.

A store that is busy, or a snapshot that is old, makes reading those records back slow. They are read on a thread of
their own and judged on the loop's, in the order of writing; meanwhile new records are received, stored and
acknowledged, and wait here until everything older is judged, since detection counts samples in their order. Both have a
limit: after it the rest of the old records is left out, which is reported, and the new ones are judged.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Final

import structlog

from ingest.decode.columns import Tick
from ingest.errors import RetryError, describe
from ingest.model.batch import Batch
from ingest.model.finding import Change, Cleared, Key
from ingest.pipeline.clock import Clock
from ingest.pipeline.ports import Judge, timed_by_us
from ingest.sparkplug.intake_result import IntakeResult
from languages.message import Message

LONGEST_S: Final = 60.0  # new records wait at most so long for old ones
_MOST_BYTES: Final = 128 << 20  # of messages whose records wait
_STEP_S: Final = 0.2  # of judging between two rounds of the loop
_BATCHES_AHEAD: Final = 8
_POLL_S: Final = 0.2
_RETRY_S: Final = (0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A tick that is stored and not judged yet.

    Attributes:
        behind: controllers of which more had been received than was decoded, see ``Clock.wait_for``.
        n_bytes: of the messages that it was made of.
    """

    intake: IntakeResult
    tick: Tick
    behind: Collection[int]
    n_bytes: int


class CatchUp:
    """The old records of one start; used by the loop's thread but for the reading."""

    def __init__(
        self,
        read: Callable[[], Iterator[Batch]],
        detection: Judge,
        clock: Clock,
        *,
        changes: list[Change],
        now_us: int,
        start_anew: Callable[[Exception], object],
        warn: Callable[[Message | None], object],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to read.

        Args:
            read: yields the old records; may be called again after an error, and yields the same ones then.
            detection: as the snapshot left it.
            clock: receives the times of the records.
            changes: what restoring the snapshot changed.
            now_us: of the snapshot.
            start_anew: called when a record cannot be judged with the snapshot's memory.
            warn: called with a warning, and with None when it no longer applies.
            monotonic: seconds.
        """
        self._read = read
        self._detection = detection
        self._clock = clock
        self._start_anew = start_anew
        self._warn = warn
        self._monotonic = monotonic
        self._changes = changes
        self._batches: Queue[Batch | None] = Queue(_BATCHES_AHEAD)
        self._is_stopped = Event()
        self._waiting: deque[Waiting] = deque()
        self._n_bytes = 0
        self._serving_since: float | None = None
        self._log = structlog.get_logger("ingest")
        self._thread = Thread(target=self._run, name="recovery", daemon=True)
        self._cleared: set[Key] = set()
        self._note(changes)
        self.now_us = now_us
        self.n_records = 0
        self.is_done = False
        self._thread.start()

    # --- the reading thread

    def _run(self) -> None:
        n_given, n_failures = 0, 0
        while not self._is_stopped.is_set():
            try:
                for number, batch in enumerate(self._read()):
                    if number >= n_given and not self._give(batch):
                        return
                    n_given = max(n_given, number + 1)
                self._give(None)
            except RetryError as error:
                if not n_failures:
                    self._log.warning("stored records cannot be read for now", reason=str(error))
                self._is_stopped.wait(_RETRY_S[min(n_failures, len(_RETRY_S) - 1)])
                n_failures += 1
            except Exception as error:  # noqa: BLE001  # what anything makes of the store's answers must not end the start
                self._log.error("stored records cannot be read", reason=describe(error), exc_info=error)
                self._give(None)
                return
            else:
                return

    def _give(self, batch: Batch | None) -> bool:
        while not self._is_stopped.is_set():
            try:
                self._batches.put(batch, timeout=_POLL_S)
            except Full:
                continue
            return True
        return False

    # --- the loop's thread

    def wait(self, timeout_s: float) -> list[Change]:
        """Judge for so long at most, before intake serves; returns the changes."""
        changes, self._changes = self._changes, []
        end = self._monotonic() + timeout_s
        while not self.is_done and (left_s := end - self._monotonic()) > 0:
            changes += self._judge_one(min(left_s, _POLL_S))
        return changes

    def step(self) -> list[Change]:
        """Judge what has been read, for a moment; gives the rest up when the limits are reached."""
        if self._serving_since is None:
            self._serving_since = self._monotonic()
            self._warn(Message("readiness.catching_up"))
        changes, self._changes = self._changes, []
        end = self._monotonic() + _STEP_S
        while not self.is_done and self._monotonic() < end and not self._batches.empty():
            changes += self._judge_one(0.0)
        if not self.is_done and (self._n_bytes > _MOST_BYTES or self._monotonic() - self._serving_since > LONGEST_S):
            self._give_up()
        return changes

    def _judge_one(self, wait_s: float) -> list[Change]:
        try:
            batch = self._batches.get(timeout=wait_s) if wait_s else self._batches.get_nowait()
        except Empty:
            return []
        if batch is None:
            self._end(None)
            return []
        try:
            self.now_us = max(self.now_us, self._clock.recall(batch))
            changes = list(self._detection.judge(timed_by_us(batch, self._clock.latest_us(), {}), self.now_us))
        except Exception as error:  # noqa: BLE001  # a memory that fits no record
            self._is_stopped.set()
            self.is_done = True
            self._start_anew(error)
            return []
        self.n_records += batch.n_records
        self._note(changes)
        return changes

    def _note(self, changes: list[Change]) -> None:
        for change in changes:
            if isinstance(change, Cleared):
                self._cleared.add(change.key)
            else:
                self._cleared.discard(change.key)

    def is_cleared(self, key: Key) -> bool:
        """Whether the old records ended a fault that the fault book, which is updated later, may still hold open."""
        return key in self._cleared

    def _give_up(self) -> None:
        self._is_stopped.set()
        warning = Message("readiness.gave_up", n=self.n_records)
        self._log.warning(str(warning))
        self._end(warning)

    def _end(self, warning: Message | None) -> None:
        self.is_done = True
        self._warn(warning)
        if self.n_records:
            self._log.info("judged records after the last snapshot again", n_records=self.n_records)

    def hold(self, waiting: Waiting) -> None:
        """Keep a tick that is newer than what is still to be judged."""
        self._waiting.append(waiting)
        self._n_bytes += waiting.n_bytes

    def release(self) -> Waiting | None:
        """The oldest tick that was kept, once everything before it is judged; None = there is none."""
        if not self.is_done or not self._waiting:
            return None
        self._n_bytes -= self._waiting[0].n_bytes
        return self._waiting.popleft()

    def stop(self) -> None:
        """Read no more; an answer that the store still owes is not waited for."""
        self._is_stopped.set()
