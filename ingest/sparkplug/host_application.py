"""The Sparkplug host application: dispatches messages to sessions and records (contract.md, section 3).

No socket: messages come in as (topic, payload) pairs, commands go out the same way. Births and deaths are for
``ingest.sparkplug.births``, the numbers of records for ``ingest.sparkplug.record_numbers``; here a record finds the
birth that it is read by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge_agent.wire import NBIRTH, NDATA, NDEATH, WireError, parse_topic
from ingest.decode.birth import Session
from ingest.decode.bounds import MAX_ID, is_id
from ingest.decode.bulk_decode import BulkDecoder
from ingest.decode.record import DecodedRecord, read_record
from ingest.errors import RecordError, describe
from ingest.metrics import Complaints, Metrics
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.mqtt.connection import MqttMessage
from ingest.sparkplug.births import Births
from ingest.sparkplug.command_queue import CommandQueue
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.intake_result import IntakeResult
from ingest.sparkplug.record_numbers import RecordNumbers
from ingest.sparkplug.session_table import SessionTable
from ingest.sparkplug.time_limit import EARLIEST_NOW_US, TimeLimit, claimed_times


class HostApplication:
    """All sessions of one group.

    Attributes:
        sessions: those that are in force, by controller.
        highest_us: the latest "now" so far, also of earlier runs.
    """

    def __init__(
        self,
        group: str,
        directory: Directory,
        *,
        received: ReceivedRangesTable,
        dead_letters: DeadLetters,
        metrics: Metrics,
        monotonic: Callable[[], float],
        wall_ms: Callable[[], int],
    ) -> None:
        """Start with no session: every controller's first data asks it for a rebirth."""
        self.group = group
        self.received = received
        self.highest_us = 0
        self._dead_letters = dead_letters
        self._metrics = metrics
        self.complaints = Complaints(metrics)
        self.commands = CommandQueue(group, metrics, monotonic=monotonic, wall_ms=wall_ms)
        self._table = SessionTable(
            group,
            directory,
            received=received,
            complaints=self.complaints,
            dead_letters=dead_letters,
            monotonic=monotonic,
        )
        self.sessions = self._table.sessions
        self._by_topic = self._table.by_topic
        self._strangers = self._table.strangers
        self._other_births = self._table.other_births
        numbers = RecordNumbers(self._table, self.commands, dead_letters)
        self._take, self._refuse = numbers.take, numbers.refuse
        self._births = Births(self._table, numbers, self.commands, dead_letters)
        self._bulk_decoder = BulkDecoder()

    @property
    def directory(self) -> Directory:
        """Numbers every session's controller, lamps and circuits."""
        return self._table.directory

    @property
    def newborn(self) -> list[Session]:
        """Sessions started since this list was last emptied."""
        return self._births.newborn

    @newborn.setter
    def newborn(self, sessions: list[Session]) -> None:
        self._births.newborn = sessions

    # --- messages in

    def receive(
        self, messages: Sequence[MqttMessage], now_us: int | None, lag_us: int = 0, *, is_data_time: bool = False
    ) -> IntakeResult:
        """Take one tick's messages in their order.

        Args:
            messages: as they came.
            now_us: None = not known yet (data time before any data).
            lag_us: how far ``now_us`` may be behind the time of these messages.
            is_data_time: ``now_us`` is no clock's, and stood still while nothing was received.
        """
        self._table.renew_directory()
        result = IntakeResult(now_us=now_us, lag_us=lag_us)
        if is_data_time:
            result.limit = TimeLimit(now_us, lambda limit_us: self._claimed_times(messages, limit_us))
        elif now_us is not None:  # a clock that is set back, or starts anew, makes no record one of the future
            self.highest_us = max(self.highest_us, now_us)
            result.limit = TimeLimit(self.highest_us if self.highest_us >= EARLIEST_NOW_US else None)
        for online in self.sessions.values():
            online.next_round = 0
        n_data = 0
        n_duplicates = 0
        for (topic, payload), alike in zip(messages, self._read_alike(messages), strict=True):
            session = self._by_topic.get(topic)
            try:
                if session is None:
                    self._other(topic, payload, result)
                elif alike is not None and alike.session is session and alike.epoch == session.epoch:
                    n_data += 1
                    n_duplicates += self._take(session, alike, payload, result)
                else:
                    n_data += 1
                    n_duplicates += self._data(session, payload, alike, result)
            except Exception as error:  # noqa: BLE001  # whatever one message does, the others are not to notice
                self._set_message_aside(topic, payload, error, result)
        self._metrics.messages.labels(NDATA).inc(n_data)
        self._metrics.duplicates.inc(n_duplicates)
        return result

    def _claimed_times(self, messages: Sequence[MqttMessage], limit_us: int) -> list[int]:
        registered = [one for one in self.sessions.values() if self._table.is_registered(one.controller_id)]
        return claimed_times(registered, messages, f"spBv1.0/{self.group}/", limit_us)

    def _read_alike(self, messages: Sequence[MqttMessage]) -> Sequence[DecodedRecord | None]:
        try:
            return self._bulk_decoder.read(messages, self._by_topic)
        except Exception as error:  # noqa: BLE001  # then each is read by itself, and only the one that does it is lost
            self.complaints.add("broke_down", "reading alike", f"reading many messages at once: {describe(error)}")
            return [None] * len(messages)

    def _set_message_aside(self, topic: str, payload: bytes, error: Exception, result: IntakeResult) -> None:
        kind, _, node = topic.removeprefix(f"spBv1.0/{self.group}/").partition("/")
        text = f"{kind} of {node} breaks ingest and is set aside: {describe(error)}"
        self.complaints.add("broke_down", node, text)
        self._dead_letters.add(f"{kind}/{node}", "broke_down", text, payload, result.now_us or 0)

    def _data(self, session: Session, payload: bytes, alike: DecodedRecord | None, result: IntakeResult) -> bool:
        """Take one NDATA of a session; says whether it was a duplicate."""
        record: DecodedRecord | None
        try:
            record = alike if alike is not None and alike.session is session else read_record(session, payload)
        except RecordError as error:
            record = self._turn(session, payload)  # perhaps it only has another agent's aliases
            if record is None:
                self._refuse(session, payload, error, None, result)
        else:
            if not session.epoch:
                session.epoch = record.epoch
            elif record.epoch != session.epoch:
                record = self._by_own_birth(session, record.epoch, payload)
        return record is not None and self._take(record.session, record, payload, result)

    def _by_own_birth(self, session: Session, epoch: int, payload: bytes) -> DecodedRecord | None:
        """A record of another epoch than the session's, by its own birth; None = not known: it is to be sent again."""
        record = self._turn(session, payload)
        if record is None:
            node = session.controller_id
            text = f"{node}: no birth of epoch {epoch} is known, its records wait; a new outbox, or two agents?"
            self.complaints.add("unborn_epoch", node, text)
            self._other_births.miss(node, epoch, self.commands.ask_rebirth)
        return record

    def _turn(self, session: Session, payload: bytes) -> DecodedRecord | None:
        """A record by another birth that is kept of this controller, whose session is then in force; None = by none."""
        record = self._other_births.read(session, payload)
        if record is not None:
            self._table.tell_two_agents(session.controller_id, f"epoch {record.epoch} is back after another one")
            self._table.set(record.session)
        return record

    def _other(self, topic: str, payload: bytes, result: IntakeResult) -> None:
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
            self._births.take_birth(parts.node, payload, result)
        elif parts.message_type == NDEATH:
            self._metrics.messages.labels(NDEATH).inc()
            self._births.take_death(parts.node, payload, result)
        elif parts.message_type == NDATA:
            self._metrics.messages.labels(NDATA).inc()
            self._births.ask(parts.node)

    # --- the connection and the register

    def forget(self) -> None:
        """End all sessions after a reconnection: births may have been missed and are requested again."""
        self._table.forget()
        self.commands.forget()

    def replace_directory(self, directory: Directory) -> None:
        """Number every session's lamps anew after the register changed; nobody has to be born again for it."""
        self._table.replace_directory(directory)

    def tell_retained(self, topic: str) -> None:
        """Report a refused retained birth, data or death."""
        kind, _, node = topic.removeprefix(f"spBv1.0/{self.group}/").partition("/")
        self._table.complain("retained", node[:MAX_ID], f"{node[:MAX_ID]}: a retained {kind} is not believed")

    def tell_state(self, text: str) -> None:
        """Report a conflicting STATE of this host id."""
        self.complaints.add("state", "STATE", text)

    def presence(self) -> dict[str, dict[str, bool | int]]:
        """Whether each controller is online, and when it was last heard: see the table of sessions."""
        return self._table.presence()
