"""Places in Web Mercator, sorted along a Morton curve so that a tile is a few slices.

Grid: the square of Web Mercator (EPSG:3857, as every slippy map cuts it) in 2^30 steps a side, x to the east, y to the
south. A tile of zoom z is the cell whose Morton number is a place's key shifted right by 2 (30 - z).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

GRID_BITS: Final = 30
MAX_ZOOM: Final = 22
EXTENT: Final = 4096
_MAX_LATITUDE: Final = 85.0511287798066  # where the square of Web Mercator ends: atan(sinh(pi))
_RING_BITS: Final = 6  # the buffer around a tile is 1/64 of its side: 64 of 4096 units, a symbol's width

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class TileAddress:
    """A tile of the slippy map; ``y`` grows to the south."""

    z: int
    x: int
    y: int

    def is_possible(self) -> bool:
        """Whether there is such a tile."""
        return 0 <= self.z <= MAX_ZOOM and 0 <= self.x < 1 << self.z and 0 <= self.y < 1 << self.z


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """N places along the curve.

    Attributes:
        key: uint64 (N,) Morton numbers, rising.
        row: int64 (N,) where each stood before sorting.
        x: int64 (N,) grid steps; so ``y``.
    """

    key: Keys
    row: Ints
    x: Ints
    y: Ints


def project(latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64]) -> tuple[Ints, Ints]:
    """Grid steps (x, y) of WGS 84 degrees: spherical Mercator as in EPSG:3857, clipped at its edges."""
    side = float(1 << GRID_BITS)
    phi = np.radians(np.clip(latitude, -_MAX_LATITUDE, _MAX_LATITUDE))
    x = (longitude + 180.0) / 360.0 * side
    y = (1.0 - np.arcsinh(np.tan(phi)) / np.pi) / 2.0 * side
    top = (1 << GRID_BITS) - 1
    return np.clip(x, 0, top).astype(np.int64), np.clip(y, 0, top).astype(np.int64)


def morton(x: Ints, y: Ints) -> Keys:
    """Interleave the bits of x (even places) and y (odd places)."""
    return _spread(x) | (_spread(y) << np.uint64(1))


def _spread(value: Ints) -> Keys:
    """Put a zero between any two bits of 32-bit numbers."""
    bits = value.astype(np.uint64)
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        bits = (bits | (bits << np.uint64(shift))) & np.uint64(mask)
    return bits


def sort_places(latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64]) -> Places:
    """Project and sort; places without coordinates (NaN) are left out."""
    row = np.flatnonzero(np.isfinite(latitude) & np.isfinite(longitude))
    x, y = project(latitude[row], longitude[row])
    key = morton(x, y)
    order = np.argsort(key, kind="stable")
    return Places(key[order], row[order].astype(np.int64), x[order], y[order])


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Some of N places, as stretches of the curve; ``starts`` and ``ends`` are int64 (k,), none is empty."""

    starts: Ints
    ends: Ints

    def __len__(self) -> int:
        """How many places."""
        return int((self.ends - self.starts).sum())

    def take(self, values: npt.NDArray[T]) -> npt.NDArray[T]:
        """Of (N,) values those of the stretches, one after another; not copied where there is one stretch alone."""
        parts = [values[start:end] for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True)]
        return parts[0] if len(parts) == 1 else np.concatenate([values[:0], *parts])

    def index(self, kept: Ints | None = None) -> Ints:
        """Where the places stand among all N: of those at ``kept`` positions in what ``take`` gives, or of all."""
        sizes = self.ends - self.starts
        before = np.cumsum(sizes) - sizes
        kept = np.arange(sizes.sum()) if kept is None else kept
        which = np.searchsorted(before, kept, side="right") - 1
        return np.asarray(kept + (self.starts - before)[which], np.int64)


def stretches_in(places: Places, tile: TileAddress) -> Stretches:
    """The places in the tile and in its buffer; places of any cell below stand side by side."""
    shift = np.uint64(2 * (GRID_BITS - tile.z))
    inside = np.array([tile.x]), np.array([tile.y])
    first = morton(*inside) << shift
    starts = np.searchsorted(places.key, first)
    ends = np.searchsorted(places.key, first + (np.uint64(1) << shift))
    ring = _ring(tile)
    shift = np.uint64(2 * (GRID_BITS - tile.z - _RING_BITS))
    starts = np.concatenate([starts, np.searchsorted(places.key, ring << shift)])
    ends = np.concatenate([ends, np.searchsorted(places.key, (ring + np.uint64(1)) << shift)])
    is_full = ends > starts
    return Stretches(starts[is_full], ends[is_full])


def _ring(tile: TileAddress) -> Keys:
    """Morton numbers of the cells, 1/64 of the tile's side, that lie around it."""
    side = 1 << _RING_BITS
    along = np.arange(-1, side + 1, dtype=np.int64)
    inner = along[1:-1]
    x = np.concatenate([along, along, np.full(side, -1), np.full(side, side)]) + tile.x * side
    y = np.concatenate([np.full(side + 2, -1), np.full(side + 2, side), inner, inner]) + tile.y * side
    top = 1 << (tile.z + _RING_BITS)
    is_on_map = (x >= 0) & (x < top) & (y >= 0) & (y < top)
    return morton(x[is_on_map], y[is_on_map])


def within(places: Places, index: Ints, tile: TileAddress) -> tuple[Ints, Ints]:
    """Tile units (x to the right, y down, 0 to 4096 inside) of the places at ``index``."""
    scale = GRID_BITS - tile.z
    x = ((places.x[index] - (tile.x << scale)) * EXTENT) >> scale
    y = ((places.y[index] - (tile.y << scale)) * EXTENT) >> scale
    return x, y
