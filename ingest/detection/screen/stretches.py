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

from ingest.detection.memory.sweep import Sweep
from ingest.model.batch import Batch

Int64 = npt.NDArray[np.int64]
Rows = slice | Int64

BLOCK: Final = 1 << 17  # rows
_LEAST: Final = 1024  # rows of one width: fewer are gathered with others, since each block has a cost of its own


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


LampPlaces = Run | Strips | Scattered
Blocks = list[tuple[Rows, LampPlaces]]


def blocks(sweep: Sweep) -> Blocks:
    """Live rows of known lamps with their lamps, rows ascending."""
    batch = sweep.batch
    n = len(batch.lamp)
    if not n:
        return []
    if not sweep.is_live.all():
        return _gathered(batch, sweep.live_rows())
    start, first, width = batch.lamp_start, batch.first_lamp, sweep.width
    if not width.all():
        filled = np.flatnonzero(width)
        start, first, width = np.append(start[filled], n), first[filled], width[filled]
    if (first >= 0).all() and (first[1:] == first[:-1] + width[:-1]).all():
        return _stretch(batch, 0, n)
    is_strip = (first >= 0) & (width <= BLOCK)
    edges = np.concatenate(([0], np.flatnonzero((np.diff(width) != 0) | np.diff(is_strip)) + 1, [len(width)]))
    found: Blocks = []
    done = 0
    for group in np.flatnonzero(is_strip[edges[:-1]] & (np.diff(start[edges]) >= _LEAST)).tolist():
        a, b = int(edges[group]), int(edges[group + 1])
        found += _rest(batch, done, int(start[a]))
        found += _strips(first[a:b].astype(np.int64), int(width[a]), int(start[a]))
        done = int(start[b])
    return found + _rest(batch, done, n)


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
    lamp = batch.lamp[first:end]
    if int(lamp.min()) < 0:
        return _gathered(batch, np.flatnonzero(lamp >= 0) + first)
    # cabinets of many sizes, one after another as the register has them
    edges = np.concatenate(([0], np.flatnonzero(lamp[1:] != lamp[:-1] + 1) + 1, [len(lamp)])) + first
    found: Blocks = []
    done = first
    for run in np.flatnonzero(np.diff(edges) >= _LEAST).tolist():
        a, b = int(edges[run]), int(edges[run + 1])
        found += [*_scattered(batch, done, a), *_stretch(batch, a, b)]
        done = b
    return found + _scattered(batch, done, end)


def _scattered(batch: Batch, first: int, end: int) -> Blocks:
    cuts = [(a, min(a + BLOCK, end)) for a in range(first, end, BLOCK)]
    return [(slice(a, b), Scattered(batch.lamp[a:b].astype(np.int64))) for a, b in cuts]


def _stretch(batch: Batch, first: int, end: int) -> Blocks:
    """Rows whose lamps follow each other."""
    cuts = [(a, min(a + BLOCK, end)) for a in range(first, end, BLOCK)]
    return [(slice(a, b), Run(int(batch.lamp[a]), b - a)) for a, b in cuts]


def _gathered(batch: Batch, row: Int64) -> Blocks:
    """Rows in blocks of indices."""
    lamp = batch.lamp[row].astype(np.int64)
    return [(row[a : a + BLOCK], Scattered(lamp[a : a + BLOCK])) for a in range(0, len(row), BLOCK)]
