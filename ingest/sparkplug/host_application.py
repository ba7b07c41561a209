"""The Sparkplug host application: whom to believe, what to take, when to ask for a rebirth (contract.md, section 3).

No socket: messages come in as (topic, payload) pairs, commands go out the same way. Takes each record once by
(controller, epoch, sequence), and sorts live records into rounds in which a controller stands at most once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from edge_agent.wire import (
    NBIRTH,
    NDATA,
    NDEATH,
    NodeTopic,
    WireError,
    decode_payload,
    parse_topic,
)
from ingest.decode.birth import Session, is_next, parse_birth, renumbered
from ingest.decode.bounds import MAX_DEATH, MAX_ID, is_id
from ingest.decode.bulk_decode import Sheets
from ingest.decode.record import Record, check_record, read_record
from ingest.errors import BirthError, ForeignBirthError, FullError, RecordError, describe
from ingest.metrics import Complaints, Metrics
from ingest.model.batch import SessionEvent
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import MAX_JUMP, Mark, Watermarks
from ingest.sparkplug.clock_offsets import AgentClocks
from ingest.sparkplug.command_queue import REBIRTH_INTERVAL_S, CommandQueue
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.intake_result import IntakeResult
from ingest.sparkplug.other_births import LONGEST_WAIT_S, OtherBirths
from ingest.sparkplug.refusals import Refusals
from ingest.sparkplug.strangers import MAX_UNKNOWN, MAX_UNKNOWN_BIRTH, Strangers

_ROUND_US: Final = 5_000_000  # so much earlier than its own time a record may be judged
_RENEWAL_S: Final = 60.0
_MANY_GONE: Final = 16_384  # ids of strangers that are gone, until the directory is begun anew
_JUMP_WAIT_S: Final = 600.0  # since the last request for a birth, until another one is worth it for a number alone

Message = tuple[str, bytes]


class SessionHost:
    """All sessions of one group."""

    def __init__(
        self,
        group: str,
        directory: Directory,
        *,
        marks: Watermarks,
        quarantine: DeadLetters,
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
        self.commands = CommandQueue(group, metrics, monotonic=monotonic, wall_ms=wall_ms)
        self.sessions: dict[str, Session] = {}
        self._by_topic: dict[str, Session] = {}
        self._other_births = OtherBirths()
        self._refusals = Refusals(marks, self.complaints, quarantine)
        self._sheets = Sheets()
        self._last_seen_us: dict[str, int] = {}
        self._clocks = AgentClocks()
        self._strangers = Strangers(monotonic)
        self._n_refused: dict[str, int] = {}  # births of controllers of the register, since the last that could be used
        self._monotonic = monotonic
        self._renewed_at = -_RENEWAL_S
        self._n_gone = 0
        self.newborn: list[Session] = []

    # --- messages in

    def receive(self, messages: Sequence[Message], now_us: int | None) -> IntakeResult:
        """Take one tick's messages in their order; ``now_us`` None = not known yet (data time before any data)."""
        if self._n_gone >= _MANY_GONE:
            self._renew_directory()
        taken = IntakeResult(now_us=now_us)
        for online in self.sessions.values():
            online.next_round = 0
        n_data = 0
        n_duplicates = 0
        for (topic, payload), alike in zip(messages, self._read_alike(messages), strict=True):
            session = self._by_topic.get(topic)
            try:
                if session is None:
                    self._other(topic, payload, taken)
                else:
                    n_data += 1
                    n_duplicates += self._data(session, payload, alike, taken)
            except Exception as error:  # noqa: BLE001  # whatever one message does, the others are not to notice
                self._set_message_aside(topic, payload, error, taken)
        self._metrics.messages.labels(NDATA).inc(n_data)
        self._metrics.duplicates.inc(n_duplicates)
        return taken

    def _read_alike(self, messages: Sequence[Message]) -> Sequence[Record | None]:
        try:
            return self._sheets.read(messages, self._by_topic)
        except Exception as error:  # noqa: BLE001  # then each is read by itself, and only the one that does it is lost
            self.complaints.add("broke_down", "reading alike", f"reading many messages at once: {describe(error)}")
            return [None] * len(messages)

    def _set_message_aside(self, topic: str, payload: bytes, error: Exception, taken: IntakeResult) -> None:
        kind, _, node = topic.removeprefix(f"spBv1.0/{self.group}/").partition("/")
        text = f"{kind} of {node} breaks ingest and is set aside: {describe(error)}"
        self.complaints.add("broke_down", node, text)
        self._quarantine.add(f"{kind}/{node}", "broke_down", text, payload, taken.now_us or 0)

    def _data(self, session: Session, payload: bytes, alike: Record | None, taken: IntakeResult) -> bool:
        """Take one NDATA of a session; says whether it was a duplicate."""
        record: Record | None
        try:
            record = alike if alike is not None and alike.session is session else read_record(session, payload)
        except RecordError as error:
            record = self._turn(session, payload)  # perhaps it only has another agent's aliases
            if record is None:
                self._refuse(session, payload, error, None, taken)
        else:
            if not session.epoch:
                session.epoch = record.epoch
            elif record.epoch != session.epoch:
                record = self._by_own_birth(session, record.epoch, payload)
        return record is not None and self._take(record.session, record, payload, taken)

    def _take(self, session: Session, record: Record, payload: bytes, taken: IntakeResult) -> bool:
        """Sort one record in; says whether it was a duplicate."""
        mark = session.mark
        claimed = record.sequence - max(record.pending or 1, 1)  # the agent says that it holds nothing up to this
        if mark is None or record.sequence - mark.newest > MAX_JUMP:
            if self._is_absurd(session, record.sequence):
                self._refuse_jump(session, record, payload, taken)
                return False
            if mark is None or (record.pending and not record.is_historical):
                mark = self._open_mark(session, claimed)
        elif claimed > mark.floor and record.pending and not record.is_historical:
            mark = self._open_mark(session, claimed)
        if record.seq is not None and not is_next(session, record.seq):
            self.complaints.add("gap", session.controller_id, f"{session.controller_id}: a gap in seq")
            self.commands.ask_rebirth(session.controller_id)
        taken.touched[session.controller_id, record.epoch] = mark
        if mark.holds(record.sequence):
            mark.acknowledged = -1  # it is sent again because our word did not arrive
            is_new = record.sequence > session.live_sequence or record.at_us > session.last_at_us
            if is_new and record.pending and not record.is_historical:
                self._tell_taken(session, record, payload, taken)
            return True
        if record.sequence <= mark.floor:
            self._tell_contradiction(session, record, mark)
            if record.pending and not record.is_historical:
                mark.rewind(claimed)
        elif not mark.has_room(record.sequence):
            text = f"{session.controller_id}: sends records with too many gaps between them; they are left with it"
            self.complaints.add("scattered", session.controller_id, text)
            return False
        try:
            check_record(record, taken.latest_us)
        except RecordError as error:
            self._refuse(session, payload, error, (record.epoch, record.sequence), taken)
            return False
        mark.take(record.sequence)
        if not record.is_historical:
            session.live_sequence = record.sequence
        if session.controller >= self.directory.controllers.n_register:
            self._strangers.hear(session.controller_id)
            taken.unjudged.append(record)
        elif record.is_historical:
            taken.history.append(record)
        else:
            self._take_live(session, record, taken)
        return False

    def _is_absurd(self, session: Session, sequence: int) -> bool:
        """Whether a number is so far beyond all that is known of its epoch that only a birth can make it believed."""
        known = self.marks.get(session.controller_id, session.epoch)
        if known is None or sequence - known.newest <= MAX_JUMP:
            return False
        return session.sequence is None or abs(sequence - session.sequence) > MAX_JUMP

    def _refuse_jump(self, session: Session, record: Record, payload: bytes, taken: IntakeResult) -> None:
        """A number that cannot be is neither taken nor acknowledged; a birth that says it too makes it believed."""
        node = session.controller_id
        text = f"{node}: a record has number {record.sequence}, far beyond all before; it waits for a birth to say so"
        self.complaints.add("jump", node, text)
        self._quarantine.add(f"NDATA/{node}", "jump", text, payload, taken.now_us or 0)
        self.commands.ask_rebirth(node, _JUMP_WAIT_S)

    def _tell_contradiction(self, session: Session, record: Record, mark: Mark) -> None:
        """A record comes of which the agent, or somebody in its name, has said that it holds it no more."""
        node = session.controller_id
        text = (
            f"{node}: record {record.sequence} comes although everything up to {mark.floor} was said to be done with; "
            "it is stored. Somebody sent a forged or copied record, or two agents share an outbox"
        )
        self.complaints.add("contradiction", node, text)

    def _tell_taken(self, session: Session, record: Record, payload: bytes, taken: IntakeResult) -> None:
        """A new record comes whose number another one has: it cannot be stored beside that one, and is set aside."""
        node = session.controller_id
        session.live_sequence = record.sequence
        text = (
            f"{node}: its new record {record.sequence} has the number of one that is stored; it is set aside. "
            "Somebody sent a forged record, or two agents share an outbox"
        )
        self.complaints.add("contradiction", node, text)
        self._quarantine.add(f"NDATA/{node}", "contradiction", text, payload, taken.now_us or 0)

    def _by_own_birth(self, session: Session, epoch: int, payload: bytes) -> Record | None:
        """A record of another epoch than the session's, by its own birth; None = not known: it is to be sent again."""
        record = self._turn(session, payload)
        if record is None:
            node = session.controller_id
            text = f"{node}: no birth of epoch {epoch} is known, its records wait; a new outbox, or two agents?"
            self.complaints.add("unborn_epoch", node, text)
            self._other_births.miss(node, epoch, self.commands.ask_rebirth)
        return record

    def _turn(self, session: Session, payload: bytes) -> Record | None:
        """A record by another birth that is kept of this controller, whose session is then in force; None = by none."""
        record = self._other_births.read(session, payload)
        if record is not None:
            self._tell_two_agents(session.controller_id, f"epoch {record.epoch} is back after another one")
            self._set_session(record.session)
        return record

    def _tell_two_agents(self, node: str, sign: str) -> None:
        self.complaints.add("duplicate_controller", node, f"{node}: {sign}; two agents of one name?")

    def _set_session(self, session: Session) -> None:
        node = session.controller_id
        self.sessions[node] = self._by_topic[str(NodeTopic(self.group, NDATA, node))] = session

    def _refuse(
        self, session: Session, payload: bytes, error: RecordError, number: tuple[int, int] | None, taken: IntakeResult
    ) -> None:
        node = session.controller_id
        if error.reason == "number":
            self._other_births.miss(node, None, self.commands.ask_rebirth)
        is_own = self._other_births.is_alone(node)
        epoch, mark = self._refusals.set_aside(session, payload, error, number, is_own=is_own, now_us=taken.now_us or 0)
        if mark is not None:
            taken.touched[node, epoch] = mark

    def _take_live(self, session: Session, record: Record, taken: IntakeResult) -> None:
        number, n_rounds = session.next_round, len(taken.rounds)
        if number == 0:
            self._clocks.measure(session, record.at_us, taken.now_us)
        ahead_us = self._clocks.ahead_us(session.controller_id)
        if ahead_us:
            self._tell_clock(session, ahead_us)
            taken.ahead_us[session.controller] = ahead_us
        at_us = record.at_us - ahead_us
        # Who sweeps seldom waits for the rounds of its own time: judged early, it would seem to be silent since. Not to
        # the second, though: where many come at once, every stray record would begin a round of its own.
        while number < n_rounds - 1 and taken.round_us[number + 1] <= at_us - _ROUND_US:
            number += 1
        if number == n_rounds:
            taken.rounds.append([])
            taken.round_us.append(at_us)
        taken.rounds[number].append(record)
        session.next_round = number + 1
        session.last_at_us = record.at_us
        session.interval_s = record.interval_s or session.interval_s
        session.is_synchronised = record.is_synchronised

    def _tell_clock(self, session: Session, ahead_us: int) -> None:
        node, minutes = session.controller_id, abs(ahead_us) / 60e6
        text = f"{node}: its clock is {minutes:.0f} min {'ahead' if ahead_us > 0 else 'behind'}; ours times its faults"
        self.complaints.add("clock", node, text)

    def _open_mark(self, session: Session, floor: int) -> Mark:
        session.mark = self.marks.open(session.controller_id, session.epoch, floor)
        return session.mark

    def _other(self, topic: str, payload: bytes, taken: IntakeResult) -> None:
        try:
            parts = parse_topic(topic)
        except WireError as error:
            self.complaints.add("topic", topic[:MAX_ID], str(error)[: 2 * MAX_ID], is_stranger=True)
            return
        if parts.group != self.group:
            return
        if not is_id(parts.node):
            self.complaints.add("topic", "ids", f"{parts.node[:MAX_ID]!r} cannot be a controller's id")
            return
        if parts.message_type == NBIRTH:
            self._metrics.messages.labels(NBIRTH).inc()
            self._birth(parts.node, payload, taken)
        elif parts.message_type == NDEATH:
            self._metrics.messages.labels(NDEATH).inc()
            self._death(parts.node, payload, taken)
        elif parts.message_type == NDATA:
            self._metrics.messages.labels(NDATA).inc()
            self._ask(parts.node)

    def _is_registered(self, node: str) -> bool:
        return node in self.directory.places.controller_index

    def _ask(self, node: str) -> None:
        """Data came of a node that has no session: ask for its birth, ever more seldom while none can be used."""
        if self._is_registered(node):
            n_refused = self._n_refused.get(node, 0)
            self.commands.ask_rebirth(node, min(REBIRTH_INTERVAL_S * 2.0 ** min(n_refused, 10), LONGEST_WAIT_S))
        elif self._strangers.is_foreign(node):
            self._complain("foreign", node, f"{node}: data of another system's node")
        elif self._strangers.may_ask(node):
            self.commands.ask_rebirth(node)

    def _complain(self, reason: str, node: str, text: str, *, count: int = 1) -> None:
        self.complaints.add(reason, node, text, count=count, is_stranger=not self._is_registered(node))

    def _admit(self, node: str, payload: bytes) -> bool:
        """Whether a birth is looked at: of controllers that no register knows, few and small ones."""
        if self._is_registered(node) or b"Outbox/Epoch" not in payload:
            return True
        if len(payload) > MAX_UNKNOWN_BIRTH:
            self._complain(
                "unknown_controller", node, f"{node}: is in no register, and its birth is too large to be kept"
            )
            return False
        is_admitted, gone = self._strangers.admit(node)
        if gone is not None and gone in self.sessions and not self._is_registered(gone):
            self._end(self.sessions[gone])
        if not is_admitted:
            text = f"{node}: is in no register, and {MAX_UNKNOWN} such controllers are heard already; it is left alone"
            self._complain("unknown_controller", node, text)
        return is_admitted

    def _born(self, node: str, payload: bytes, taken: IntakeResult) -> Session | None:
        """The session that a birth describes; None = it cannot be used, and what is wrong was told."""
        if not self._admit(node, payload):
            return None
        try:
            return parse_birth(node, payload, self.directory)
        except FullError as error:
            self._n_gone = _MANY_GONE  # the records of this tick are numbered by the present directory
            self._complain("full", node, str(error))
            self.commands.ask_rebirth(node)
            return None
        except ForeignBirthError:
            self._strangers.add_foreign(node)
            text = f"{node}: its birth has no Outbox/Epoch: another system's node, left alone"
            self._complain("foreign", node, text)
        except BirthError as error:
            self._complain("birth", node, str(error)[:500])
            is_stranger = not self._is_registered(node)
            text = str(error)[:500]
            now_us = taken.now_us or 0
            self._quarantine.add(f"NBIRTH/{node}", "birth", text, payload, now_us, is_stranger=is_stranger)
        if self._is_registered(node):
            self._n_refused[node] = self._n_refused.get(node, 0) + 1
        elif node not in self.sessions:
            self._forget_stranger(node)
        return None

    def _renew_directory(self) -> None:
        """Forget the ids of strangers that have no session any more, between two ticks and at most once a minute."""
        now = self._monotonic()
        if now - self._renewed_at >= _RENEWAL_S:
            self._renewed_at, self._n_gone = now, 0
            self.replace_directory(Directory(self.directory.places))

    def _forget_stranger(self, node: str) -> None:
        """Keep nothing of a controller that no register knows but which of its records are stored."""
        self._strangers.leave(node)
        self._other_births.forget_wholly(node)
        self._clocks.forget(node)
        self._refusals.forget(node)
        self._last_seen_us.pop(node, None)
        self.marks.forget_empty(node)

    def _birth(self, node: str, payload: bytes, taken: IntakeResult) -> None:
        session = self._born(node, payload, taken)
        if session is None:
            return
        self._n_refused.pop(node, None)
        if session.controller >= self.directory.controllers.n_register:
            self._complain("unknown_controller", node, f"{node}: no cabinet of the register has this controller")
        elif session.n_strange:
            text = f"{node}: {session.n_strange} of its lamps or circuits are not its own in the register"
            self.complaints.add("unknown_lamp", node, text, count=session.n_strange)
        previous = self.sessions.get(node)
        if previous is not None:
            session.last_at_us = previous.last_at_us
            session.next_round = previous.next_round
        # a birth belongs behind all that came before it, and a controller stands in each round at most once
        session.next_round = max(session.next_round, taken.ended.pop(node, 0), len(taken.rounds) - 1)
        if self._other_births.add_birth(session, previous):
            self._tell_two_agents(node, f"epoch {session.epoch} is back after another one")
        self._set_session(session)
        if session.epoch and session.sequence is not None and session.pending is not None:
            mark = self._mark_at_birth(session, session.sequence, session.pending)
            if session.sequence < mark.floor:  # a copy of the outbox: no number tells its records from the others'
                self._tell_two_agents(node, f"its newest record is {session.sequence}, and {mark.floor} is taken")
            mark.acknowledged = -1
            if self._is_registered(node) or not mark.is_empty:
                taken.touched[node, session.epoch] = mark
        if session.controller < self.directory.controllers.n_register:
            at_us = session.at_ms * 1000
            if not 0 < at_us < taken.latest_us:
                at_us = taken.now_us or 0
            else:
                at_us -= self._clocks.ahead_us(node)
            taken.events.append((session.next_round, SessionEvent(session.controller, True, at_us)))
        self.newborn.append(session)

    def _mark_at_birth(self, session: Session, sequence: int, pending: int) -> Mark:
        session.live_sequence = sequence
        known = self.marks.get(session.controller_id, session.epoch)
        if known is None or sequence - known.newest <= MAX_JUMP:
            return self._open_mark(session, sequence - pending)
        node = session.controller_id
        text = f"{node}: its birth says record {sequence}, far beyond {known.newest}; a record has to say so too"
        self.complaints.add("jump", node, text)
        session.mark = known
        return known

    def _death(self, node: str, payload: bytes, taken: IntakeResult) -> None:
        session = self.sessions.get(node)
        if session is None:
            return
        try:
            death = decode_payload(payload[: MAX_DEATH + 1])  # cut, a longer one is broken
        except WireError as error:
            self._complain("death", node, f"NDEATH of {node}: {error}")
            return
        numbers = [m.value for m in death.metrics if m.name == "bdSeq"]
        if session.bd_seq is not None and numbers and numbers[0] != session.bd_seq:
            if self._other_births.end(node, numbers[0]):
                return
            self.complaints.add(
                "stale_death", node, f"NDEATH of {node} is of session {numbers[0]!r}, not {session.bd_seq}"
            )
            return
        self._last_seen_us[node] = session.last_at_us
        self._end(session)
        at_us = (death.timestamp_ms or 0) * 1000
        if not session.last_at_us < at_us < taken.latest_us:
            at_us = 0  # "now", which only the rounds before it can tell
        else:
            at_us -= self._clocks.ahead_us(node)  # by a clock that is minutes behind, every death would be an old one
        number = taken.ended[node] = max(session.next_round, len(taken.rounds) - 1)
        if session.controller < self.directory.controllers.n_register:
            taken.events.append((number, SessionEvent(session.controller, False, at_us)))

    def _end(self, session: Session) -> None:
        self.sessions.pop(session.controller_id, None)
        self._other_births.forget(session.controller_id)
        self._by_topic.pop(str(NodeTopic(self.group, NDATA, session.controller_id)), None)
        if not self._is_registered(session.controller_id):
            self._n_gone += 1 + session.n_strange
            self._forget_stranger(session.controller_id)

    def forget(self) -> None:
        """Our own connection was lost: births may have been missed, so every controller is asked anew."""
        for session in list(self.sessions.values()):
            if self._is_registered(session.controller_id):
                self._last_seen_us[session.controller_id] = session.last_at_us
            else:
                self._end(session)
        self._strangers.leave_all()
        self.sessions.clear()
        self._by_topic.clear()
        self._other_births.forget_all()
        self.commands.forget()

    def replace_directory(self, directory: Directory) -> None:
        """Number every session's lamps anew after the register changed; nobody has to be born again for it."""
        before, self.directory = self.directory, directory
        for session in list(self.sessions.values()):
            # of one whose ids are all the register's, the same register makes the same numbers
            is_known = not session.n_strange and session.controller < before.controllers.n_register
            if before.places is not directory.places or not is_known:
                self._set_session(renumbered(session, directory))
        self._other_births.replace_directory(directory)

    def tell_retained(self, topic: str) -> None:
        """A retained birth, data or death was refused."""
        kind, _, node = topic.removeprefix(f"spBv1.0/{self.group}/").partition("/")
        self._complain("retained", node[:MAX_ID], f"{node[:MAX_ID]}: a retained {kind} is not believed")

    def presence(self) -> dict[str, dict[str, bool | int]]:
        """Every controller met since the start: whether it is online, and the time of its newest live record."""
        seen: dict[str, dict[str, bool | int]] = {
            node: {"is_online": False, "last_seen_us": at_us} for node, at_us in self._last_seen_us.items()
        }
        for node, session in self.sessions.items():
            seen[node] = {"is_online": True, "last_seen_us": session.last_at_us}
        return seen
