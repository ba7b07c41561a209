"""Which records of each controller were received: the ranges of record numbers of each outbox epoch.

Pure, no I/O. A record counts as received once it is in a block that will be written; its number may be
acknowledged only when that block is durable, so ``complete_to`` (received) and ``durable_to`` (stored) are separate.
Sequence numbers run from 1 with no gaps within an epoch.

``complete_to`` moves past numbers that were never received when the agent reports that it no longer holds them.
They are not marked as received: if a record with such a number arrives later, the report was wrong or did not come
from the agent, and the record can still be stored once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

MAX_EPOCHS: Final = 8  # of one controller, in memory: a host that reinvents its outbox again and again must not fill it
MAX_RANGES: Final = 1024  # above complete_to: an agent sends its newest and its oldest records, not every second one
MAX_JUMP: Final = 1 << 22  # numbers between a record and the newest known: a record a second for seven weeks
_MAX_OLDER: Final = 64
_MAX_SEQUENCE: Final = 1 << 63  # beyond what any column holds

Range = tuple[int, int]


@dataclass(slots=True)
class ReceivedRanges:
    """The record numbers of one epoch of one controller that were received.

    Attributes:
        complete_to: every number up to this one was received, or the agent has reported that it does not hold it.
        starts: first numbers of the closed ranges above ``complete_to``, rising and never touching.
        ends: their last numbers.
        base: every number above it up to ``complete_to`` was received.
        older: the ranges received up to the base; numbers between them were never received.
        durable_to: every number up to this one is stored, or the agent does not hold it.
        acknowledged: the highest number acknowledged in the present session, -1 = none yet.
        n_rewound: how often ``complete_to`` was lowered; a count from before a rewind is obsolete.
    """

    complete_to: int = 0
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    base: int = 0
    older: list[Range] = field(default_factory=list)
    durable_to: int = 0
    acknowledged: int = -1
    n_rewound: int = 0

    @property
    def newest(self) -> int:
        """The highest number known."""
        return self.ends[-1] if self.ends else self.complete_to

    @property
    def is_empty(self) -> bool:
        """Whether no record was received."""
        return self.complete_to == self.base and not self.starts and not self.older

    def holds(self, sequence: int) -> bool:
        """Whether a record of this number was received already."""
        if sequence <= self.complete_to:
            return sequence > self.base or any(start <= sequence <= end for start, end in self.older)
        if not self.starts:
            return False
        i = bisect_left(self.ends, sequence)
        return i < len(self.ends) and self.starts[i] <= sequence

    def has_room(self, sequence: int) -> bool:
        """Whether a number can be added without exceeding ``MAX_RANGES``."""
        if len(self.starts) < MAX_RANGES or sequence <= self.complete_to + 1:
            return True
        i = bisect_left(self.ends, sequence)
        return (i > 0 and self.ends[i - 1] == sequence - 1) or (i < len(self.starts) and self.starts[i] == sequence + 1)

    def take(self, sequence: int) -> None:
        """Add a number that is not yet included."""
        if sequence == self.complete_to + 1:
            self.complete_to = sequence
            if self.starts and self.starts[0] == sequence + 1:
                self.complete_to = self.ends[0]
                del self.starts[0], self.ends[0]
            return
        if sequence <= self.complete_to:
            self._arrange([*self._ranges(), (sequence, sequence)], self.complete_to)
            return
        i = bisect_left(self.ends, sequence)
        joins_left = i > 0 and self.ends[i - 1] == sequence - 1
        joins_right = i < len(self.starts) and self.starts[i] == sequence + 1
        if joins_left and joins_right:
            self.ends[i - 1] = self.ends[i]
            del self.starts[i], self.ends[i]
        elif joins_left:
            self.ends[i - 1] = sequence
        elif joins_right:
            self.starts[i] = sequence
        else:
            self.starts.insert(i, sequence)
            self.ends.insert(i, sequence)

    def include(self, start: int, end: int) -> None:
        """Add every number of a closed range; some may be included already."""
        if start <= end:
            self._arrange([*self._ranges(), (start, end)], self.complete_to)

    def advance(self, complete_to: int) -> bool:
        """Raise ``complete_to`` to at least this number, up to which the agent holds nothing; whether it changed."""
        if complete_to <= self.complete_to:
            return False
        self._arrange(self._ranges(), complete_to)
        return True

    def rewind(self, complete_to: int) -> None:
        """Lower ``complete_to``: the agent does hold the records above this number that were not received."""
        if complete_to >= self.complete_to:
            return
        self._arrange(self._ranges(), max(complete_to, 0))
        self.durable_to = min(self.durable_to, max(complete_to, 0))
        self.acknowledged = -1
        self.n_rewound += 1

    def _ranges(self) -> list[Range]:
        """All received ranges."""
        own = [(self.base + 1, self.complete_to)] if self.complete_to > self.base else []
        return [*self.older, *own, *zip(self.starts, self.ends, strict=True)]

    def _arrange(self, ranges: Iterable[Range], complete_to: int) -> None:
        """Set these ranges, which may overlap; ``complete_to`` is this number or the end of the range around it."""
        self.older, self.starts, self.ends = [], [], []
        self.base = self.complete_to = complete_to
        for start, end in _joined(ranges):
            if end < complete_to:
                self.older.append((start, end))
            elif start <= complete_to + 1:
                self.base, self.complete_to = start - 1, end
            else:
                self.starts.append(start)
                self.ends.append(end)
        while len(self.older) > _MAX_OLDER:  # numbers between the two oldest ranges count as received from now on
            self.older[:2] = [(self.older[0][0], self.older[1][1])]

    def state(self, controller_id: str, epoch: int) -> StoredRanges:
        """The ranges in the form in which a store keeps them: what was received, without the agent's reports."""
        if not self.base and not self.older:
            return StoredRanges(controller_id, epoch, self.complete_to, tuple(self.starts), tuple(self.ends))
        if not self.starts and not self.older and self.complete_to > self.base:  # as of most: one range
            return StoredRanges(controller_id, epoch, 0, (self.base + 1,), (self.complete_to,))
        ranges = self._ranges()
        complete_to = ranges.pop(0)[1] if ranges and ranges[0][0] == 1 else 0
        return StoredRanges(controller_id, epoch, complete_to, tuple(r[0] for r in ranges), tuple(r[1] for r in ranges))


def _joined(ranges: Iterable[Range]) -> list[Range]:
    """Rising ranges that neither overlap nor touch."""
    joined: list[Range] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


@dataclass(frozen=True, slots=True)
class StoredRanges:
    """Received ranges as a store keeps them: (controller, epoch), complete up to a number, and the ranges above it."""

    controller_id: str
    epoch: int
    complete_to: int
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()


class ReceivedRangesTable:
    """The received ranges of all controllers and epochs."""

    def __init__(self) -> None:
        """Start empty; ``restore`` adds what the store holds."""
        self._received: dict[tuple[str, int], ReceivedRanges] = {}
        self._epochs: dict[str, list[int]] = {}

    def get(self, controller_id: str, epoch: int) -> ReceivedRanges | None:
        """The ranges of a known epoch, else None."""
        return self._received.get((controller_id, epoch))

    def open(self, controller_id: str, epoch: int, complete_to: int) -> ReceivedRanges:
        """The ranges of an epoch; a new one starts at ``complete_to``, a known one is raised to it.

        ``complete_to`` is the agent's Sequence - Pending, up to which it holds nothing. Of more than ``MAX_EPOCHS`` the
        the one opened the longest ago is forgotten, and first of all one without any received record.
        """
        key = (controller_id, epoch)
        ranges = self._received.get(key)
        complete_to = min(max(complete_to, 0), _MAX_SEQUENCE)
        epochs = self._epochs.setdefault(controller_id, [])
        if ranges is not None and epochs[-1] != epoch:
            epochs.remove(epoch)
            epochs.append(epoch)
        if ranges is None:
            ranges = self._received[key] = ReceivedRanges(
                complete_to=complete_to, base=complete_to, durable_to=complete_to
            )
            epochs.append(epoch)
            if len(epochs) > MAX_EPOCHS:
                empty = (i for i, one in enumerate(epochs[:-1]) if self._received[controller_id, one].is_empty)
                del self._received[controller_id, epochs.pop(next(empty, 0))]
        elif ranges.advance(complete_to) and not ranges.starts:
            ranges.durable_to = max(ranges.durable_to, complete_to)
        return ranges

    def forget_empty(self, controller_id: str) -> None:
        """Remove the epochs of a controller of which nothing was received."""
        epochs = self._epochs.get(controller_id, [])
        for epoch in [epoch for epoch in epochs if self._received[controller_id, epoch].is_empty]:
            epochs.remove(epoch)
            del self._received[controller_id, epoch]
        if not epochs:
            self._epochs.pop(controller_id, None)

    def restore(self, state: StoredRanges) -> None:
        """Add what a store holds of one epoch."""
        ranges = self.open(state.controller_id, state.epoch, 0)
        ranges.include(1, state.complete_to)
        for start, end in zip(state.starts, state.ends, strict=True):
            ranges.include(start, end)
        ranges.durable_to = ranges.complete_to

    def state(self, controller_id: str, epoch: int) -> StoredRanges:
        """The stored form of one epoch, written with the block that holds its newest records."""
        return self._received[controller_id, epoch].state(controller_id, epoch)

    def states(self) -> list[StoredRanges]:
        """The stored form of all epochs."""
        return [self.state(*key) for key in self._received]
