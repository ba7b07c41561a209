"""Invalid records: counted, kept as dead letters, reported and acknowledged, so that agents do not repeat them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ingest.decode.birth import Session
from ingest.decode.salvage import salvage_number
from ingest.errors import RecordError
from ingest.metrics import Complaints
from ingest.model.received_ranges import ReceivedRanges, ReceivedRangesTable
from ingest.sparkplug.dead_letters import DeadLetters

_STRIKES: Final = 3  # broken payloads at one gap until its number is given up
# From one of them to the next if it is another one: an agent sends again after minutes what was not acknowledged, and
# whoever sends nonsense in its name does so at any time; meanwhile the missing record may come as it should be.
_STRIKE_EVERY_S: Final = 600.0


class Refusals:
    """The invalid records of one group."""

    def __init__(
        self,
        received: ReceivedRangesTable,
        complaints: Complaints,
        dead_letters: DeadLetters,
        monotonic: Callable[[], float],
    ) -> None:
        """Start without invalid records."""
        self._monotonic = monotonic
        self._received = received
        self._complaints = complaints
        self._dead_letters = dead_letters
        self._strikes: dict[str, tuple[int, int, float, int]] = {}  # the gap, how many broken payloads; the last one

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
            return session.epoch, self._strike(session, payload) if is_own else None
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

    def _strike(self, session: Session, payload: bytes) -> ReceivedRanges | None:
        """Count an unreadable payload; a gap that persists while they arrive counts as the missing record."""
        ranges = session.ranges
        if ranges is None:
            return None
        now, gap, which = self._monotonic(), ranges.complete_to + 1, hash(payload)
        known, strikes, at, before = self._strikes.get(session.controller_id, (-1, 0, now, which))
        if known != gap:
            strikes = 0
        elif which != before and now - at < _STRIKE_EVERY_S:
            return None
        self._strikes[session.controller_id] = (gap, strikes + 1, now, which)
        if strikes + 1 < _STRIKES or not ranges.starts:
            return None
        ranges.take(ranges.complete_to + 1)
        del self._strikes[session.controller_id]
        return ranges
