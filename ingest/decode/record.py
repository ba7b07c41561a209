"""NDATA payloads to records: one parse a message, arrays left as the bytes that they came as.

Pure: bytes and sessions in, records out. ``ingest.decode.bulk_decode`` reads many payloads of one shape at once, and
``ingest.decode.columns`` makes columns of records.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError

from edge_agent.wire import PayloadMessage
from ingest.decode.birth import (
    EPOCH,
    INTERVAL,
    N_ARRAYS,
    N_SLOTS,
    PENDING,
    SCALARS,
    SEQUENCE,
    SLOT_OF,
    SYNCHRONISED,
    Session,
    believed_interval,
)
from ingest.decode.bounds import MAX_FIELDS, MAX_PAYLOAD, MAX_SEQUENCE
from ingest.decode.payload_layout import AlignedPayloads
from ingest.decode.protobuf_fields import has_more_fields
from ingest.errors import RecordError

EARLIEST_US: Final = 1_262_304_000_000_000  # 2010: a clock that was never set says 1970 or its firmware's birthday
LATEST_US: Final = 4_102_444_800_000_000  # 2100
US_PER_MS: Final = 1000
MAX_MS: Final = LATEST_US // US_PER_MS
_MANY_FIELDS: Final = 16_384  # bytes: fewer have no room for so many fields that it matters
GROUP_SHIFT: Final = 32  # of a record's ``order``: above it the group's number, below it the controller's


class DecodedRecord(NamedTuple):
    """One payload, read but not yet in columns.

    Attributes:
        interval_s: 0 or None where the record does not tell it, or tells one that cannot be.
        scalars: what it says of the cabinet, in the order of ``SCALARS``; None = absent.
        values: bytes of an array, a scalar, or None = absent, by slot; empty where ``aligned`` holds the arrays.
        aligned: the aligned payloads of which this payload is row ``row``.
        order: the order in which records of one batch are joined fastest: by group, then in register order.
    """

    session: Session
    at_us: int
    is_historical: bool
    seq: int | None
    epoch: int
    sequence: int
    pending: int | None
    interval_s: int | None
    is_synchronised: bool
    scalars: tuple[int | None, ...]
    values: list[Any]
    aligned: AlignedPayloads | None = None
    row: int = 0
    order: int = -1


def read_record(session: Session, data: bytes) -> DecodedRecord:
    """Parse one NDATA by its session's aliases.

    Raises:
        RecordError: not a payload, no outbox numbers, an array of the wrong length, an impossible time.
    """
    if len(data) > MAX_PAYLOAD:
        raise RecordError("size", f"{len(data)} bytes")
    if len(data) > _MANY_FIELDS and has_more_fields(data, MAX_FIELDS):
        raise RecordError("size", f"more than {MAX_FIELDS} fields")
    message = PayloadMessage()
    try:
        message.ParseFromString(data)
    except (DecodeError, UnicodeDecodeError) as error:
        raise RecordError("payload", f"not a Sparkplug B payload: {error}") from error
    values: list[Any] = [None] * N_SLOTS
    slot_of = session.slots.get
    at_ms = 0
    is_historical = False
    for metric in message.metrics:
        alias = metric.alias
        slot = slot_of(alias)
        if slot is None or (not alias and not metric.HasField("alias")):
            slot = _named_slot(metric)
            if slot is None:
                continue
        if slot < N_ARRAYS:
            values[slot] = metric.bytes_value or (None if metric.is_null else b"")
        elif slot <= INTERVAL:
            value = metric.long_value or metric.int_value
            values[slot] = value if value or not metric.is_null else None
            if slot == SEQUENCE:
                at_ms = metric.timestamp
                is_historical = metric.is_historical
        else:
            value = metric.boolean_value
            values[slot] = value if value or not metric.is_null else None
    if values[EPOCH] is None or not values[SEQUENCE]:
        raise RecordError("number", "no Outbox/Epoch or Outbox/Sequence in it")
    if values[SEQUENCE] > MAX_SEQUENCE:
        raise RecordError("number", f"Outbox/Sequence is {values[SEQUENCE]}")
    if values[INTERVAL]:
        values[INTERVAL] = believed_interval(values[INTERVAL])
    return DecodedRecord(
        session,
        min(at_ms or message.timestamp, MAX_MS) * US_PER_MS,
        is_historical,
        message.seq if message.HasField("seq") else None,
        values[EPOCH],
        values[SEQUENCE],
        values[PENDING],
        values[INTERVAL],
        values[SYNCHRONISED] is not False,
        tuple([values[slot] for slot in SCALARS]),
        values,
    )


def _named_slot(metric: Any) -> int | None:
    """The slot of a metric without a known alias: data may carry names as well."""
    return SLOT_OF.get(metric.name) if metric.name else None


def lengths_fit(record: DecodedRecord) -> bool:
    """Whether every array that came is as long as the session's birth said."""
    values = record.values
    return all(part is None or len(part) == size for part, size in zip(values, record.session.sizes, strict=False))


def check_record(record: DecodedRecord, latest_us: int) -> None:
    """Hold a record against its session, and its time against the latest that is accepted, before it is used.

    Raises:
        RecordError: an array of the wrong length, or a time that cannot be.
    """
    if record.aligned is None and not lengths_fit(record):  # an aligned payload has the layout of one that fitted
        for name, slot in SLOT_OF.items():
            value = record.values[slot]
            if slot < N_ARRAYS and value is not None and len(value) != record.session.sizes[slot]:
                size = record.session.sizes[slot]
                raise RecordError("length", f"{name} holds {len(value)} bytes where {size} were to come")
    if not EARLIEST_US <= record.at_us < latest_us:
        raise RecordError("time", f"its time is {record.at_us / 1e6:.0f} s after 1970")
