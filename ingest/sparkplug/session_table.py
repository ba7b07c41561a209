"""The sessions of one group, and the numbers and requests that change with them.

Pure bookkeeping, no I/O. Which births and deaths are believed is decided in ``ingest.sparkplug.births``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from edge_agent.wire import NDATA, NodeTopic
from ingest.decode.birth import Session, renumbered
from ingest.metrics import Complaints
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.sparkplug.clock_offsets import ClockOffsets
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.other_births import OtherBirths
from ingest.sparkplug.refusals import Refusals
from ingest.sparkplug.strangers import Strangers

_RENEWAL_S: Final = 60.0
_MANY_GONE: Final = 16_384  # ids of strangers that are gone, until the directory is begun anew


class SessionTable:
    """The sessions that are in force, by controller and by the topic of their data.

    Attributes:
        directory: numbers every session's controller, lamps and circuits.
        sessions: by controller.
        by_topic: by the topic of its NDATA.
        last_seen_us: of controllers that went offline, the time of the newest live record.
    """

    def __init__(
        self,
        group: str,
        directory: Directory,
        *,
        received: ReceivedRangesTable,
        complaints: Complaints,
        dead_letters: DeadLetters,
        monotonic: Callable[[], float],
    ) -> None:
        """Start without sessions."""
        self.group = group
        self.directory = directory
        self.received = received
        self.complaints = complaints
        self.sessions: dict[str, Session] = {}
        self.by_topic: dict[str, Session] = {}
        self.last_seen_us: dict[str, int] = {}
        self.other_births = OtherBirths()
        self.refusals = Refusals(received, complaints, dead_letters, monotonic)
        self.clocks = ClockOffsets()
        self.strangers = Strangers(monotonic)
        self._monotonic = monotonic
        self._renewed_at = -_RENEWAL_S
        self._n_gone = 0

    def is_registered(self, node: str) -> bool:
        """Whether the register knows a controller."""
        return node in self.directory.places.controller_index

    def set(self, session: Session) -> None:
        """Put a session in force, in the place of its controller's last one."""
        node = session.controller_id
        self.sessions[node] = self.by_topic[str(NodeTopic(self.group, NDATA, node))] = session

    def end(self, session: Session) -> None:
        """A session is over; of a controller that no register knows, little is kept."""
        self.sessions.pop(session.controller_id, None)
        self.other_births.forget(session.controller_id)
        self.by_topic.pop(str(NodeTopic(self.group, NDATA, session.controller_id)), None)
        if not self.is_registered(session.controller_id):
            self._n_gone += 1 + session.n_strange
            self.forget_stranger(session.controller_id)

    def forget_stranger(self, node: str) -> None:
        """Keep nothing of a controller that no register knows but which of its records are stored."""
        self.strangers.leave(node)
        self.other_births.forget_wholly(node)
        self.clocks.forget(node)
        self.refusals.forget(node)
        self.last_seen_us.pop(node, None)
        self.received.forget_empty(node)

    def forget(self) -> None:
        """End all sessions after a reconnection: births may have been missed and are requested again."""
        for session in list(self.sessions.values()):
            if self.is_registered(session.controller_id):
                self.last_seen_us[session.controller_id] = session.last_at_us
            else:
                self.end(session)
        self.strangers.leave_all()
        self.sessions.clear()
        self.by_topic.clear()
        self.other_births.forget_all()

    def expect_renewal(self) -> None:
        """The directory is full: begin it anew before the next tick; the records of this one are numbered by it."""
        self._n_gone = _MANY_GONE

    def renew_directory(self) -> None:
        """Forget the ids of strangers that have no session any more, once they are many and at most once a minute.

        To be called between two ticks.
        """
        now = self._monotonic()
        if self._n_gone >= _MANY_GONE and now - self._renewed_at >= _RENEWAL_S:
            self._renewed_at, self._n_gone = now, 0
            self.replace_directory(Directory(self.directory.places))

    def replace_directory(self, directory: Directory) -> None:
        """Number every session's lamps anew after the register changed; nobody has to be born again for it."""
        before = self.directory
        renewed = [
            renumbered(session, directory)
            for session in self.sessions.values()
            # of one whose ids are all the register's, the same register makes the same numbers
            if before.places is not directory.places
            or session.n_strange
            or session.controller >= before.controllers.n_register
        ]
        self.other_births.replace_directory(directory)
        self.directory = directory
        for session in renewed:
            self.set(session)

    def presence(self) -> dict[str, dict[str, bool | int]]:
        """Controllers met since the start: whether each is online, and the time of its newest live record.

        Of those that the register does not name (renamed or removed) only the ones that are online.
        """
        seen: dict[str, dict[str, bool | int]] = {
            node: {"is_online": False, "last_seen_us": at_us}
            for node, at_us in self.last_seen_us.items()
            if self.is_registered(node)
        }
        for node, session in self.sessions.items():
            seen[node] = {"is_online": True, "last_seen_us": session.last_at_us}
        return seen

    def complain(self, reason: str, node: str, text: str, *, count: int = 1) -> None:
        """Report an error in a controller's messages."""
        self.complaints.add(reason, node, text, count=count, is_stranger=not self.is_registered(node))

    def tell_two_agents(self, node: str, sign: str) -> None:
        """Report that two agents appear to use one name."""
        self.complaints.add("duplicate_controller", node, f"{node}: {sign}; two agents of one name?")
