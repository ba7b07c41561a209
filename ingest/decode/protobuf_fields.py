"""The byte positions of the fields of a protobuf message, which the parser does not provide.

Pure. Wire types 0, 1, 2 and 5 of the protobuf encoding; groups are long out of use.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

VARINT: Final = 0
FIXED_64: Final = 1
LENGTH_DELIMITED: Final = 2
FIXED_32: Final = 5
_FIXED: Final = {FIXED_64: 8, FIXED_32: 4}  # bytes by wire type


class BrokenError(Exception):
    """From here on it is no protobuf message."""


class Field(NamedTuple):
    """One field; its value is ``data[start:end]``, after the length where it has one."""

    number: int
    wire_type: int
    start: int
    end: int


def fields(data: bytes, at: int, end: int) -> Iterator[Field]:
    """The fields of ``data[at:end]`` in their order.

    Raises:
        BrokenError: a field is not whole, raised after all fields before it were yielded.
    """
    while at < end:
        tag, start = varint(data, at, end)
        kind = tag & 7
        if kind == VARINT:
            _, at = varint(data, start, end)
        elif kind == LENGTH_DELIMITED:
            size, start = varint(data, start, end)
            at = start + size
        elif kind in _FIXED:
            at = start + _FIXED[kind]
        else:
            raise BrokenError
        if at > end:
            raise BrokenError
        yield Field(tag >> 3, kind, start, at)


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number, and where it ends.

    Raises:
        BrokenError: it does not end in time.
    """
    value = shift = 0
    while at < end and shift <= 63:
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
        shift += 7
    raise BrokenError


def has_more_fields(data: bytes, most: int) -> bool:
    """Whether a message holds more than ``most`` fields of its own; costs no more than looking at so many."""
    try:
        return sum(1 for _ in islice(fields(data, 0, len(data)), most + 1)) > most
    except BrokenError:
        return False  # the parser says what is wrong with it
