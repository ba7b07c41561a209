"""The Sparkplug host application: whom to believe, what to take, when to ask for a rebirth (contract.md, section 3).

No socket: messages come in as (topic, payload) pairs, commands go out the same way. Takes each record once by
(controller, epoch, sequence), sorts live records into rounds in which a controller stands at most once, and keeps
"now" of data time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge_agent.wire import (
    NBIRTH,
    NCMD,
    NDATA,
    NDEATH,
    Metric,
    NodeTopic,
    Payload,
    WireError,
    decode_payload,
    encode_payload,
    parse_topic,
)
from ingest.batch import SessionEvent
from ingest.decode import Record, check_record, read_record
from ingest.directory import Directory
from ingest.errors import BirthError, RecordError
from ingest.metrics import Complaints, Metrics
from ingest.quarantine import Quarantine
from ingest.salvage import salvage_number
from ingest.session import Session, is_next, parse_birth
from ingest.sheets import Sheets
from ingest.watermark import Mark, Watermarks

REBIRTH_INTERVAL_S: Final = 10.0  # between two requests to one controller
DAY_US: Final = 86_400_000_000
_GREETED_AT_ONCE: Final = 200  # a turn of the loop
_CLOCK_DRIFT: Final = 500  # ticks until a smaller error of a clock is believed
_WRONG_CLOCK_US: Final = 60_000_000
_STRIKES: Final = 3  # broken payloads at one gap until its number is given up
_ROUND_US: Final = 5_000_000  # so much earlier than its own time a record may be judged

Message = tuple[str, bytes]


@dataclass(slots=True)
class Intake:
    """What one tick's messages came to.

    Attributes:
        rounds: live records of controllers that the register knows, one per controller and round.
        unjudged: history, and records of controllers that no register knows.
        round_us: data time at which each round began.
        events: sessions that began or ended, each with the round before which it happened.
        ended: the round after the last one of a controller whose session ended in this tick.
        touched: every mark that was met, taken or not.
    """

    rounds: list[list[Record]] = field(default_factory=list)
    round_us: list[int] = field(default_factory=list)
    history: list[Record] = field(default_factory=list)
    unjudged: list[Record] = field(default_factory=list)
    events: list[tuple[int, SessionEvent]] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    touched: dict[tuple[str, int], Mark] = field(default_factory=dict)
    now_us: int | None = None

    @property
    def latest_us(self) -> int:
        """No record is believed that claims to be later than this."""
        return 1 << 62 if self.now_us is None else self.now_us + DAY_US

    @property
    def n_records(self) -> int:
        """Records taken."""
        return sum(map(len, self.rounds)) + len(self.history) + len(self.unjudged)


class SessionHost:
    """All sessions of one group."""

    def __init__(
        self,
        group: str,
        directory: Directory,
        *,
        marks: Watermarks,
        quarantine: Quarantine,
        metrics: Metrics,
        monotonic: Callable[[], float],
        wall_ms: Callable[[], int],
    ) -> None:
        """Start with no session: every controller's first data asks it for a rebirth."""
        self.group = group
        self.directory = directory
        self.marks = marks
        self._quarantine = quarantine
        self._metrics = metrics
        self.complaints = Complaints(metrics)
        self._monotonic = monotonic
        self._wall_ms = wall_ms
        self.sessions: dict[str, Session] = {}
        self._by_topic: dict[str, Session] = {}
        self._births: dict[str, bytes] = {}
        self._asked_at: dict[str, float] = {}
        self._outgoing: list[Message] = []
        self._to_greet: list[str] = []
        self._greet_at = 0.0
        self._strikes: dict[str, tuple[int, int]] = {}
        self._sheets = Sheets()
        self._last_seen_us: dict[str, int] = {}
        self._measured_us: dict[str, int] = {}
        self._ahead_us: dict[str, int] = {}  # how far clocks are from "now" that are minutes ahead or behind
        self.newborn: list[Session] = []

    # --- messages in
    # ---------------------------------------------------------------------------------------------------

    def receive(self, messages: Sequence[Message], now_us: int | None) -> Intake:
        """Take one tick's messages in their order; ``now_us`` None = not known yet (data time before any data)."""
        intake = Intake(now_us=now_us)
        for session in self.sessions.values():
            session.next_round = 0
        n_data = 0
        n_duplicates = 0
        read_alike = self._sheets.read(messages, self._by_topic)
        for (topic, payload), alike in zip(messages, read_alike, strict=True):
            known = self._by_topic.get(topic)
            if known is None:
                self._other(topic, payload, intake)
                continue
            session = known
            n_data += 1
            try:
                record = alike if alike is not None and alike.session is known else read_record(session, payload)
            except RecordError as error:
                self._set_aside(session, payload, error, None, intake)
                continue
            n_duplicates += self._take(session, record, payload, intake)
        self._metrics.messages.labels(NDATA).inc(n_data)
        self._metrics.duplicates.inc(n_duplicates)
        return intake

    def _take(self, session: Session, record: Record, payload: bytes, intake: Intake) -> bool:
        """Sort one record in; says whether it was a duplicate."""
        if record.seq is not None and not is_next(session, record.seq):
            self.complaints.add("gap", session.controller_id, f"{session.controller_id}: a gap in seq")
            self._ask_rebirth(session.controller_id)
        mark = session.mark
        if mark is None or session.mark_epoch != record.epoch:
            mark = self._open_mark(session, record.epoch, record.sequence - max(record.pending or 1, 1))
        elif record.pending and not record.is_historical and record.sequence - record.pending > mark.floor:
            mark = self._open_mark(session, record.epoch, record.sequence - record.pending)
        intake.touched[session.controller_id, record.epoch] = mark
        if mark.holds(record.sequence):
            mark.acknowledged = -1  # it is sent again because our word did not arrive
            return True
        try:
            check_record(record, intake.latest_us)
        except RecordError as error:
            self._set_aside(session, payload, error, (record.epoch, record.sequence), intake)
            return False
        mark.take(record.sequence)
        if session.controller >= self.directory.controllers.n_register:
            intake.unjudged.append(record)
        elif record.is_historical:
            intake.history.append(record)
        else:
            self._take_live(session, record, intake)
        return False

    def _take_live(self, session: Session, record: Record, intake: Intake) -> None:
        number, n_rounds = session.next_round, len(intake.rounds)
        if number == 0:
            self._measure_clock(session, record.at_us, intake.now_us)
        at_us = record.at_us - self._ahead_us.get(session.controller_id, 0)
        # Who sweeps seldom waits for the rounds of its own time: judged early, it would seem to be silent since. Not to
        # the second, though: where many come at once, every stray record would begin a round of its own.
        while number < n_rounds - 1 and intake.round_us[number + 1] <= at_us - _ROUND_US:
            number += 1
        if number == n_rounds:
            intake.rounds.append([])
            intake.round_us.append(at_us)
        intake.rounds[number].append(record)
        session.next_round = number + 1
        session.last_at_us = record.at_us
        session.interval_s = record.interval_s or session.interval_s
        session.is_synchronised = record.is_synchronised

    def _measure_clock(self, session: Session, at_us: int, now_us: int | None) -> None:
        """Compare a clock with "now" at the first record of a tick; one that has just come back says nothing."""
        interval_us = session.interval_s * 1_000_000
        if now_us is None or not 0 < at_us - session.last_at_us <= 2 * interval_us:
            return
        node, ahead_us = session.controller_id, at_us - now_us
        if -_WRONG_CLOCK_US <= ahead_us <= interval_us + _WRONG_CLOCK_US:
            ahead_us = 0
        before_us, self._measured_us[node] = self._measured_us.get(node, 0), ahead_us
        # Believed when found twice, and rather too far behind than too far ahead: "now" itself lags by up to a sweep,
        # and a record that is placed too early makes its controller seem to be silent since.
        believed_us = self._ahead_us.get(node, 0) or ahead_us
        drifted_us = believed_us + (ahead_us - believed_us) // _CLOCK_DRIFT
        self._ahead_us[node] = min(ahead_us, drifted_us) if before_us * ahead_us > 0 else 0

    def _open_mark(self, session: Session, epoch: int, floor: int) -> Mark:
        if session.epoch is not None and epoch != session.epoch:
            text = (
                f"{session.controller_id}: epoch {epoch} where its birth said {session.epoch}; two agents of one name?"
            )
            self.complaints.add("duplicate_controller", session.controller_id, text)
            self._ask_rebirth(session.controller_id)
        session.mark = self.marks.open(session.controller_id, epoch, floor)
        session.mark_epoch = epoch
        return session.mark

    def _other(self, topic: str, payload: bytes, intake: Intake) -> None:
        try:
            parts = parse_topic(topic)
        except WireError as error:
            self.complaints.add("topic", topic, str(error))
            return
        if parts.group != self.group:
            return
        if parts.message_type == NBIRTH:
            self._metrics.messages.labels(NBIRTH).inc()
            self._birth(parts.node, payload, intake)
        elif parts.message_type == NDEATH:
            self._metrics.messages.labels(NDEATH).inc()
            self._death(parts.node, payload, intake)
        elif parts.message_type == NDATA:
            self._metrics.messages.labels(NDATA).inc()
            self._ask_rebirth(parts.node)

    def _birth(self, node: str, payload: bytes, intake: Intake) -> None:
        try:
            session = parse_birth(node, payload, self.directory)
        except BirthError as error:
            self.complaints.add("birth", node, str(error))
            self._quarantine.add(f"NBIRTH/{node}", "birth", str(error), payload, intake.now_us or 0)
            return
        if session.controller >= self.directory.controllers.n_register:
            self.complaints.add("unknown_controller", node, f"{node}: no cabinet of the register has this controller")
        elif session.n_strange:
            text = f"{node}: {session.n_strange} of its lamps or circuits are not its own in the register"
            self.complaints.add("unknown_lamp", node, text, count=session.n_strange)
        previous = self.sessions.get(node)
        if previous is not None:
            session.last_at_us = previous.last_at_us
            session.next_round = previous.next_round
        # a birth belongs behind all that came before it, and a controller stands in each round at most once
        session.next_round = max(session.next_round, intake.ended.pop(node, 0), len(intake.rounds) - 1)
        self.sessions[node] = session
        self._births[node] = payload
        self._by_topic[str(NodeTopic(self.group, NDATA, node))] = session
        self._asked_at.pop(node, None)
        if session.epoch is not None and session.sequence is not None and session.pending is not None:
            mark = self._open_mark(session, session.epoch, session.sequence - session.pending)
            mark.acknowledged = -1
            intake.touched[node, session.epoch] = mark
        if session.controller < self.directory.controllers.n_register:
            at_us = session.at_ms * 1000
            if not 0 < at_us < intake.latest_us:
                at_us = intake.now_us or 0
            intake.events.append((session.next_round, SessionEvent(session.controller, True, at_us)))
        self.newborn.append(session)

    def _death(self, node: str, payload: bytes, intake: Intake) -> None:
        session = self.sessions.get(node)
        if session is None:
            return
        try:
            death = decode_payload(payload)
        except WireError as error:
            self.complaints.add("death", node, f"NDEATH of {node}: {error}")
            return
        numbers = [m.value for m in death.metrics if m.name == "bdSeq"]
        if session.bd_seq is not None and numbers and numbers[0] != session.bd_seq:
            self.complaints.add(
                "stale_death", node, f"NDEATH of {node} is of session {numbers[0]!r}, not {session.bd_seq}"
            )
            return
        self._end(session)
        self._last_seen_us[node] = session.last_at_us
        at_us = (death.timestamp_ms or 0) * 1000
        if not session.last_at_us < at_us < intake.latest_us:
            at_us = 0  # "now", which only the rounds before it can tell
        else:
            at_us -= self._ahead_us.get(node, 0)  # by a clock that is minutes behind, every death would be an old one
        number = intake.ended[node] = max(session.next_round, len(intake.rounds) - 1)
        if session.controller < self.directory.controllers.n_register:
            intake.events.append((number, SessionEvent(session.controller, False, at_us)))

    def _end(self, session: Session) -> None:
        self.sessions.pop(session.controller_id, None)
        self._births.pop(session.controller_id, None)
        self._by_topic.pop(str(NodeTopic(self.group, NDATA, session.controller_id)), None)

    def forget(self) -> None:
        """Our own connection was lost: births may have been missed, so every controller is asked anew."""
        for node, session in self.sessions.items():
            self._last_seen_us[node] = session.last_at_us
        self.sessions.clear()
        self._by_topic.clear()
        self._births.clear()
        self._asked_at.clear()

    def replace_directory(self, directory: Directory) -> None:
        """Number every session's lamps anew after the register changed; nobody has to be born again for it."""
        self.directory = directory
        for node, payload in list(self._births.items()):
            old = self.sessions[node]
            session = parse_birth(node, payload, directory)
            session.seq, session.last_at_us, session.interval_s = old.seq, old.last_at_us, old.interval_s
            session.is_synchronised, session.mark, session.mark_epoch = old.is_synchronised, old.mark, old.mark_epoch
            self.sessions[node] = self._by_topic[str(NodeTopic(self.group, NDATA, node))] = session

    # --- what cannot be decoded
    # ----------------------------------------------------------------------------------------

    def _set_aside(
        self, session: Session, payload: bytes, error: RecordError, number: tuple[int, int] | None, intake: Intake
    ) -> None:
        """Count, keep and be done with a record that is broken; if its number can be had at all, it counts as taken."""
        self.complaints.add(
            error.reason, session.controller_id, f"{session.controller_id}: a record is broken: {error}"
        )
        self._quarantine.add(f"NDATA/{session.controller_id}", error.reason, str(error), payload, intake.now_us or 0)
        if number is None:
            session.seq = (session.seq + 1) % 256
            number = salvage_number(session, payload)
        if number is None:
            self._strike(session, intake)
            return
        epoch, sequence = number
        mark = self.marks.get(session.controller_id, epoch)
        if mark is None and (session.epoch is None or epoch == session.epoch):
            mark = self.marks.open(session.controller_id, epoch, sequence - 1)
        if mark is not None:
            intake.touched[session.controller_id, epoch] = mark
            if not mark.holds(sequence):
                mark.take(sequence)

    def _strike(self, session: Session, intake: Intake) -> None:
        """A payload without a number: a gap that stays while garbage keeps coming is what the garbage was."""
        mark = session.mark
        if mark is None:
            return
        gap, strikes = self._strikes.get(session.controller_id, (-1, 0))
        strikes = strikes + 1 if gap == mark.floor + 1 else 1
        self._strikes[session.controller_id] = (mark.floor + 1, strikes)
        if strikes >= _STRIKES and mark.starts:
            mark.take(mark.floor + 1)
            intake.touched[session.controller_id, session.mark_epoch] = mark
            del self._strikes[session.controller_id]

    # --- commands out -------------------------------------------------------------------------------------------------

    def _ask_rebirth(self, node: str) -> None:
        now = self._monotonic()
        if now - self._asked_at.get(node, -REBIRTH_INTERVAL_S) < REBIRTH_INTERVAL_S:
            return
        if len(self._asked_at) > 1_000_000:
            self._asked_at.clear()
        self._asked_at[node] = now
        self._metrics.rebirths.inc()
        self.command(node, (Metric(value=True, name="Node Control/Rebirth"),))

    def greet(self, at: float) -> None:
        """Ask every controller of the register that has no session at ``at`` who it is: births are not retained."""
        self._greet_at = at
        controllers = self.directory.controllers
        self._to_greet = [controllers[i] for i in range(controllers.n_register)]

    def _greet_some(self) -> None:
        if not self._to_greet or self._monotonic() < self._greet_at:
            return
        for node in self._to_greet[-_GREETED_AT_ONCE:]:
            if node not in self.sessions:
                self._ask_rebirth(node)
        del self._to_greet[-_GREETED_AT_ONCE:]

    def command(self, node: str, metrics: tuple[Metric, ...]) -> None:
        """Queue an NCMD to a controller."""
        payload = encode_payload(Payload(timestamp_ms=self._wall_ms(), seq=None, metrics=metrics))
        self._outgoing.append((str(NodeTopic(self.group, NCMD, node)), payload))

    def presence(self) -> dict[str, dict[str, bool | int]]:
        """Every controller met since the start: whether it is online, and the time of its newest live record."""
        seen: dict[str, dict[str, bool | int]] = {
            node: {"is_online": False, "last_seen_us": at_us} for node, at_us in self._last_seen_us.items()
        }
        for node, session in self.sessions.items():
            seen[node] = {"is_online": True, "last_seen_us": session.last_at_us}
        return seen

    def outgoing(self) -> list[Message]:
        """The commands queued since the last call."""
        self._greet_some()
        messages, self._outgoing = self._outgoing, []
        return messages
