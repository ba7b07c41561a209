"""Where a sweep's lamps lie in the state, in blocks that fit the processor's cache.

A lamp's place in the state is its controller's first lamp and its place there, and an agent sends its lamps in that
order: so the rows of most records are one stretch of every state array. Copying stretches costs a tenth of gathering
and scattering lamp by lamp, which is left for the rest. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.batch import Batch
from ingest.judgement.sweep import Sweep

Int64 = npt.NDArray[np.int64]
Rows = slice | Int64

BLOCK: Final = 32768  # rows
_LEAST: Final = 1024  # rows of one width: fewer are gathered with others, since each block has a cost of its own
_STEPS: Final = np.arange(BLOCK, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Run:
    """Lamps that all follow each other: ``n`` from ``first`` on."""

    first: int
    n: int

    def get(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A state array's values of these lamps; a view."""
        return values[self.first : self.first + self.n]

    def put(self, values: npt.NDArray[Any], new: npt.NDArray[Any]) -> None:
        """Set a state array's values of these lamps."""
        values[self.first : self.first + self.n] = new

    def pick(self, positions: Int64) -> Int64:
        """The lamps at some positions of the block."""
        return positions + self.first


@dataclass(frozen=True, slots=True)
class Strips:
    """Stretches of ``width`` lamps that begin at ``starts``, int64 (k,), none of them twice."""

    starts: Int64
    width: int

    def _windows(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Every stretch of a state array: (n - width + 1, width), no copy."""
        size = values.itemsize
        shape = (len(values) - self.width + 1, self.width)
        return np.ndarray(shape, values.dtype, values, 0, (size, size))

    def get(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """As for ``Run``; a copy."""
        return self._windows(values)[self.starts].reshape(-1)

    def put(self, values: npt.NDArray[Any], new: npt.NDArray[Any]) -> None:
        """As for ``Run``."""
        self._windows(values)[self.starts] = new.reshape(-1, self.width)

    def pick(self, positions: Int64) -> Int64:
        """As for ``Run``."""
        strip, step = np.divmod(positions, self.width)
        return self.starts[strip] + step


@dataclass(frozen=True, slots=True)
class Scattered:
    """Lamps in any order: int64 (n,)."""

    lamp: Int64

    def get(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """As for ``Run``; a copy."""
        return values.take(self.lamp)

    def put(self, values: npt.NDArray[Any], new: npt.NDArray[Any]) -> None:
        """As for ``Run``."""
        values[self.lamp] = new

    def pick(self, positions: Int64) -> Int64:
        """As for ``Run``."""
        return self.lamp[positions]


Lamps = Run | Strips | Scattered
Blocks = list[tuple[Rows, Lamps]]


def blocks(sweep: Sweep) -> Blocks:
    """Live rows of known lamps with their lamps, rows ascending."""
    batch = sweep.batch
    n = len(batch.lamp)
    if not n:
        return []
    if not sweep.is_live.all():
        return _gathered(batch, sweep.live_rows())
    if int(batch.lamp[0]) >= 0 and int(batch.lamp[-1]) - int(batch.lamp[0]) == n - 1:
        found = _runs(batch)
        if found is not None:
            return found
    start, width = batch.lamp_start, np.diff(batch.lamp_start)
    edges = np.concatenate(([0], np.flatnonzero(np.diff(width)) + 1, [len(width)]))
    found, done = [], 0
    for group in np.flatnonzero(np.diff(start[edges]) >= _LEAST).tolist():
        first, end, wide = int(start[edges[group]]), int(start[edges[group + 1]]), int(width[edges[group]])
        starts = _starts(batch.lamp[first:end].reshape(-1, wide)) if wide <= BLOCK else None
        if starts is not None:
            found += [*_rest(batch, done, first), *_strips(starts, wide, first)]
            done = end
    return found + _rest(batch, done, n)


def _runs(batch: Batch) -> Blocks | None:
    """Blocks of a batch whose lamps all follow each other; None where they do not."""
    n, first = len(batch.lamp), int(batch.lamp[0])
    found: Blocks = []
    for a in range(0, n, BLOCK):
        m = min(BLOCK, n - a)
        if not np.array_equal(batch.lamp[a : a + m] - np.int32(first + a), _STEPS[:m]):
            return None
        found.append((slice(a, a + m), Run(first + a, m)))
    return found


def _starts(lamp: npt.NDArray[np.int32]) -> Int64 | None:
    """First lamps of records (k, width) whose lamps follow each other; None where some do not."""
    first = lamp[:, 0]
    if int(first.min()) < 0 or not (lamp - first[:, None] == _STEPS[: lamp.shape[1]]).all():
        return None
    return first.astype(np.int64)


def _strips(starts: Int64, width: int, first_row: int) -> Blocks:
    n = max(1, BLOCK // width)
    return [
        (slice(first_row + a * width, first_row + min(a + n, len(starts)) * width), Strips(starts[a : a + n], width))
        for a in range(0, len(starts), n)
    ]


def _rest(batch: Batch, first: int, end: int) -> Blocks:
    """Rows of which nothing is known but that they are live."""
    if first == end:
        return []
    if int(batch.lamp[first:end].min()) < 0:
        return _gathered(batch, np.flatnonzero(batch.lamp[first:end] >= 0) + first)
    return [
        (slice(a, min(a + BLOCK, end)), Scattered(batch.lamp[a : min(a + BLOCK, end)].astype(np.int64)))
        for a in range(first, end, BLOCK)
    ]


def _gathered(batch: Batch, row: Int64) -> Blocks:
    """Rows in blocks of indices."""
    lamp = batch.lamp[row].astype(np.int64)
    return [(row[a : a + BLOCK], Scattered(lamp[a : a + BLOCK])) for a in range(0, len(row), BLOCK)]
