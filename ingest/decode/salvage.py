"""The outbox number out of a payload that cannot be decoded: its first metrics are often whole.

Pure. Walks the protobuf fields of a broken payload as far as they go.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from google.protobuf.message import DecodeError

from edge_agent.wire.sparkplug_pb2 import Metric as MetricMessage
from ingest.decode.birth import EPOCH, SEQUENCE, Session
from ingest.decode.bounds import MAX_SEQUENCE
from ingest.decode.protobuf_fields import LENGTH_DELIMITED, BrokenError, fields

_METRICS_FIELD = 2
_MAX_FIELDS = 1000


def salvage_number(session: Session, data: bytes) -> tuple[int, int] | None:
    """``(epoch, sequence)`` of a payload that is broken further on; None where they cannot be read."""
    found: dict[int, int] = {}
    for body in _bodies(data):
        metric = MetricMessage()
        try:
            metric.ParseFromString(body)
        except (DecodeError, UnicodeDecodeError):
            return None
        slot = session.slots.get(metric.alias)
        if slot in {EPOCH, SEQUENCE}:
            found[slot] = metric.long_value or metric.int_value
        if len(found) == 2:
            return (found[EPOCH], found[SEQUENCE]) if 0 < found[SEQUENCE] <= MAX_SEQUENCE else None
    return None


def _bodies(data: bytes) -> Iterator[bytes]:
    """Bodies of the whole metrics at the front of a payload."""
    try:
        for field in islice(fields(data, 0, len(data)), _MAX_FIELDS):
            if field.number == _METRICS_FIELD and field.wire_type == LENGTH_DELIMITED:
                yield data[field.start : field.end]
    except BrokenError:
        return
