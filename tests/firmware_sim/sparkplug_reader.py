"""Sparkplug payloads read byte by byte, with the contract's own table of metrics: shares no code with the subject."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

INT64, BOOLEAN, STRING, UINT32, UINT64, DATETIME = 4, 11, 12, 7, 8, 13
UINT8_ARRAY, UINT32_ARRAY, FLOAT_ARRAY, STRING_ARRAY = 26, 28, 30, 33
_ITEM_BYTES = {UINT8_ARRAY: 1, UINT32_ARRAY: 4, FLOAT_ARRAY: 4}

#: metric -> (datatype, what its array runs over: "lamps", "circuits", "phases"; "" = no array)
TABLE: dict[str, tuple[int, str]] = {
    "bdSeq": (INT64, ""),
    "Node Control/Rebirth": (BOOLEAN, ""),
    "Agent/Version": (STRING, ""),
    "Clock/Synchronised": (BOOLEAN, ""),
    "Sweep/Interval": (UINT32, ""),
    "Outbox/Epoch": (UINT64, ""),
    "Outbox/Sequence": (UINT64, ""),
    "Outbox/Pending": (UINT64, ""),
    "Lamps/Id": (STRING_ARRAY, "lamps"),
    **{f"Lamps/{name}": (FLOAT_ARRAY, "lamps") for name in ("Voltage", "Current", "Power", "Power Factor")},
    "Lamps/Temperature": (FLOAT_ARRAY, "lamps"),
    **{f"Lamps/{name}": (UINT32_ARRAY, "lamps") for name in ("Energy", "Burning Hours", "Switch Count")},
    **{f"Lamps/{name}": (UINT8_ARRAY, "lamps") for name in ("Dim Level", "Status", "Quality")},
    **{f"Cabinet/{name}": (FLOAT_ARRAY, "phases") for name in ("Voltage", "Current", "Power")},
    "Cabinet/Energy": (UINT64, ""),
    "Circuits/Id": (STRING_ARRAY, "circuits"),
    **{f"Circuits/{name}": (FLOAT_ARRAY, "circuits") for name in ("Voltage", "Current", "Power")},
    "Circuits/Energy": (UINT32_ARRAY, "circuits"),
    **{f"Cabinet/{name}": (BOOLEAN, "") for name in ("Door Open", "Contactor Closed", "Supply Present")},
    "Outbox/Acknowledged": (UINT64, ""),
    "Lamps/Dim Command": (UINT8_ARRAY, "lamps"),
    "Lamps/Dim Until": (DATETIME, ""),
    "Schedule/Document": (STRING, ""),
    "Schedule/Signature": (STRING, ""),
    "Command/Signature": (STRING, ""),
    "Keys/Rotation": (STRING, ""),
}
#: what stands in every record of a controller with lamp and circuit meters
IN_EVERY_SWEEP = {name for name in TABLE if name.startswith(("Cabinet/", "Outbox/", "Clock/", "Sweep/"))} - {
    "Cabinet/Energy",
    "Outbox/Acknowledged",
}


@dataclass
class ReadMetric:
    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None
    datatype: int | None = None
    is_historical: bool = False
    is_null: bool = False
    value: Any = None


@dataclass
class ReadPayload:
    timestamp: int | None = None
    seq: int | None = None
    metrics: list[ReadMetric] = field(default_factory=list)


def _fields(data: bytes):
    """(field number, wire type, value) of one protobuf message."""
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, kind, varint()
        elif kind == 2:
            length = varint()
            assert place + length <= len(data)
            yield key >> 3, kind, data[place : place + length]
            place += length
        else:
            size = {1: 8, 5: 4}[kind]
            yield key >> 3, kind, data[place : place + size]
            place += size


def read_payload(data: bytes) -> ReadPayload:
    payload = ReadPayload()
    for number, _kind, value in _fields(data):
        if number == 1:
            payload.timestamp = value
        elif number == 2:
            payload.metrics.append(_metric(value))
        elif number == 3:
            payload.seq = value
        else:
            raise AssertionError(f"field {number} in a payload")
    return payload


def _metric(data: bytes) -> ReadMetric:
    metric = ReadMetric()
    for number, _kind, value in _fields(data):
        if number == 1:
            metric.name = value.decode()
        elif number == 2:
            metric.alias = value
        elif number == 3:
            metric.timestamp = value
        elif number == 4:
            metric.datatype = value
        elif number == 5:
            metric.is_historical = bool(value)
        elif number == 7:
            metric.is_null = bool(value)
        elif number in {10, 11, 14, 15, 16}:
            metric.value = (number, value)
        else:
            raise AssertionError(f"field {number} in a metric")
    return metric


_VALUE_FIELD = {UINT32: 10, INT64: 11, UINT64: 11, DATETIME: 11, BOOLEAN: 14, STRING: 15}


def value_of(metric: ReadMetric, datatype: int) -> Any:
    """The value, unpacked by its datatype; None = null."""
    if metric.is_null:
        assert metric.value is None
        return None
    number, raw = metric.value
    assert number == _VALUE_FIELD.get(datatype, 16), (metric, datatype)
    if datatype == STRING_ARRAY:
        assert not raw or raw.endswith(b"\0")
        return [part.decode() for part in raw.split(b"\0")[:-1]]
    if datatype in _ITEM_BYTES:
        letter = {UINT8_ARRAY: "B", UINT32_ARRAY: "I", FLOAT_ARRAY: "f"}[datatype]
        assert len(raw) % _ITEM_BYTES[datatype] == 0
        return list(struct.unpack(f"<{len(raw) // _ITEM_BYTES[datatype]}{letter}", raw))
    if datatype == STRING:
        return raw.decode()
    return bool(raw) if datatype == BOOLEAN else raw
