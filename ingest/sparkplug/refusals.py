"""Invalid records: counted, kept as dead letters, reported and acknowledged, so that agents do not repeat them."""

from __future__ import annotations

from typing import Final

from ingest.decode.birth import Session
from ingest.decode.salvage import salvage_number
from ingest.errors import RecordError
from ingest.metrics import Complaints
from ingest.model.received_ranges import ReceivedRanges, ReceivedRangesTable
from ingest.sparkplug.dead_letters import DeadLetters

_STRIKES: Final = 3  # broken payloads at one gap until its number is given up


class Refusals:
    """The invalid records of one group."""

    def __init__(self, received: ReceivedRangesTable, complaints: Complaints, dead_letters: DeadLetters) -> None:
        """Start without invalid records."""
        self._received = received
        self._complaints = complaints
        self._dead_letters = dead_letters
        self._strikes: dict[str, tuple[int, int]] = {}

    def set_aside(
        self,
        session: Session,
        payload: bytes,
        error: RecordError,
        number: tuple[int, int] | None,
        *,
        is_own: bool,
        now_us: int,
    ) -> tuple[int, ReceivedRanges | None]:
        """Set a record aside; if its (epoch, sequence) can be read at all, it counts as received.

        Args:
            session: by which it could not be read.
            payload: the record's.
            error: what is wrong with it.
            number: its (epoch, sequence) if they are known.
            is_own: it is surely of the session's agent: without a number, it may fill a gap there.
            now_us: when it was received.

        Returns:
            The epoch and the received ranges that the record counts in; None = in none.
        """
        node = session.controller_id
        self._complaints.add(error.reason, node, f"{node}: a record is broken: {error}")
        self._dead_letters.add(f"NDATA/{node}", error.reason, str(error), payload, now_us)
        if number is None:
            session.seq = (session.seq + 1) % 256
            number = salvage_number(session, payload)
        if number is None:
            return session.epoch, self._strike(session) if is_own else None
        epoch, sequence = number
        ranges = self._received.get(node, epoch)
        if ranges is None and epoch == session.epoch:
            ranges = self._received.open(node, epoch, sequence - 1)
        if ranges is not None and not ranges.holds(sequence):
            ranges.take(sequence)
        return epoch, ranges

    def forget(self, node: str) -> None:
        """A controller that no register knows is gone."""
        self._strikes.pop(node, None)

    def _strike(self, session: Session) -> ReceivedRanges | None:
        """Count an unreadable payload; a gap that persists while they arrive counts as the missing record."""
        ranges = session.ranges
        if ranges is None:
            return None
        gap, strikes = self._strikes.get(session.controller_id, (-1, 0))
        strikes = strikes + 1 if gap == ranges.complete_to + 1 else 1
        self._strikes[session.controller_id] = (ranges.complete_to + 1, strikes)
        if strikes < _STRIKES or not ranges.starts:
            return None
        ranges.take(ranges.complete_to + 1)
        del self._strikes[session.controller_id]
        return ranges
