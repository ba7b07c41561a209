"""The loop of ingest: receive, decode, judge, store, book, acknowledge; and the jobs between two ticks.

Owns the order of things and no thing itself: the broker, the host, detection, the store and the fault book are handed
in. One thread; the store writes on another. A tick is what came since the last one was sent off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from edge_agent.wire import NCMD, NDATA, NodeTopic
from ingest.metrics import Metrics
from ingest.model.block import Block
from ingest.model.finding import Change
from ingest.model.received_ranges import ReceivedRanges
from ingest.mqtt.connection import Broker
from ingest.periodic import Every
from ingest.pipeline.catch_up import CatchUp, Waiting
from ingest.pipeline.clock import Clock
from ingest.pipeline.clock_steps import ClockSteps
from ingest.pipeline.commit_queue import CommitQueue, Load
from ingest.pipeline.isolation import IsolatedJudge, build_columns
from ingest.pipeline.job_guard import Job, JobGuard
from ingest.pipeline.ports import Judge, judge_tick
from ingest.readiness import Readiness
from ingest.sparkplug.acknowledgement import Acknowledgement
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.fair_queue import FairQueue
from ingest.sparkplug.host_application import HostApplication
from languages.message import Message

_LEAST_BITE: Final = 8 << 20  # bytes: a round of the loop costs as much as many messages, so it takes many
_STOP_S: Final = 5.0  # for the queued loads at a stop
_RELEASED_AT_ONCE: Final = 4  # ticks that waited for older records: more than come in a round, so that they get fewer
_TICK_S: Final = 1.0  # how often detection receives the time
_GREETING_S: Final = 2.0  # after a connection: whoever has not introduced himself by then is asked to


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, and how much at once.

    Attributes:
        flush_s: at least this long between two flushes while little is coming.
        flush_bytes: received bytes that make a flush at once; half of it does while nothing is being stored.
        max_waiting_bytes: received and undecoded; beyond it, what comes while the store stands is dropped.
    """

    flush_s: float = 1.0
    flush_bytes: int = 32 << 20
    max_waiting_bytes: int = 256 << 20


class Intake:
    """One group's intake."""

    def __init__(
        self,
        broker: Broker,
        host: HostApplication,
        *,
        judge: Judge,
        clock: Clock,
        commit_queue: CommitQueue,
        dead_letters: DeadLetters,
        metrics: Metrics,
        readiness: Readiness,
        monotonic: Callable[[], float],
        wall_ms: Callable[[], int],
        pace: Pace,
        jobs: Sequence[Job] = (),
        jobs_when_caught_up: Sequence[Job] = (),
        catch_up: CatchUp | None = None,
        caught_up: Callable[[], object] = lambda: None,
        listeners: Sequence[Callable[[Block], None]] = (),
    ) -> None:
        """Everything is open; nothing has been received yet.

        ``catch_up`` judges the records stored before this start (None = there are none); ``caught_up`` is called once
        when that is done, before anything newer is judged, and ``jobs_when_caught_up`` wait for it, since they need
        the whole memory.
        """
        self._broker = broker
        self._host = host
        self.judge = IsolatedJudge(judge, host, host.complaints)
        self.clock = clock
        self._commit_queue = commit_queue
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._readiness = readiness
        self._monotonic = monotonic
        self._wall_ms = wall_ms
        self._pace = pace
        self._jobs = jobs
        self._jobs_when_caught_up = jobs_when_caught_up
        self._catch_up = catch_up
        self._caught_up = caught_up
        if catch_up is None:
            caught_up()
        self._listeners = listeners
        self._guard = JobGuard(metrics, readiness, monotonic)
        self._command_topic = str(NodeTopic(host.group, NCMD, ""))
        self._acknowledgement = Acknowledgement()
        self._waiting = FairQueue(self._tell_flood)
        self._flushed_at = 0.0
        self._ticking = Every(_TICK_S, monotonic)
        self._clock_steps = ClockSteps(clock, monotonic)
        self._n_sessions = 0
        self._changes: list[Change] = []
        self._log = structlog.get_logger("ingest")
        readiness.set("broker", Message("readiness.connecting"))

    def tell(self, changes: Sequence[Change]) -> None:
        """Add changes for the fault book to the next load."""
        self._changes += changes

    @property
    def has_unreported_changes(self) -> bool:
        """Whether changes wait for the next load."""
        return bool(self._changes)

    def _tell_flood(self, node: str, n_dropped: int) -> None:
        text = f"{node}: sends more than can be processed; the rest stays in its outbox"
        self._host.complaints.add("flood", node, text, count=n_dropped)

    def run(self, is_stopped: Callable[[], bool]) -> None:
        """Run until stopped, then finish the queued loads."""
        self._readiness.set("start", None)
        while not is_stopped():
            self.turn()
        self._readiness.ended()
        end = self._monotonic() + _STOP_S
        while (load := self._commit_queue.finish(wait_s=max(0.0, end - self._monotonic()))) is not None:
            self._acknowledge_and_send(load)

    def turn(self) -> None:
        """Run one pass of the loop."""
        self._readiness.turned()
        self._receive()
        self._acknowledge_and_send(self._commit_queue.finish(wait_s=self._patience_s()))
        now_us = self.clock.now_us()
        if self._clock_steps.look():
            self.judge.listen(self.clock.listening_us())
        if self._catch_up is not None:
            self._catch_up_with_old(self._catch_up)
        if self._commit_queue.may_start:
            is_listening = self._broker.trouble is None and self._catch_up is None
            if now_us is not None and is_listening and self._ticking.take():
                self._changes += self.judge.tick(now_us)
            if self._is_due():
                self._send_off(now_us)
        known_us = self._catch_up.now_us if self._catch_up is not None else 0  # data time: until the first new record
        self._guard.run(self._jobs, now_us or known_us)
        if self._catch_up is None:
            self._guard.run(self._jobs_when_caught_up, now_us or 0)
        for topic, payload in self._host.commands.outgoing(self._host.sessions):
            self._broker.publish(topic, payload)
        self._broker.flush()

    def _patience_s(self) -> float:
        """How long to wait for the store: not at all, unless more is waiting than should."""
        return (
            0.5 if self._waiting.n_bytes > self._pace.max_waiting_bytes and not self._commit_queue.is_stalled else 0.0
        )

    def _is_due(self) -> bool:
        # an idle store is given half at once: agents whose windows are full send no more before it
        enough = self._pace.flush_bytes // 2 if self._commit_queue.is_empty else self._pace.flush_bytes
        if self._waiting.n_bytes >= enough:
            return True
        is_time = self._waiting.is_behind or self._monotonic() - self._flushed_at >= self._pace.flush_s
        return is_time and bool(self._waiting or self._changes)

    def _receive(self) -> None:
        if self._waiting.n_bytes > self._pace.max_waiting_bytes and not self._commit_queue.is_stalled:
            return  # the network waits for us, and the broker with it
        room = max(_LEAST_BITE, self._pace.flush_bytes - self._waiting.n_bytes)
        is_idle = self._commit_queue.is_empty and not self._waiting.is_behind
        wait_s = min(0.2, self._pace.flush_s) if is_idle else 0.02
        messages = self._broker.receive(wait_s, room)
        if self._broker.n_sessions != self._n_sessions:
            self._n_sessions = self._broker.n_sessions
            self._host.forget()
            controllers = self._host.directory.controllers
            registered = [controllers[i] for i in range(controllers.n_register)]
            self._host.commands.greet(registered, self._monotonic() + _GREETING_S)
            self.judge.listen(self.clock.listening_us())
        self._readiness.set("broker", self._broker.trouble)
        self._metrics.broker_up.set(self._broker.trouble is None)
        if self._waiting.n_bytes > self._pace.max_waiting_bytes:
            kept = [message for message in messages if f"/{NDATA}/" not in message[0]]
            self._metrics.refused.inc(len(messages) - len(kept))
            messages = kept
        self._waiting.add(messages)
        self._metrics.waiting_bytes.set(self._waiting.n_bytes)

    def _send_off(self, now_us: int | None) -> None:
        """Decode and judge the waiting messages, and append the result to the commit queue."""
        n_bytes = self._waiting.n_bytes
        messages = self._waiting.take(self._commit_queue.most_bytes)
        n_bytes -= self._waiting.n_bytes
        self._flushed_at = self._monotonic()
        is_data_time = self.clock.latest_us() is None
        if self._catch_up is not None and is_data_time:
            now_us = None  # data time is still that of the old records: no agent's clock is to be held against it
        intake = self._host.receive(messages, now_us, self.clock.lag_us(), is_data_time=is_data_time)
        del messages
        tick = build_columns(intake, self._host, self._host.complaints, self._dead_letters)
        self._metrics.bad_values.inc(tick.n_bad_values)
        changes, self._changes = self._changes, []
        numbers = self._host.directory.places.controller_index
        behind = {numbers[node] for node in self._waiting.nodes() if node in numbers}
        fresh = Waiting(intake, tick, behind, n_bytes)
        if self._catch_up is None:
            changes += self._judge(fresh)
        else:
            self._catch_up.hold(fresh)
        block = None
        if intake.n_records:
            block = replace(tick.block, received=tuple(ranges.state(*key) for key, ranges in intake.touched.items()))
        progress = {key: (ranges, ranges.complete_to, ranges.n_rewound) for key, ranges in intake.touched.items()}
        now_us = self.clock.now_us() or now_us or 0
        self._commit_queue.start(Load(block, self._dead_letters.take(), changes, progress, now_us, n_bytes))
        self._metrics.online.set(len(self._host.sessions))

    def _judge(self, fresh: Waiting) -> list[Change]:
        self.clock.wait_for(fresh.behind)
        return judge_tick(self.judge, self.clock, fresh.intake, fresh.tick)

    def _catch_up_with_old(self, catch_up: CatchUp) -> None:
        """Judge a part of the records from before this start; after the last one, what came meanwhile."""
        if not catch_up.is_done:
            self._changes += catch_up.step()
            if not catch_up.is_done:
                return
            self._caught_up()
            if (listening_us := self.clock.listening_us()) is None:
                self.judge.listen(listening_us)  # what was judged again was said before this start
        for _ in range(_RELEASED_AT_ONCE):
            if (fresh := catch_up.release()) is None:
                self._catch_up = None
                return
            self._changes += self._judge(fresh)

    def _acknowledge_and_send(self, load: Load | None) -> None:
        """Acknowledge stored records and send queued commands."""
        if load is None:
            return
        if load.block is not None:
            batch = load.block.batch
            n_history = int(batch.is_historical.sum())
            self._metrics.readings.inc(batch.n_readings)
            if batch.n_records:
                self._metrics.stored(int(batch.at_us.max()))
            self._metrics.records.labels("live").inc(batch.n_records - n_history)
            self._metrics.records.labels("history").inc(n_history)
            self._guard.hear(self._listeners, load.block)
        if load.changes:
            self._metrics.changes.inc(len(load.changes))
        n_sent = 0
        for (controller_id, epoch), (ranges, complete_to, n_rewound) in load.progress.items():
            if ranges.n_rewound != n_rewound:
                continue  # ``complete_to`` of this load was not reported by the agent
            ranges.durable_to = max(ranges.durable_to, complete_to)
            if controller_id in self._host.sessions and ranges.durable_to > ranges.acknowledged:
                self._acknowledge(controller_id, epoch, ranges)
                n_sent += 1
        self._metrics.acknowledgements.inc(n_sent)

    def _acknowledge(self, controller_id: str, epoch: int, ranges: ReceivedRanges) -> None:
        ranges.acknowledged = ranges.durable_to
        payload = self._acknowledgement.encode(self._wall_ms(), epoch, ranges.durable_to)
        self._broker.publish(f"{self._command_topic}{controller_id}", payload)
