"""NDATA payloads to columns: one parse per message, then every column joined at once over the whole tick.

Pure: bytes and sessions in, records and a ``Block`` out. Nothing here loops over lamps in Python: an array of a sweep
stays the bytes that it came as until all of them are joined and read as one numpy column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from edge_agent.wire import PayloadMessage
from ingest.batch import CONTACT_UNKNOWN, UNKNOWN_UINT64, Batch
from ingest.block import Block
from ingest.directory import Directory
from ingest.errors import RecordError
from ingest.session import (
    CABINET_ENERGY,
    CONTACTOR,
    DOOR,
    EPOCH,
    FIRST_CABINET,
    FIRST_CIRCUIT,
    INTERVAL,
    LAMP_METRICS,
    MAX_PAYLOAD,
    N_ARRAYS,
    N_SLOTS,
    PENDING,
    SEQUENCE,
    SLOT_OF,
    SUPPLY,
    SYNCHRONISED,
    Session,
)

EARLIEST_US: Final = 1_262_304_000_000_000  # 2010: a clock that was never set says 1970 or its firmware's birthday
LATEST_US: Final = 4_102_444_800_000_000  # 2100
US_PER_MS: Final = 1000
_MAX_MS: Final = LATEST_US // US_PER_MS


class Record(NamedTuple):
    """One payload, read but not yet in columns; ``values[slot]`` is bytes of an array, a scalar, or None = absent."""

    session: Session
    at_us: int
    is_historical: bool
    seq: int | None
    epoch: int
    sequence: int
    pending: int | None
    values: list[Any]


def read_record(session: Session, data: bytes) -> Record:
    """Parse one NDATA by its session's aliases.

    Raises:
        RecordError: not a payload, no outbox numbers, an array of the wrong length, an impossible time.
    """
    if len(data) > MAX_PAYLOAD:
        raise RecordError("size", f"{len(data)} bytes")
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
            slot = _named_slot(session, metric)
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
    at_ms = at_ms or message.timestamp
    seq = message.seq if message.HasField("seq") else None
    return Record(
        session,
        min(at_ms, _MAX_MS) * US_PER_MS,
        is_historical,
        seq,
        values[EPOCH],
        values[SEQUENCE],
        values[PENDING],
        values,
    )


def _named_slot(session: Session, metric: Any) -> int | None:
    """Slot of a metric that its alias does not tell: data may carry names as well."""
    if metric.name:
        return SLOT_OF.get(metric.name)
    session.unknown_aliases.add(metric.alias)
    return None


def check_record(record: Record, latest_us: int) -> None:
    """Hold a record against its session before it is taken.

    Raises:
        RecordError: an array of the wrong length, or a time that cannot be.
    """
    session, values = record.session, record.values
    for slot, size in enumerate(session.sizes):
        value = values[slot]
        if value is not None and len(value) != size:
            name = next(name for name, number in SLOT_OF.items() if number == slot)
            raise RecordError("length", f"{name} holds {len(value)} bytes where {size} were to come")
    if not EARLIEST_US <= record.at_us < min(LATEST_US, latest_us):
        raise RecordError("time", f"its time is {record.at_us / 1e6:.0f} s after 1970")


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick decoded.

    Attributes:
        block: everything, to be stored.
        rounds: ``(first, last)`` records of each batch to be judged, in order.
        n_bad_values: infinities that were turned into unknown.
    """

    block: Block
    rounds: tuple[tuple[int, int], ...]
    n_bad_values: int


def build_tick(rounds: Sequence[Sequence[Record]], unjudged: Sequence[Record], directory: Directory) -> Tick:
    """Join records into columns: the rounds first, each one batch, then those that no one judges."""
    records = [record for batch in rounds for record in batch]
    spans, first = [], 0
    for batch in rounds:
        spans.append((first, first + len(batch)))
        first += len(batch)
    records += unjudged
    block, n_bad = _block(records, directory)
    return Tick(block, tuple(spans), n_bad)


def _joined(records: Sequence[Record], slot: int, dtype: str) -> npt.NDArray[Any]:
    parts = [r.session.fillers[slot] if (part := r.values[slot]) is None else part for r in records]
    return np.frombuffer(b"".join(parts), dtype)


def _starts(counts: list[int]) -> npt.NDArray[np.int64]:
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def _scalars(records: Sequence[Record], slot: int, dtype: type[np.generic], missing: int) -> npt.NDArray[Any]:
    return np.array([missing if (value := r.values[slot]) is None else value for r in records], dtype)


def _block(records: Sequence[Record], directory: Directory) -> tuple[Block, int]:
    lamp_columns = [
        _joined(records, slot, ("<f4" if slot < 5 else "<u4") if size == 4 else "|u1")
        for slot, (_, size) in enumerate(LAMP_METRICS)
    ]
    circuit_columns = [_joined(records, FIRST_CIRCUIT + i, "<u4" if i == 3 else "<f4") for i in range(4)]
    cabinet_columns = [_joined(records, FIRST_CABINET + i, "<f4").reshape(-1, 3) for i in range(3)]
    n_bad = 0
    for columns in (lamp_columns, circuit_columns, cabinet_columns):
        for i, column in enumerate(columns):
            if column.dtype.kind == "f" and np.isinf(column).any():
                n_bad += int(np.isinf(column).sum())
                columns[i] = np.where(np.isinf(column), np.float32(np.nan), column)
    lamp_name = np.frombuffer(b"".join([r.session.lamps for r in records]), "<i4")
    circuit_name = np.frombuffer(b"".join([r.session.circuits for r in records]), "<i4")
    cabinet_slots = (*range(FIRST_CABINET, N_ARRAYS), CABINET_ENERGY, DOOR, CONTACTOR, SUPPLY)
    batch = Batch(
        controller=np.array([r.session.controller for r in records], np.int32),
        at_us=np.array([r.at_us for r in records], np.int64),
        is_historical=np.array([r.is_historical for r in records], np.bool_),
        is_clock_synchronised=_scalars(records, SYNCHRONISED, np.bool_, 1),
        interval_s=_interval(records),
        epoch=np.array([r.epoch for r in records], np.uint64),
        sequence=np.array([r.sequence for r in records], np.uint64),
        lamp_start=_starts([r.session.n_lamps for r in records]),
        lamp=_judged(lamp_name, directory.lamps.n_register),
        voltage_v=lamp_columns[0],
        current_a=lamp_columns[1],
        power_w=lamp_columns[2],
        power_factor=lamp_columns[3],
        temperature_c=lamp_columns[4],
        energy_wh=lamp_columns[5],
        burning_hours=lamp_columns[6],
        switch_count=lamp_columns[7],
        level=lamp_columns[8],
        status=lamp_columns[9],
        quality=lamp_columns[10],
        circuit_start=_starts([len(r.session.circuit_ids) for r in records]),
        circuit=_judged(circuit_name, directory.n_register_circuits),
        circuit_voltage_v=circuit_columns[0],
        circuit_current_a=circuit_columns[1],
        circuit_power_w=circuit_columns[2],
        circuit_energy_wh=circuit_columns[3],
        cabinet_voltage_v=cabinet_columns[0],
        cabinet_current_a=cabinet_columns[1],
        cabinet_power_w=cabinet_columns[2],
        cabinet_energy_wh=_scalars(records, CABINET_ENERGY, np.uint64, UNKNOWN_UINT64),
        is_door_open=_scalars(records, DOOR, np.int8, CONTACT_UNKNOWN),
        is_contactor_closed=_scalars(records, CONTACTOR, np.int8, CONTACT_UNKNOWN),
        is_supply_present=_scalars(records, SUPPLY, np.int8, CONTACT_UNKNOWN),
        has_cabinet=np.array([any(r.values[s] is not None for s in cabinet_slots) for r in records], np.bool_),
    )
    return Block(batch, directory, lamp_name, circuit_name), n_bad


def _judged(numbers: npt.NDArray[np.int32], n_register: int) -> npt.NDArray[np.int32]:
    """The fleet's own numbers, -1 for strangers; no copy where there are none."""
    if not len(numbers) or int(numbers.max()) < n_register:
        return numbers
    return np.where(numbers < n_register, numbers, np.int32(-1))


def _interval(records: Sequence[Record]) -> npt.NDArray[np.uint32]:
    """The interval as told in the record, else the session's latest; what does not fit is not told."""
    told = [r.values[INTERVAL] or r.session.interval_s for r in records]
    return np.array([value if value <= 0xFFFFFFFF else 0 for value in told], np.uint32)
