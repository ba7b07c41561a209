"""The Sparkplug 3.0 session of an edge node: what is published, in which order, with which numbers.

Owns seq, bdSeq, births, rebirths, the intended death, live data and history. It talks to a `Transport` and never to a
socket, so that a test can play a broker message by message. One thread calls it (the link's); only `offer`
may be called from others.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from edge_agent.control.command import BadCommand, Command, parse_command
from edge_agent.link.host_state import HostState
from edge_agent.link.message import Identity, nbirth, ndata, ndeath
from edge_agent.link.ports import Gate, Orders, Transport, Will
from edge_agent.outbox.record import Record, rearrange
from edge_agent.wire import (
    NBIRTH,
    NCMD,
    NDATA,
    NDEATH,
    SEQ_MODULUS,
    NodeTopic,
    WireError,
)

if TYPE_CHECKING:
    from edge_agent.link.resend import Resend
    from edge_agent.outbox.layout import Layout
    from edge_agent.outbox.queue import Outbox

LOG: Final = logging.getLogger(__name__)
LONGEST_QUEUE: Final = 64  # live records on their way to the link; what falls out is history
BIRTH_GAP_S: Final = 2.0  # a host that asks for births in a loop gets one in so many seconds


@dataclass(frozen=True, slots=True)
class Node:
    """Who speaks.

    Attributes:
        group: Sparkplug group id.
        node: edge node id, the controller's.
        layout: what it reports.
        version: the agent's.
        primary_host: Sparkplug host id that must be online before anything is published; None = any or none.
    """

    group: str
    node: str
    layout: Layout
    version: str
    primary_host: str | None = None


class NodeSession:
    """One edge node's session, over many connections."""

    def __init__(
        self,
        node: Node,
        outbox: Outbox,
        resend: Resend,
        orders: Orders,
        now_ms: Callable[[], int],
        gate: Gate | None = None,
    ) -> None:
        """Start disconnected; without a gate, orders need no signature."""
        self._gate = gate
        self._node = node
        self._outbox = outbox
        self._resend = resend
        self._orders = orders
        self._now_ms = now_ms
        self._transport: Transport | None = None
        self._bd_seq = 0
        self._epoch = outbox.epoch
        self._seq = 0
        self._is_born = False
        self._host = None if node.primary_host is None else HostState(node.primary_host)
        self._told_schedule: str | None = None
        self._wants_birth = False
        self._born_s = float("-inf")
        self._queue: deque[Record] = deque(maxlen=LONGEST_QUEUE)
        self._queue_lock = threading.Lock()
        self.n_refused = 0

    @property
    def is_born(self) -> bool:
        """Whether an NBIRTH went out on this connection and data may follow."""
        return self._is_born

    @property
    def is_waiting_for_host(self) -> bool:
        """Whether this connection may not be used because the primary host is not there."""
        return self._transport is not None and not self._is_host_online

    @property
    def _is_host_online(self) -> bool:
        return self._host is None or self._host.is_online

    # --- the connection ----------------------------------------------------------------------------------------

    def will(self) -> Will:
        """The will of the next CONNECT: takes a new bdSeq, which the birth will repeat."""
        self._bd_seq = self._outbox.next_bd_seq()
        return Will(self._topic(NDEATH), ndeath(self._bd_seq, self._now_ms()))

    def subscriptions(self) -> tuple[tuple[str, int], ...]:
        """Topics and QoS to subscribe before the birth; see `n_needed_subscriptions`."""
        topics = [(self._topic(NCMD), 1)]
        if self._host is not None:
            topics += [(topic, 1) for topic in self._host.topics]
        return tuple(topics)

    @property
    def n_needed_subscriptions(self) -> int:
        """How many of them, from the first on, a broker must grant: one may refuse the topic of Sparkplug 2.2."""
        return 1 if self._host is None else 2

    def ready(self, transport: Transport, now_s: float) -> None:
        """The broker accepted connection and subscriptions: give birth, unless the primary host is awaited."""
        self._transport = transport
        if self._host is None:
            self._give_birth(now_s)
        else:
            self._host.forget()
            LOG.info("connected, waiting for primary host %s", self._host.host)

    def lost(self) -> None:
        """The connection is gone; the broker publishes the will."""
        self._transport = None
        self._is_born = False

    def close(self) -> None:
        """End on purpose: the death certificate first, since a clean disconnect sends no will."""
        if self._transport is None:
            return
        self._transport.publish(self._topic(NDEATH), ndeath(self._bd_seq, self._now_ms()), 1)
        self._transport.disconnect()
        self.lost()

    # --- from another thread -----------------------------------------------------------------------------------

    def offer(self, records: list[Record]) -> None:
        """Hand over records that are in the outbox, to go as live data with the next `pump`."""
        with self._queue_lock:
            self._queue.extend(records)

    # --- out ---------------------------------------------------------------------------------------------------

    def pump(self, now_s: float) -> float:
        """Publish what is due, newest live data first; return seconds until it wants to be called again."""
        if not self._is_born:
            self._take_queue()
            return 1.0
        if self._epoch != self._outbox.epoch:  # storage failed, and another outbox has begun: numbers start anew
            self._epoch = self._outbox.epoch
            self._resend.connected(self._outbox.last_sequence, now_s)
            self._wants_birth = True
        if self._orders.held_schedule() != self._told_schedule:  # a new one, or none since it was made to be forgotten
            self._wants_birth = True
        if self._wants_birth and now_s - self._born_s >= BIRTH_GAP_S:
            self._give_birth(now_s)
        for record in self._take_queue():
            if self._publish(record, is_historical=False):
                self._resend.sent_live(record.sequence, now_s)
        n_due = self._resend.due(self._outbox.first_held, now_s)
        for record in self._outbox.fetch(self._resend.cursor, n_due) if n_due else ():
            if not self._publish(record, is_historical=True):
                break
            self._resend.sent_history(
                record.sequence,
                self._outbox.first_held,
                now_s,
                is_known_host=self._outbox.has_been_acknowledged,
            )
        return self._resend.next_s(now_s)

    def _take_queue(self) -> list[Record]:
        with self._queue_lock:
            records = list(self._queue)
            self._queue.clear()
        return records

    def _give_birth(self, now_s: float) -> None:
        self._wants_birth = False
        self._born_s = now_s
        if not self._is_born:
            self._take_queue()
            self._epoch = self._outbox.epoch
            self._resend.connected(self._outbox.last_sequence, now_s)
        newest = self._outbox.newest()
        numbering = (self._outbox.numbering_of(newest) if newest else None) or self._outbox.numbering()
        self._told_schedule = self._orders.held_schedule()
        identity = Identity(self._bd_seq, self._node.version, self._told_schedule)
        payload = nbirth(identity, self._node.layout, self._fitted(newest), numbering, self._now_ms())
        self._seq = 0
        self._send(NBIRTH, payload)
        self._is_born = True

    def _publish(self, record: Record, *, is_historical: bool) -> bool:
        """Send a record; False for one whose epoch has ended."""
        numbering = self._outbox.numbering_of(record)
        if numbering is None:
            return False
        fitted = self._fitted(record)
        assert fitted is not None
        self._seq = (self._seq + 1) % SEQ_MODULUS
        self._send(NDATA, ndata(fitted, numbering, self._seq, is_historical=is_historical))
        return True

    def _fitted(self, record: Record | None) -> Record | None:
        """The record in the order of the present birth."""
        layout = self._node.layout
        if record is None or record.layout_key == layout.key:
            return record
        made = self._outbox.layout(record.layout_key)
        if made is None:  # storage has damaged it: the number alone goes out
            return replace(record, body=b"")
        return rearrange(record, made, layout)

    def _send(self, message_type: str, payload: bytes) -> None:
        assert self._transport is not None
        self._transport.publish(self._topic(message_type), payload, 0)

    def _topic(self, message_type: str) -> str:
        return str(NodeTopic(self._node.group, message_type, self._node.node))

    # --- in ----------------------------------------------------------------------------------------------------

    def received(self, topic: str, payload: bytes, now_s: float, *, is_retained: bool = False) -> None:
        """Take a message from the broker; one that is wrong is counted and changes nothing.

        A retained command is an old one, which comes again with every connection: it is refused. A retained STATE is
        what the standard wants.
        """
        try:
            if self._host is not None and topic in self._host.topics:
                self._host_state(payload, now_s)
            elif topic == self._topic(NCMD) and is_retained:
                self._refuse(BadCommand("it is retained: an old one that comes with every connection"))
            elif topic == self._topic(NCMD):
                self._obey(parse_command(payload, len(self._node.layout.lamp_ids), self._now_ms()))
        except (BadCommand, WireError) as error:
            self._refuse(error)
        except Exception as error:
            LOG.exception("unexpected error; ignoring a message on %s", topic)
            self._refuse(error)

    def _obey(self, command: Command) -> None:
        """Carry a command out as a whole: what may still be refused comes before anything that changes something."""
        if command.acknowledged is not None:
            self._check_acknowledgement(*command.acknowledged)
        if self._gate is not None:
            self._gate.admit(command)
        if command.schedule is not None:
            if not self._orders.schedule(command.schedule):
                self.n_refused += 1
                return
            self._wants_birth = True
        if command.dim is not None:
            self._orders.dim(command.dim)
        if command.acknowledged is not None:
            self._outbox.acknowledge(*command.acknowledged)
        if command.wants_rebirth:
            self._wants_birth = True
            self._resend.host_lost_track(self._outbox.first_held)
        self._resend.host_spoke(self._outbox.first_held)

    def _check_acknowledgement(self, epoch: int, sequence: int) -> None:
        if epoch == self._outbox.epoch and sequence > self._outbox.last_sequence:
            raise BadCommand(f"number {sequence} is acknowledged, but {self._outbox.last_sequence} is the newest")

    def _refuse(self, error: Exception) -> None:
        self.n_refused += 1
        LOG.warning("command refused: %s", error)

    def _host_state(self, payload: bytes, now_s: float) -> None:
        """Follow the primary host; an older statement than the latest is stale and passed over."""
        if self._transport is None or self._host is None:
            return
        was_online = self._is_host_online
        is_online = self._host.received(payload, self._now_ms())
        if is_online and not was_online:
            if self._host.is_version_2_2:
                LOG.info("primary host %s speaks Sparkplug 2.2", self._host.host)
            self._give_birth(now_s)
        elif is_online is False and was_online:
            LOG.warning("primary host %s went offline", self._host.host)
            self.close()
