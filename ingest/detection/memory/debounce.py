"""From masks to verdicts: how many samples and how much data time a condition must hold, and must be gone.

One ``Debounce`` keeps one rule's counters for all items of one kind (lamps, circuits, cabinets). A sample that is not
judged
neither counts nor resets. While an item's verdict is gated (switching guard, maintenance) its run goes on and only the
verdict waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]
_COUNT_MAX = 255
_NONE: Int64 = np.zeros(0, np.int64)
_ELAPSED_MAX = 65535
_ABOUT = 0.99  # ten sweeps of a minute each are ten minutes, even if a clock tick is missing


@dataclass(frozen=True, slots=True)
class Confirm:
    """What opens and clears a rule: samples, and seconds of data time since the run's first sample."""

    samples: int
    seconds: float
    clear_samples: int
    clear_seconds: float


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Items (as positions in the step's input) that opened or cleared, and which of the input have counters running."""

    opened: Int64
    cleared: Int64
    is_active: Bool


_ROW = np.dtype([("since_s", "<u4"), ("elapsed_s", "<u2"), ("count", "u1"), ("is_open", "?")])
_SINCE = np.uint64(0xFFFFFFFF)  # the bits of ``since_s``
_ONE = np.uint64(1 << 48)  # a ``count`` of one
_IDLE = np.uint64(1 << 32)  # a word below it has nothing but its ``since_s``


class Debounce:
    """Counters of one rule over n items. ``since_s`` is the onset: the first sample of the run that opened the item.

    The four of an item stand side by side in eight bytes, which are fetched at once.
    """

    def __init__(self, n_items: int, confirm: Confirm) -> None:
        """Start with nothing known."""
        self.confirm = confirm
        self._words = np.zeros(n_items, np.uint64)
        rows = self._words.view(_ROW)
        self.count, self.elapsed_s, self.since_s = rows["count"], rows["elapsed_s"], rows["since_s"]
        self.is_open = rows["is_open"]

    def look(self, item: Int64) -> npt.NDArray[Any]:
        """A copy of some items' counters: structured (n,), with ``count``, ``elapsed_s``, ``since_s``, ``is_open``."""
        return self._words[item].view(_ROW)

    def is_idle(self) -> bool:
        """Whether nothing runs or is open on any item."""
        return bool(np.maximum.reduce(self._words, initial=0) < _IDLE)

    def step(  # measured columns, in the order of the rule
        self,
        item: Int64,
        at_s: Int64,
        dt_s: Int64,
        holds: Bool,
        heals: Bool,
        judges: Bool,
        is_gated: Bool,
        is_active: Bool | None = None,
    ) -> Verdicts:
        """Take one sample of some items.

        Args:
            item: int64 (n,) distinct items.
            at_s: int64 (n,) data time [s].
            dt_s: int64 (n,) data time since the sample before [s].
            holds: bool (n,) the condition holds.
            heals: bool (n,) it is proved gone.
            judges: bool (n,) the sample says something at all.
            is_gated: bool (n,) no verdict now.
            is_active: bool (n,) items with counters running, if the caller knows; spares a look at all of them.
        """
        if is_active is None:
            before = self.look(item)
            is_active = before["is_open"] | (before["count"] != 0)
            if not (is_active.any() or holds.any()):  # the common case: nothing goes on anywhere
                return Verdicts(_NONE, _NONE, is_active)
        rows = np.flatnonzero((holds & judges) | is_active)
        running = is_active.copy()
        if not len(rows):
            return Verdicts(rows, rows, running)
        items = item[rows]
        before, after = self.look(items), np.empty(len(rows), _ROW)
        is_open, judged = before["is_open"], judges[rows]
        wanted = np.where(is_open, heals[rows], holds[rows]) & judged
        is_first = wanted & (before["count"] == 0)
        passed_s = np.minimum(dt_s[rows], _ELAPSED_MAX // 2) + before["elapsed_s"]
        passed_s = np.where(is_first, 0, np.minimum(passed_s, _ELAPSED_MAX))
        elapsed_s = np.where(wanted, passed_s, np.where(judged, 0, before["elapsed_s"]))
        count = np.where(wanted, np.minimum(before["count"], _COUNT_MAX - 1) + 1, np.where(judged, 0, before["count"]))
        rule = self.confirm
        is_full = np.where(
            is_open,
            (count >= rule.clear_samples) & (elapsed_s >= _ABOUT * rule.clear_seconds),
            (count >= rule.samples) & (elapsed_s >= _ABOUT * rule.seconds),
        )
        turns = wanted & is_full & ~is_gated[rows]
        after["is_open"] = is_open ^ turns
        after["count"] = np.where(turns, 0, count)
        after["elapsed_s"] = np.where(turns, 0, elapsed_s)
        after["since_s"] = np.where(is_first & ~is_open, at_s[rows], before["since_s"])
        self._words[items] = after.view(np.uint64)
        running[rows] = after["is_open"] | (after["count"] != 0)
        return Verdicts(rows[turns & ~is_open], rows[turns & is_open], running)

    def begin(self, item: Int64, at_s: Int64, judges: Bool) -> None:
        """Take the first sample in which a condition holds on closed items, whatever run they had; no verdict.

        As ``step`` for items of which nothing runs: a sample that is not judged leaves none.

        Args:
            item: int64 (n,) distinct items.
            at_s: int64 (n,) data time [s].
            judges: bool (n,) the sample says something at all.
        """
        words = at_s.astype(np.uint64) | _ONE
        if not judges.all():
            words[~judges] = 0
        self._words[item] = words

    def forget(self, item: Int64) -> None:
        """Drop the runs of some items, so that they are judged anew; what is open stays open."""
        self.count[item] = 0
        self.elapsed_s[item] = 0

    def close(self, item: Int64) -> None:
        """End items without a verdict."""
        self._words[item] &= _SINCE
