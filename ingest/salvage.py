"""The outbox number out of a payload that cannot be decoded: its first metrics are often whole.

Pure. Walks the protobuf fields of a broken payload as far as they go (wire types 0, 1, 2 and 5 of the protobuf
encoding).
"""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import DecodeError

from edge_agent.wire.sparkplug_pb2 import Metric as MetricMessage
from ingest.session import EPOCH, SEQUENCE, Session

_METRICS_FIELD = 2
_MAX_METRICS = 1000


def salvage_number(session: Session, data: bytes) -> tuple[int, int] | None:
    """``(epoch, sequence)`` of a payload that is broken further on; None where they cannot be read."""
    found: dict[int, int] = {}
    for i, body in enumerate(_bodies(data)):
        metric = MetricMessage()
        try:
            metric.ParseFromString(body)
        except (DecodeError, UnicodeDecodeError):
            return None
        slot = session.slots.get(metric.alias)
        if slot in {EPOCH, SEQUENCE}:
            found[slot] = metric.long_value or metric.int_value
        if len(found) == 2:
            return (found[EPOCH], found[SEQUENCE]) if found[SEQUENCE] else None
        if i >= _MAX_METRICS:
            return None
    return None


def _bodies(data: bytes) -> Iterator[bytes]:
    """Bodies of the whole metrics at the front of a payload."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if at < 0:
            return
        if kind == 0:
            _, at = _varint(data, at)
            if at < 0:
                return
        elif kind == 2:
            size, at = _varint(data, at)
            if at < 0 or at + size > end:
                return
            if tag >> 3 == _METRICS_FIELD:
                yield data[at : at + size]
            at += size
        elif kind in {1, 5}:
            at += 8 if kind == 1 else 4
        else:
            return


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """``(value, next)``; next is -1 where the bytes end or the number is too long."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    return 0, -1
