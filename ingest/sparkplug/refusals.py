"""Invalid records: counted, kept as dead letters, reported and acknowledged, so that agents do not repeat them.

Anybody may publish in a controller's name on a broker without access rules. A payload without a readable number is
therefore the agent's only if the agent's ``seq`` counts it: the next record's says how many messages came in between.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final

from edge_agent.wire import SEQ_MODULUS
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
_MOST_KEPT: Final = 64  # of one controller: numbers without a stored record, and payloads of others


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
        self._others: dict[str, dict[int, None]] = {}  # by controller: hashes of payloads that were not its own
        self._set_aside: dict[str, dict[tuple[int, int], None]] = {}  # numbers that count, of which nothing is stored

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
            is_own: no other agent of this name is known: without a number, it may fill a gap there; see ``resolve``.
            now_us: when it was received.

        Returns:
            The epoch and the received ranges that the record counts in; None = in none.
        """
        node = session.controller_id
        self._complaints.add(error.reason, node, f"{node}: a record is broken: {error}")
        self._dead_letters.add(f"NDATA/{node}", error.reason, str(error), payload, now_us)
        if number is None:
            number = salvage_number(session, payload)
            if number is None:
                which = hash(payload) if is_own else None
                session.unread_hash = which if not session.n_unread or which == session.unread_hash else None
                session.n_unread += 1
                return session.epoch, None
            session.seq = (session.seq + 1) % SEQ_MODULUS
        epoch, sequence = number
        ranges = self._received.get(node, epoch)
        if ranges is None and epoch == session.epoch:
            ranges = self._received.open(node, epoch, sequence - 1)
        if ranges is not None and not ranges.holds(sequence):
            self._count(node, epoch, sequence, ranges)
        return epoch, ranges

    def _count(self, node: str, epoch: int, sequence: int, ranges: ReceivedRanges) -> None:
        ranges.take(sequence)
        _keep(self._set_aside.setdefault(node, {}), (epoch, sequence))

    def is_set_aside(self, session: Session, sequence: int) -> bool:
        """Whether a number counts as received although no record of it is stored."""
        return (session.epoch, sequence) in self._set_aside.get(session.controller_id, ())

    def reclaim(self, session: Session, sequence: int) -> None:
        """The record of such a number came after all, and is stored."""
        self._set_aside[session.controller_id].pop((session.epoch, sequence), None)

    def forget(self, node: str) -> None:
        """A controller that no register knows is gone."""
        self._strikes.pop(node, None)
        self._others.pop(node, None)
        self._set_aside.pop(node, None)

    def resolve(self, session: Session, n_missing: int, sequence: int, ranges: ReceivedRanges) -> None:
        """Decide by the next record whose the payloads were that were not read; see ``Session.n_unread``.

        An agent counts its own in ``seq``. Payloads that it did not count are another sender's, and whatever is like
        them is not believed later either. A gap that persists while its agent's arrive counts as the missing record.

        Args:
            session: theirs.
            n_missing: messages that are missing before the record by its ``seq``.
            sequence: the record's number.
            ranges: the epoch's, without the record.
        """
        node, n_unread, which = session.controller_id, session.n_unread, session.unread_hash
        session.n_unread, session.unread_hash = 0, None
        if which is None:
            return
        others = self._others.setdefault(node, {})
        if not n_missing:
            _keep(others, which)
            return
        is_short = bool(ranges.starts) or sequence > ranges.complete_to + 1
        if n_missing == n_unread and which not in others and is_short:
            self._strike(session, which, n_unread, ranges)

    def _strike(self, session: Session, which: int, n: int, ranges: ReceivedRanges) -> None:
        node, now, gap = session.controller_id, self._monotonic(), ranges.complete_to + 1
        known, strikes, at, before = self._strikes.get(node, (-1, 0, now, which))
        if known != gap:
            strikes = 0
        elif which != before and now - at < _STRIKE_EVERY_S:
            return
        self._strikes[node] = (gap, strikes + n, now, which)
        if strikes + n >= _STRIKES:
            self._count(node, session.epoch, gap, ranges)
            del self._strikes[node]


def _keep(kept: dict[Any, None], key: Hashable) -> None:
    kept[key] = None
    if len(kept) > _MOST_KEPT:
        del kept[next(iter(kept))]
