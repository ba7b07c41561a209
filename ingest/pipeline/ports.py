"""Protocols for detection and the fault book, and the evaluation of one tick.

Pure but for what stands behind the two protocols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

import numpy as np

from ingest.decode.columns import Tick
from ingest.model.batch import Batch, SessionEvent
from ingest.model.block import slice_batch
from ingest.model.finding import Change, Key
from ingest.pipeline.clock import Clock
from ingest.sparkplug.intake_result import IntakeResult

_TICK_US: Final = 10_000_000  # silence is looked for at least this often in data time


class Judge(Protocol):
    """Detection (``ingest.detection.Detection``)."""

    def judge(self, batch: Batch, now_us: int) -> Sequence[Change]:
        """One sample of each controller in the batch."""

    def session(self, event: SessionEvent, now_us: int) -> Sequence[Change]:
        """A session began or ended."""

    def listen(self, since_us: int | None) -> None:
        """Messages come from then on (None = from the first one on): silence before it is no evidence."""

    def tick(self, now_us: int) -> Sequence[Change]:
        """Check for controllers that stopped sending."""

    def live_picture(self) -> Mapping[str, Any]:
        """Columns of ``ingest.schema.live`` in register order."""

    def least_dark(self) -> Mapping[str, Mapping[str, int]]:
        """Cabinet id -> circuit ("" = all its lamps) -> the smallest number of dark lamps that its meter can show."""

    def mark_repaired(self, key: Key) -> None:
        """Check a claimed repair."""


class Book(Protocol):
    """The fault book; raises ``RetryError`` while its database is not to be had."""

    def apply(self, changes: Sequence[Change], now_us: int) -> object:
        """Apply the changes, all or none."""

    def poll_claims(self) -> Sequence[Key]:
        """The repairs claimed since the last call."""


def judge_tick(judge: Judge, clock: Clock, result: IntakeResult, tick: Tick) -> list[Change]:
    """Let detection see a tick's rounds in order, sessions that began and ended between them, then its history."""
    changes: list[Change] = []
    events = list(result.events)
    batch = tick.block.batch
    ticked_us = clock.now_us() or 0
    for number, (first, last) in enumerate(tick.rounds):
        events = _sessions(judge, clock, events, number, changes)
        if first == last:  # all of its records were set aside
            continue
        live = slice_batch(batch, first, last)
        clock.hear(live)
        now_us = _now(clock, int(live.at_us[0]))
        live = timed_by_us(live, clock.latest_us(), result.ahead_us)
        changes += judge.judge(live, now_us)
        if now_us - ticked_us >= _TICK_US:  # hours of data time may lie in one tick
            ticked_us = now_us
            changes += judge.tick(now_us)
    _sessions(judge, clock, events, len(tick.rounds), changes)
    first = tick.rounds[-1][1] if tick.rounds else 0
    if result.history:
        history = timed_by_us(slice_batch(batch, first, first + len(result.history)), clock.latest_us(), {})
        changes += judge.judge(history, _now(clock, int(history.at_us.max())))
    return changes


def timed_by_us(batch: Batch, latest_us: int | None, ahead_us: Mapping[int, int]) -> Batch:
    """A batch with the times at which its records are judged; it is stored with those that they carry.

    Args:
        batch: as it came.
        latest_us: nothing is judged at a later time; None = any time may be.
        ahead_us: controller -> how far its clock is ahead.
    """
    is_late = latest_us is not None and bool((batch.at_us > latest_us).any())
    if not is_late and not ahead_us:
        return batch
    at_us = batch.at_us.copy()
    for controller, ahead in ahead_us.items():
        at_us[batch.controller == controller] -= ahead
    return replace(batch, at_us=at_us if latest_us is None else np.minimum(at_us, latest_us))


def _sessions(
    judge: Judge, clock: Clock, events: list[tuple[int, SessionEvent]], number: int, changes: list[Change]
) -> list[tuple[int, SessionEvent]]:
    for at, event in events:
        if at <= number:
            clock.online(event.controller, is_online=event.is_birth)
            latest_us = clock.latest_us()
            if latest_us is not None and event.at_us > latest_us:
                event = replace(event, at_us=latest_us)  # noqa: PLW2901  # the same event, dated by us
            changes += judge.session(event, _now(clock, event.at_us))
    return [item for item in events if item[0] > number]


def _now(clock: Clock, otherwise_us: int) -> int:
    now_us = clock.now_us()
    return otherwise_us if now_us is None else now_us
