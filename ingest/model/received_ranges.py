"""Which records of each controller are taken: per outbox epoch the exact ranges of numbers, and a floor among them.

Pure bookkeeping, no I/O. A record is taken once it stands in a block that will be written; its number may be
acknowledged only when that block is durable, so ``floor`` (taken) and ``durable_floor`` (stored for good) are kept
apart. Sequence numbers run from 1 with no gaps within an epoch.

The floor moves over numbers that were never taken when the agent says that it no longer holds them. They are still not
taken: should a record of such a number come after all, whoever moved the floor was wrong or was not the agent, and the
record can be stored without being stored twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

MAX_EPOCHS: Final = 8  # of one controller, in memory: a host that reinvents its outbox again and again must not fill it
MAX_RANGES: Final = 1024  # ahead of the floor: an agent sends its newest and its oldest records, not every second one
MAX_JUMP: Final = 1 << 22  # numbers between a record and the newest known: a record a second for seven weeks
_MAX_OLDER: Final = 64
_MAX_SEQUENCE: Final = 1 << 63  # beyond what any column holds

Range = tuple[int, int]


@dataclass(slots=True)
class Mark:
    """How far one epoch of one controller is taken.

    Attributes:
        floor: every number up to this one is taken, or the agent has said that it does not hold it.
        starts: first numbers of the closed ranges taken ahead of the floor, rising and never touching.
        ends: their last numbers.
        base: every number above it up to the floor is taken.
        older: the ranges taken up to the base; what lies between them was never taken.
        durable_floor: every number up to this one is stored for good, or the agent does not hold it.
        acknowledged: the highest number acknowledged in the present session, -1 = none yet.
        n_rewound: how often the floor was lowered: what was known of it before counts no more.
    """

    floor: int = 0
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    base: int = 0
    older: list[Range] = field(default_factory=list)
    durable_floor: int = 0
    acknowledged: int = -1
    n_rewound: int = 0

    @property
    def newest(self) -> int:
        """The highest number known."""
        return self.ends[-1] if self.ends else self.floor

    @property
    def is_empty(self) -> bool:
        """Whether nothing is taken."""
        return self.floor == self.base and not self.starts and not self.older

    def holds(self, sequence: int) -> bool:
        """Whether a record of this number is taken already."""
        if sequence <= self.floor:
            return sequence > self.base or any(start <= sequence <= end for start, end in self.older)
        if not self.starts:
            return False
        i = bisect_left(self.ends, sequence)
        return i < len(self.ends) and self.starts[i] <= sequence

    def has_room(self, sequence: int) -> bool:
        """Whether a number can be taken without one range too many."""
        if len(self.starts) < MAX_RANGES or sequence <= self.floor + 1:
            return True
        i = bisect_left(self.ends, sequence)
        return (i > 0 and self.ends[i - 1] == sequence - 1) or (i < len(self.starts) and self.starts[i] == sequence + 1)

    def take(self, sequence: int) -> None:
        """Take a number that the mark does not hold yet."""
        if sequence == self.floor + 1:
            self.floor = sequence
            if self.starts and self.starts[0] == sequence + 1:
                self.floor = self.ends[0]
                del self.starts[0], self.ends[0]
            return
        if sequence <= self.floor:
            self._arrange([*self._ranges(), (sequence, sequence)], self.floor)
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
        """Take every number of a closed range, whatever of it is held already."""
        if start <= end:
            self._arrange([*self._ranges(), (start, end)], self.floor)

    def raise_floor(self, floor: int) -> bool:
        """Let the floor be at least this: the agent holds nothing up to it. Says whether that changed anything."""
        if floor <= self.floor:
            return False
        self._arrange(self._ranges(), floor)
        return True

    def rewind(self, floor: int) -> None:
        """Lower the floor: the agent does hold what comes behind ``floor``, unless it is taken."""
        if floor >= self.floor:
            return
        self._arrange(self._ranges(), max(floor, 0))
        self.durable_floor = min(self.durable_floor, max(floor, 0))
        self.acknowledged = -1
        self.n_rewound += 1

    def _ranges(self) -> list[Range]:
        """All that is taken."""
        own = [(self.base + 1, self.floor)] if self.floor > self.base else []
        return [*self.older, *own, *zip(self.starts, self.ends, strict=True)]

    def _arrange(self, ranges: Iterable[Range], floor: int) -> None:
        """Take just these ranges, which may overlap, with the floor at this number or behind the range there."""
        self.older, self.starts, self.ends = [], [], []
        self.base = self.floor = floor
        for start, end in _joined(ranges):
            if end < floor:
                self.older.append((start, end))
            elif start <= floor + 1:
                self.base, self.floor = start - 1, end
            else:
                self.starts.append(start)
                self.ends.append(end)
        while len(self.older) > _MAX_OLDER:  # what lies between the two oldest counts as taken from now on
            self.older[:2] = [(self.older[0][0], self.older[1][1])]

    def state(self, controller_id: str, epoch: int) -> MarkState:
        """The mark as a store keeps it: what is taken, and nothing of what the agent said."""
        if not self.base and not self.older:
            return MarkState(controller_id, epoch, self.floor, tuple(self.starts), tuple(self.ends))
        ranges = self._ranges()
        floor = ranges.pop(0)[1] if ranges and ranges[0][0] == 1 else 0
        return MarkState(controller_id, epoch, floor, tuple(r[0] for r in ranges), tuple(r[1] for r in ranges))


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
class MarkState:
    """A mark as a store keeps it: (controller, epoch), the floor and the ranges ahead of it."""

    controller_id: str
    epoch: int
    floor: int
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()


class Watermarks:
    """The marks of all controllers."""

    def __init__(self) -> None:
        """Start with nothing taken; ``restore`` brings in what the store holds."""
        self._marks: dict[tuple[str, int], Mark] = {}
        self._epochs: dict[str, list[int]] = {}

    def get(self, controller_id: str, epoch: int) -> Mark | None:
        """The mark of an epoch that was met before."""
        return self._marks.get((controller_id, epoch))

    def open(self, controller_id: str, epoch: int, floor: int) -> Mark:
        """The mark of an epoch; one never met starts at ``floor``, one met before is raised to it.

        ``floor`` is the agent's Sequence - Pending, what it says it holds no more. Of more than ``MAX_EPOCHS`` the
        one is forgotten that was opened the longest ago, one of which nothing is taken before any other.
        """
        key = (controller_id, epoch)
        mark = self._marks.get(key)
        floor = min(max(floor, 0), _MAX_SEQUENCE)
        epochs = self._epochs.setdefault(controller_id, [])
        if mark is not None and epochs[-1] != epoch:
            epochs.remove(epoch)
            epochs.append(epoch)
        if mark is None:
            mark = self._marks[key] = Mark(floor=floor, base=floor, durable_floor=floor)
            epochs.append(epoch)
            if len(epochs) > MAX_EPOCHS:
                empty = (i for i, one in enumerate(epochs[:-1]) if self._marks[controller_id, one].is_empty)
                del self._marks[controller_id, epochs.pop(next(empty, 0))]
        elif mark.raise_floor(floor) and not mark.starts:
            mark.durable_floor = max(mark.durable_floor, floor)
        return mark

    def forget_empty(self, controller_id: str) -> None:
        """Forget the epochs of a controller of which nothing was ever taken."""
        epochs = self._epochs.get(controller_id, [])
        for epoch in [epoch for epoch in epochs if self._marks[controller_id, epoch].is_empty]:
            epochs.remove(epoch)
            del self._marks[controller_id, epoch]
        if not epochs:
            self._epochs.pop(controller_id, None)

    def restore(self, state: MarkState) -> None:
        """Bring in what a store holds of one epoch."""
        mark = self.open(state.controller_id, state.epoch, 0)
        mark.include(1, state.floor)
        for start, end in zip(state.starts, state.ends, strict=True):
            mark.include(start, end)
        mark.durable_floor = mark.floor

    def state(self, controller_id: str, epoch: int) -> MarkState:
        """One mark, to be kept with the block that holds its newest records."""
        return self._marks[controller_id, epoch].state(controller_id, epoch)

    def states(self) -> list[MarkState]:
        """All marks."""
        return [self.state(*key) for key in self._marks]
