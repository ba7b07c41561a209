"""Writes point layers as Mapbox Vector Tile 2.1 (github.com/mapbox/vector-tile-spec), whole columns at a time.

A feature consists of nothing but varints: tags and lengths of protobuf below 128 are varints too. So all features are
records of the same numbers, some of which a feature may lack, and each number is written for all features at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dashboard_api.tiles.places import EXTENT, Ints

_LAYER: Final = 3 << 3 | 2  # Tile.layers
_NAME, _FEATURES, _KEYS, _VALUES, _EXTENT, _VERSION = (1 << 3 | 2, 2 << 3 | 2, 3 << 3 | 2, 4 << 3 | 2, 5 << 3, 15 << 3)
_ID, _TAGS, _TYPE, _GEOMETRY = (1 << 3, 2 << 3 | 2, 3 << 3, 4 << 3 | 2)
_POINT: Final = 1
_MOVE_TO_ONE: Final = 1 << 3 | 1
_STRING, _UINT = (1 << 3 | 2, 5 << 3)

Bytes = npt.NDArray[np.uint8]
# a number of each of n records (n,), or one that all of them have; and in which it stands, None = in all
Number = tuple[Ints | int, npt.NDArray[np.bool_] | None]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One property of n features: ``choice`` (n,) points into ``n_values`` values, -1 = the feature has none.

    ``values`` are the layer's value messages, one after another, as ``text_values`` and ``number_values`` write them.
    """

    name: str
    choice: Ints
    values: bytes
    n_values: int


def encode_layer(name: str, ids: Ints, x: Ints, y: Ints, columns: Sequence[Column]) -> bytes:
    """A tile of one layer of points; b"" without features.

    Args:
        name: of the layer.
        ids: int64 (n,) feature ids, not negative.
        x: int64 (n,) tile units; so ``y``.
        y: down.
        columns: the properties.
    """
    if not len(ids):
        return b""
    parts = [
        bytes([_NAME]),
        _sized(name.encode()),
        _features(ids, x, y, columns).tobytes(),
        *(bytes([_KEYS]) + _sized(column.name.encode()) for column in columns),
        *(column.values for column in columns),
        bytes([_EXTENT]),
        _varint(EXTENT),
        bytes([_VERSION, 2]),
    ]
    return bytes([_LAYER]) + _sized(b"".join(parts))


def _features(ids: Ints, x: Ints, y: Ints, columns: Sequence[Column]) -> Bytes:
    tags: list[Number] = []
    first = 0
    for number, column in enumerate(columns):
        is_there = column.choice >= 0
        tags += [(number, is_there), (column.choice + first, is_there)]
        first += column.n_values
    point: list[Number] = [(_MOVE_TO_ONE, None), (zigzag(x), None), (zigzag(y), None)]
    tags_size, point_size = _sizes(tags, len(ids)), _sizes(point, len(ids))
    head: list[Number] = [(_ID, None), (ids, None), (_TAGS, None), (tags_size, None)]
    middle: list[Number] = [(_TYPE, None), (_POINT, None), (_GEOMETRY, None), (point_size, None)]
    size = _sizes([*head, *middle], len(ids)) + tags_size + point_size
    return varints([(_FEATURES, None), (size, None), *head, *tags, *middle, *point], len(ids))


def _sizes(record: Sequence[Number], n: int) -> Ints:
    """Bytes of each of n records of numbers."""
    total = np.zeros(n, np.int64)
    for value, is_there in record:
        size = varint_sizes(np.asarray(value, np.int64))
        total += size if is_there is None else size * is_there
    return total


def zigzag(value: Ints) -> Ints:
    """Signed to unsigned, small staying small: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return (value << 1) ^ (value >> 63)


def varint_sizes(value: Ints) -> Ints:
    """Bytes of each number as a varint; numbers are in [0, 2^63)."""
    size = np.ones(value.shape, np.int64)
    top = int(value.max(initial=0))
    for bits in range(7, 63, 7):
        if top >> bits == 0:
            break
        size += value >= 1 << bits
    return size


def varints(record: Sequence[Number], n: int) -> Bytes:
    """Write n records of numbers as varints, record after record, in each one number after another.

    Every number has as many bytes in a matrix as the longest one of its kind, and a mask says which of them are there:
    so all work is on short rows of bytes.
    """
    rows: list[Bytes] = []
    masks: list[npt.NDArray[np.bool_]] = []
    for value, is_there in record:
        left = np.broadcast_to(np.asarray(value, np.int64), n)
        is_here = np.ones(n, bool) if is_there is None else is_there
        while True:
            rest = left >> 7
            has_more = rest > 0
            rows.append((left & 0x7F | has_more * np.int64(0x80)).astype(np.uint8))
            masks.append(is_here)
            is_here = is_here & has_more
            if not is_here.any():
                break
            left = rest
    return np.asarray(np.stack(rows, axis=1)[np.stack(masks, axis=1)], np.uint8)


def text_values(texts: Sequence[str]) -> list[bytes]:
    """Value messages of texts."""
    values = []
    for text in texts:
        string = bytes([_STRING]) + _sized(text.encode())
        values.append(bytes([_VALUES]) + _sized(string))
    return values


def number_values(numbers: Sequence[int]) -> list[bytes]:
    """Value messages of whole numbers from 0."""
    return [bytes([_VALUES]) + _sized(bytes([_UINT]) + _varint(number)) for number in numbers]


def text_column(name: str, texts: Sequence[str | None]) -> Column:
    """A property of few different texts; None = the feature has none."""
    distinct = sorted({text for text in texts if text is not None})
    number_of: dict[str | None, int] = {text: n for n, text in enumerate(distinct)}
    choice = np.array([number_of.get(text, -1) for text in texts], np.int64)
    return Column(name, choice, b"".join(text_values(distinct)), len(distinct))


def number_column(name: str, numbers: Ints) -> Column:
    """A property of few different whole numbers; negative = the feature has none."""
    distinct, choice = np.unique(numbers, return_inverse=True)
    n_none = int((distinct < 0).sum())
    kept = distinct[n_none:]
    return Column(
        name, np.maximum(choice - n_none, -1).astype(np.int64), b"".join(number_values(kept.tolist())), len(kept)
    )


def _sized(body: bytes) -> bytes:
    return _varint(len(body)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
