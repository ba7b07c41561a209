"""Writes point layers as Mapbox Vector Tile 2.1 (github.com/mapbox/vector-tile-spec), whole columns at a time.

A feature consists of nothing but varints: tags and lengths of protobuf below 128 are varints too. So all features are
one matrix of numbers with holes, turned into bytes in as many passes as the longest number has bytes.
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
    n = len(ids)
    tags = np.zeros((n, 2 * len(columns)), np.int64)
    is_tag = np.zeros(tags.shape, bool)
    first = 0
    for number, column in enumerate(columns):
        tags[:, 2 * number] = number
        tags[:, 2 * number + 1] = column.choice + first
        is_tag[:, 2 * number : 2 * number + 2] = (column.choice >= 0)[:, None]
        first += column.n_values
    point = np.stack([np.full(n, _MOVE_TO_ONE), zigzag(x), zigzag(y)], axis=1)
    tags_size = np.where(is_tag, varint_sizes(tags), 0).sum(axis=1)
    point_size = varint_sizes(point).sum(axis=1)
    size = (
        1 + varint_sizes(ids) + 1 + varint_sizes(tags_size) + tags_size + 2 + 1 + varint_sizes(point_size) + point_size
    )

    def fixed(value: int) -> Ints:
        return np.full(n, value, np.int64)

    head = np.stack([fixed(_FEATURES), size, fixed(_ID), ids, fixed(_TAGS), tags_size], axis=1)
    middle = np.stack([fixed(_TYPE), fixed(_POINT), fixed(_GEOMETRY), point_size], axis=1)
    matrix = np.concatenate([head, tags, middle, point], axis=1)
    is_there = np.ones(matrix.shape, bool)
    is_there[:, head.shape[1] : head.shape[1] + tags.shape[1]] = is_tag
    return varints(matrix[is_there])


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


def varints(value: Ints) -> Bytes:
    """All numbers (n,) as varints, one after another."""
    size = varint_sizes(value)
    start = np.cumsum(size) - size
    out = np.zeros(int(size.sum()), np.uint8)
    out[start] = value & 0x7F
    which = np.arange(len(value))
    for place in range(1, int(size.max(initial=1))):
        which = which[size[which] > place]
        out[start[which] + place - 1] |= 0x80
        out[start[which] + place] = (value[which] >> (7 * place)) & 0x7F
    return out


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
