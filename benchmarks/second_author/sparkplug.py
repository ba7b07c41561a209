"""Sparkplug B payloads as bytes, by the field numbers of the standard; it knows nothing of lamps."""

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

INT64: Final = 4
UINT32: Final = 7
UINT64: Final = 8
BOOLEAN: Final = 11
STRING: Final = 12
UINT8_ARRAY: Final = 26
UINT32_ARRAY: Final = 28
FLOAT_ARRAY: Final = 30
STRING_ARRAY: Final = 33

_ARRAYS: Final = frozenset((UINT8_ARRAY, UINT32_ARRAY, FLOAT_ARRAY, STRING_ARRAY))
_LONGS: Final = frozenset((INT64, UINT64))

Value = int | bool | str | bytes | None


@lru_cache(maxsize=4096)
def varint(number: int) -> bytes:
    """Encode a non-negative integer below 2**64 as a protobuf varint."""
    out = bytearray()
    while number > 0x7F:
        out.append((number & 0x7F) | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _blob(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def value_bytes(datatype: int, value: Value) -> bytes:
    """Encode a metric's value field, or `is_null` where `value` is None.

    Raises:
        TypeError: the value does not suit the datatype.
    """
    if value is None:
        return b"\x38\x01"
    if datatype in _ARRAYS and isinstance(value, bytes):
        return _blob(16, value)
    if datatype == STRING and isinstance(value, str):
        return _blob(15, value.encode())
    if datatype == BOOLEAN:
        return b"\x70" + (b"\x01" if value else b"\x00")
    if isinstance(value, int):
        return (b"\x58" if datatype in _LONGS else b"\x50") + varint(value & 0xFFFF_FFFF_FFFF_FFFF)
    raise TypeError(f"datatype {datatype} cannot carry {type(value).__name__}")


def born_metric(name: str, alias: int | None, at_ms: int, datatype: int, value: Value) -> bytes:
    """Encode one metric of an NBIRTH with name, alias, timestamp, datatype and value."""
    body = _blob(1, name.encode())
    if alias is not None:
        body += b"\x10" + varint(alias)
    body += b"\x18" + varint(at_ms) + b"\x20" + varint(datatype) + value_bytes(datatype, value)
    return _blob(2, body)


def data_metric(alias: int, stamp: bytes, datatype: int, value: Value, *, historical: bool) -> bytes:
    """Encode one metric of an NDATA; `stamp` is the varint of its timestamp in ms."""
    body = b"\x10" + varint(alias) + b"\x18" + stamp + b"\x20" + varint(datatype)
    if historical:
        body += b"\x28\x01"
    return _blob(2, body + value_bytes(datatype, value))


def payload(at_ms: int, seq: int | None, metrics: Iterable[bytes]) -> bytes:
    """Join encoded metrics to one payload; a death carries no `seq`."""
    head = b"\x08" + varint(at_ms) + b"".join(metrics)
    return head if seq is None else head + b"\x18" + varint(seq)


def texts(values: Iterable[str]) -> bytes:
    """Pack a StringArray: null-terminated UTF-8."""
    return b"".join(value.encode() + b"\0" for value in values)


def floats(values: Iterable[float]) -> bytes:
    """Pack a FloatArray, little-endian."""
    listed = list(values)
    return struct.pack(f"<{len(listed)}f", *listed)
