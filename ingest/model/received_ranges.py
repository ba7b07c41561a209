"""Which records of each controller are taken: per outbox epoch a contiguous floor and what came ahead of it.

Pure bookkeeping, no I/O. A record is taken once it stands in a block that will be written; its number may be
acknowledged only when that block is durable, so ``floor`` (taken) and ``durable_floor`` (stored for good) are kept
apart. Sequence numbers run from 1 with no gaps within an epoch; everything up to the floor is done with.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

MAX_EPOCHS: Final = 8  # of one controller, in memory: a host that reinvents its outbox again and again must not fill it
_MAX_SEQUENCE: Final = 1 << 63  # beyond what any column holds


@dataclass(slots=True)
class Mark:
    """How far one epoch of one controller is taken.

    Attributes:
        floor: every number up to this one is taken, or was never the host's to take.
        starts: first numbers of the closed ranges taken ahead of the floor, rising and never touching.
        ends: their last numbers.
        durable_floor: every number up to this one is stored for good.
        acknowledged: the highest number acknowledged in the present session, -1 = none yet.
    """

    floor: int = 0
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    durable_floor: int = 0
    acknowledged: int = -1

    def holds(self, sequence: int) -> bool:
        """Whether a record of this number is taken already."""
        if sequence <= self.floor:
            return True
        if not self.starts:
            return False
        i = bisect_left(self.ends, sequence)
        return i < len(self.ends) and self.starts[i] <= sequence

    def take(self, sequence: int) -> None:
        """Take a number that the mark does not hold yet."""
        if sequence == self.floor + 1:
            self.floor = sequence
            if self.starts and self.starts[0] == sequence + 1:
                self.floor = self.ends[0]
                del self.starts[0], self.ends[0]
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
        if end <= self.floor:
            return
        start = max(start, self.floor + 1)
        first = last = bisect_left(self.ends, start - 1)  # the first range that overlaps or touches
        while last < len(self.starts) and self.starts[last] <= end + 1:
            start, end = min(start, self.starts[last]), max(end, self.ends[last])
            last += 1
        self.starts[first:last], self.ends[first:last] = [start], [end]
        if self.starts[0] == self.floor + 1:
            self.floor = self.ends[0]
            del self.starts[0], self.ends[0]

    def raise_floor(self, floor: int) -> bool:
        """Let the floor be at least this: the agent holds nothing up to it. Says whether that changed anything."""
        if floor <= self.floor:
            return False
        self.floor = floor
        while self.starts and self.starts[0] <= self.floor + 1:
            self.floor = max(self.floor, self.ends[0])
            del self.starts[0], self.ends[0]
        return True

    def state(self, controller_id: str, epoch: int) -> MarkState:
        """The mark as a store keeps it."""
        return MarkState(controller_id, epoch, self.floor, tuple(self.starts), tuple(self.ends))


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
        one is forgotten that was opened the longest ago.
        """
        key = (controller_id, epoch)
        mark = self._marks.get(key)
        floor = min(max(floor, 0), _MAX_SEQUENCE)
        epochs = self._epochs.setdefault(controller_id, [])
        if mark is not None and epochs[-1] != epoch:
            epochs.remove(epoch)
            epochs.append(epoch)
        if mark is None:
            mark = self._marks[key] = Mark(floor=floor, durable_floor=floor)
            epochs.append(epoch)
            if len(epochs) > MAX_EPOCHS:
                del self._marks[controller_id, epochs.pop(0)]
        elif mark.raise_floor(floor) and not mark.starts:
            mark.durable_floor = max(mark.durable_floor, floor)
        return mark

    def restore(self, state: MarkState) -> None:
        """Bring in what a store holds of one epoch."""
        mark = self.open(state.controller_id, state.epoch, state.floor)
        for start, end in zip(state.starts, state.ends, strict=True):
            mark.include(start, end)
        mark.durable_floor = mark.floor

    def state(self, controller_id: str, epoch: int) -> MarkState:
        """One mark, to be kept with the block that holds its newest records."""
        return self._marks[controller_id, epoch].state(controller_id, epoch)

    def states(self) -> list[MarkState]:
        """All marks."""
        return [self.state(*key) for key in self._marks]
