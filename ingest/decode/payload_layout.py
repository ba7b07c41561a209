"""Payload layouts: byte positions of structure and values, so that equal payloads are read as one matrix of bytes.

A payload layout is derived from one payload: the positions of the bytes that make up its structure (tags, lengths,
aliases, types, flags), and of the values between them. Of a metric that ingest does not use only the length counts.
Payloads of the same length with identical structure bytes and number lengths form an ``AlignedPayloads``: one row
each, and every quantity a few columns of it. All others are parsed with protobuf, so the result is always the same
as protobuf's. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.decode.birth import ARRAY_KINDS, EPOCH, FIRST_CABINET, INTERVAL, N_ARRAYS, SCALARS, SEQUENCE
from ingest.decode.bounds import MAX_SEQUENCE
from ingest.decode.protobuf_fields import (
    FIXED_32,
    FIXED_64,
    LENGTH_DELIMITED,
    VARINT,
    BrokenError,
    Field,
    fields,
    varint,
)

UInt8 = npt.NDArray[np.uint8]
Span = tuple[int, int]
Rows = slice | npt.NDArray[np.int64]

_WORTH: Final = np.uint64(1) << np.arange(0, 70, 7, dtype=np.uint64)  # of a varint's bytes, of which ten fill 64 bits
_BYTE_BITS: Final = 0x80  # of a number's bytes: all but the last have it
# Fields of a Sparkplug B payload and of its metrics (sparkplug_b.proto of Eclipse Sparkplug 3.0)
_PAYLOAD_TIMESTAMP, _PAYLOAD_METRIC, _PAYLOAD_SEQ = 1, 2, 3
_ALIAS, _TIMESTAMP, _DATATYPE, _IS_HISTORICAL, _IS_TRANSIENT, _IS_NULL = 2, 3, 4, 5, 6, 7
_INT, _LONG, _FLOAT, _DOUBLE, _BOOLEAN, _BYTE_ARRAY = 10, 11, 12, 13, 14, 16
_FLAGS: Final = (_DATATYPE, _IS_HISTORICAL, _IS_TRANSIENT, _IS_NULL)
# Values whose every content protobuf accepts, by the wire type that they have then: those of a metric that no slot
# takes may differ from payload to payload.
_FREE_VALUES: Final = {
    _INT: VARINT, _LONG: VARINT, _BOOLEAN: VARINT, _FLOAT: FIXED_32, _DOUBLE: FIXED_64, _BYTE_ARRAY: LENGTH_DELIMITED,
}  # fmt: skip  # two lines are enough
_LONGEST_NUMBER: Final = 9  # bytes of a varint that certainly fits 64 bits
_LONGEST: Final = {_INT: 4, _LONG: 10, _BOOLEAN: 1, _TIMESTAMP: 9}  # bytes of a number that certainly fits its field


class UnusualError(Exception):
    """Only protobuf can read this payload."""


@dataclass(frozen=True, slots=True)
class Stride:
    """Arrays of ``count`` slots from ``slot`` on, each ``size`` bytes long and beginning ``step`` after the last."""

    slot: int
    count: int
    start: int
    step: int
    size: int


@dataclass(frozen=True, slots=True)
class PayloadLayout:
    """The byte positions of structure and values in payloads of one shape.

    Attributes:
        checked: where the bytes stand that tell the structure, K in all; ``masks`` and ``wanted`` uint8 (K,): a
            payload fits if each of its bytes there, masked, is the wanted one.
        strides: where the arrays stand, by their kind's first slot (``ARRAY_KINDS``), and ``absent`` the slots of each
            kind that are absent.
        numbers: slot -> first byte and end of its number.
        constants: slot -> what every such payload says there: None, 0 or false.
        at, seq: where the record's time stands, and the payload's seq (None = it has none).
        has_cabinet: they tell anything of the cabinet.
    """

    checked: tuple[Span, ...]
    masks: UInt8
    wanted: UInt8
    strides: dict[int, list[Stride]]
    absent: dict[int, list[int]]
    numbers: dict[int, Span]
    constants: dict[int, Any]
    at: Span
    seq: Span | None
    is_historical: bool
    has_cabinet: bool

    def fits(self, matrix: UInt8) -> npt.NDArray[np.bool_]:
        """Which payloads (n, length) have this shape: bool (n,)."""
        checked, at = np.empty((len(matrix), len(self.masks)), np.uint8), 0
        for start, end in self.checked:
            checked[:, at : at + end - start] = matrix[:, start:end]
            at += end - start
        np.bitwise_and(checked, self.masks, out=checked)
        is_fit: npt.NDArray[np.bool_] = (checked == self.wanted).all(axis=1)
        sequence = number(matrix, self.numbers[SEQUENCE])
        # a sequence of 0 is none, one beyond its range is refused, and without a time the payload's own counts
        return is_fit & (sequence > 0) & (sequence <= MAX_SEQUENCE) & (number(matrix, self.at) > 0)


@dataclass(frozen=True, slots=True)
class AlignedPayloads:
    """Payloads of one shape: uint8 (n, length)."""

    matrix: UInt8
    payload_layout: PayloadLayout

    def copy(self, kind: int, rows: Rows, columns: UInt8) -> None:
        """Copy the arrays of one kind that are present in some rows; columns: uint8 (slots of the kind, bytes)."""
        n_payloads, n_bytes = self.matrix.shape
        for stride in self.payload_layout.strides[kind]:
            # a view: numpy checks it against the matrix's size
            shape = stride.count, n_payloads, stride.size
            arrays = np.ndarray(shape, np.uint8, self.matrix, stride.start, (stride.step, n_bytes, 1))[:, rows]
            first = stride.slot - kind
            columns[first : first + stride.count].reshape(arrays.shape)[...] = arrays


def number(matrix: UInt8, span: Span) -> npt.NDArray[np.uint64]:
    """The varint at a span in each payload of the shape: uint64 (n,)."""
    start, end = span
    if end - start == 1:  # the last byte of a number that fits has no other bit
        return matrix[:, start].astype(np.uint64)
    value: npt.NDArray[np.uint64] = (matrix[:, start:end] & 0x7F) @ _WORTH[: end - start]
    return value


@dataclass(slots=True)
class _Cut:
    """The parts of a payload found so far."""

    slots: dict[int, int]
    open_spans: list[tuple[Span, bool]] = field(default_factory=list)  # with whether it is a number
    arrays: dict[int, Span] = field(default_factory=dict)
    numbers: dict[int, Span] = field(default_factory=dict)
    met: set[int] = field(default_factory=set)
    at: Span | None = None


def cut(data: bytes, slots: dict[int, int], values: list[Any], *, is_historical: bool) -> PayloadLayout:
    """Derive a payload layout from a payload, the session's aliases, and the values that protobuf read from it.

    Raises:
        UnusualError: the payload contains something that only protobuf can read.
    """
    try:
        return _cut(data, slots, values, is_historical=is_historical)
    except BrokenError as error:
        raise UnusualError from error


def _cut(data: bytes, slots: dict[int, int], values: list[Any], *, is_historical: bool) -> PayloadLayout:
    found = _Cut(slots)
    spans: dict[int, Span] = {}
    for part in fields(data, 0, len(data)):
        if part.number == _PAYLOAD_METRIC and part.wire_type == LENGTH_DELIMITED:
            _cut_metric(found, data, part)
        elif part.number in (_PAYLOAD_TIMESTAMP, _PAYLOAD_SEQ) and part.wire_type == VARINT:
            if part.number in spans or part.end - part.start > _LONGEST[_TIMESTAMP]:
                raise UnusualError
            spans[part.number] = (part.start, part.end)
            found.open_spans.append((spans[part.number], True))
        else:
            raise UnusualError
    at = found.at or spans.get(_PAYLOAD_TIMESTAMP)
    if at is None or not {EPOCH, SEQUENCE} <= found.numbers.keys():
        raise UnusualError
    masks, wanted = np.full(len(data), 0xFF, np.uint8), np.frombuffer(data, np.uint8).copy()
    for (start, end), is_number in found.open_spans:
        masks[start:end] = _BYTE_BITS if is_number else 0
    checked_at = np.flatnonzero(masks)
    constants = {s: values[s] for s in found.met - found.arrays.keys() - found.numbers.keys() if s >= N_ARRAYS}
    reported = found.arrays.keys() | found.numbers.keys() | {s for s, value in constants.items() if value is not None}
    return PayloadLayout(
        _spans(checked_at),
        masks[checked_at],
        wanted[checked_at] & masks[checked_at],
        {kind: _strides(found.arrays, range(kind, kind + count)) for kind, count in ARRAY_KINDS.items()},
        {kind: [s for s in range(kind, kind + count) if s not in found.arrays] for kind, count in ARRAY_KINDS.items()},
        found.numbers,
        constants,
        at,
        spans.get(_PAYLOAD_SEQ),
        is_historical,
        not reported.isdisjoint((*range(FIRST_CABINET, N_ARRAYS), *SCALARS)),
    )


def _strides(arrays: dict[int, Span], slots: range) -> list[Stride]:
    """The arrays of one kind, with as few strides as may be."""
    strides: list[Stride] = []
    for slot in slots:
        if slot not in arrays:
            continue
        start, end = arrays[slot]
        last = strides[-1] if strides else None
        if last is not None and slot == last.slot + last.count and end - start == last.size and start > last.start:
            step = last.step if last.count > 1 else start - last.start
            if start == last.start + last.count * step:
                strides[-1] = replace(last, count=last.count + 1, step=step)
                continue
        strides.append(Stride(slot, 1, start, 0, end - start))
    return strides


def _spans(places: npt.NDArray[np.int64]) -> tuple[Span, ...]:
    """Ascending places as stretches."""
    edges = np.flatnonzero(np.diff(places) != 1) + 1
    return tuple((int(part[0]), int(part[-1]) + 1) for part in np.split(places, edges) if len(part))


def _cut_metric(found: _Cut, data: bytes, metric: Field) -> None:
    parts = list(fields(data, metric.start, metric.end))
    by_number = {part.number: part for part in parts}
    alias = by_number.get(_ALIAS)
    if len(by_number) != len(parts) or alias is None or alias.wire_type != VARINT:
        raise UnusualError
    if alias.end - alias.start > _LONGEST_NUMBER:
        raise UnusualError  # protobuf keeps 64 bits of it, which may be another metric's
    slot = found.slots.get(varint(data, alias.start, alias.end)[0])
    if slot is None:
        _skip_metric(found, parts)
        return
    if slot in found.met:
        raise UnusualError
    found.met.add(slot)
    allowed = (_BYTE_ARRAY,) if slot < N_ARRAYS else (_INT, _LONG) if slot <= INTERVAL else (_BOOLEAN,)
    for part in parts:
        span, is_number = (part.start, part.end), part.wire_type == VARINT
        if part.wire_type not in (VARINT, LENGTH_DELIMITED):
            raise UnusualError
        if is_number and part.end - part.start > _LONGEST.get(part.number, _LONGEST_NUMBER):
            raise UnusualError
        if part.number in allowed and is_number == (part.number != _BYTE_ARRAY) and _IS_NULL not in by_number:
            spans = found.numbers if is_number else found.arrays
            if slot in spans:
                raise UnusualError
            spans[slot] = span
            found.open_spans.append((span, is_number))
        elif part.number == _TIMESTAMP and is_number:
            if not varint(data, part.start, part.end)[0]:
                raise UnusualError  # no time at all: then the payload's own counts
            if slot == SEQUENCE:
                found.at = span
            found.open_spans.append((span, True))
        elif part.number not in (_ALIAS, *_FLAGS) or not is_number:
            raise UnusualError


def _skip_metric(found: _Cut, parts: list[Field]) -> None:
    """A metric without a slot, such as what an agent says of itself: its length is structure, its value is not."""
    for part in parts:
        is_number = part.wire_type == VARINT
        if is_number and part.end - part.start > _LONGEST_NUMBER:
            raise UnusualError
        if _FREE_VALUES.get(part.number) == part.wire_type or (part.number == _TIMESTAMP and is_number):
            found.open_spans.append(((part.start, part.end), is_number))
        elif part.number not in (_ALIAS, *_FLAGS) or not is_number:
            raise UnusualError  # a name may be a known metric's, and a text or a data set may be one that is refused
