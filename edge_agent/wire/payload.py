"""The payload codec: Sparkplug B protobuf and its packed arrays, to plain values and back."""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from edge_agent.wire.catalogue import BY_ALIAS, BY_NAME
from edge_agent.wire.datatypes import ARRAY_TYPECODE, DataType
from edge_agent.wire.errors import WireError
from edge_agent.wire.sparkplug_pb2 import Metric as MetricMessage
from edge_agent.wire.sparkplug_pb2 import Payload as PayloadMessage

# Which member of the protobuf oneof carries a datatype's value.
_VALUE_FIELD: Final[dict[int, str]] = {
    DataType.INT32: "int_value",
    DataType.UINT8: "int_value",
    DataType.UINT16: "int_value",
    DataType.UINT32: "int_value",
    DataType.INT64: "long_value",
    DataType.UINT64: "long_value",
    DataType.DATE_TIME: "long_value",
    DataType.FLOAT: "float_value",
    DataType.DOUBLE: "double_value",
    DataType.BOOLEAN: "boolean_value",
    DataType.STRING: "string_value",
    DataType.TEXT: "string_value",
}

Scalar = int | float | bool | str
Value = Scalar | bytes | None


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a payload.

    ``value`` is a Python scalar for scalar datatypes, the packed little-endian bytes for array datatypes, None for
    null. A data metric known by alias alone has neither name nor datatype; its value then stands as the protobuf member
    held it (an Int64 as its unsigned 64-bit image).
    """

    value: Value
    name: str | None = None
    alias: int | None = None
    datatype: int | None = None
    timestamp_ms: int | None = None
    is_historical: bool = False


@dataclass(frozen=True, slots=True)
class Payload:
    """A Sparkplug B payload: its time, its sequence number (NDEATH and NCMD have none) and its metrics."""

    timestamp_ms: int | None
    seq: int | None
    metrics: tuple[Metric, ...]


def encode_payload(payload: Payload) -> bytes:
    """Serialise a payload.

    A metric whose ``datatype`` is None takes it from the catalogue by name or, for Python values, from the value's own
    type; a metric with an alias and no name is written by alias alone, without datatype, as NDATA wants it.

    Raises:
        WireError: a value does not fit its datatype.
    """
    message = PayloadMessage()
    if payload.timestamp_ms is not None:
        message.timestamp = payload.timestamp_ms
    if payload.seq is not None:
        message.seq = payload.seq
    for metric in payload.metrics:
        _encode_metric(message.metrics.add(), metric)
    return message.SerializeToString()


def _encode_metric(target: MetricMessage, metric: Metric) -> None:
    if metric.name is not None:
        target.name = metric.name
    if metric.alias is not None:
        target.alias = metric.alias
    if metric.timestamp_ms is not None:
        target.timestamp = metric.timestamp_ms
    if metric.is_historical:
        target.is_historical = True
    datatype = metric.datatype if metric.datatype is not None else _datatype_of(metric)
    if datatype is not None and metric.name is not None:
        target.datatype = datatype
    if metric.value is None:
        target.is_null = True
        return
    if isinstance(metric.value, bytes):
        target.bytes_value = metric.value
        return
    field = _VALUE_FIELD.get(datatype) if datatype is not None else None
    if field is None:
        msg = f"metric {metric.name or metric.alias}: no datatype for {type(metric.value).__name__}"
        raise WireError(msg)
    value: Scalar = metric.value
    if datatype == DataType.INT64 and isinstance(value, int):
        value &= 0xFFFFFFFFFFFFFFFF
    elif datatype == DataType.INT32 and isinstance(value, int):
        value &= 0xFFFFFFFF
    try:
        setattr(target, field, value)
    except (TypeError, ValueError, OverflowError) as error:
        raise WireError(f"metric {metric.name or metric.alias}: {error}") from error


def _datatype_of(metric: Metric) -> int | None:
    spec = BY_NAME.get(metric.name) if metric.name is not None else None
    if spec is None and metric.alias is not None:
        spec = BY_ALIAS.get(metric.alias)
    return None if spec is None else spec.datatype


def decode_payload(data: bytes) -> Payload:
    """Parse a payload of any Sparkplug sender.

    Raises:
        WireError: the bytes are not a Sparkplug B payload.
    """
    message = PayloadMessage()
    try:
        message.ParseFromString(data)
        return Payload(
            timestamp_ms=message.timestamp if message.HasField("timestamp") else None,
            seq=message.seq if message.HasField("seq") else None,
            metrics=tuple(_decode_metric(metric) for metric in message.metrics),
        )
    except (DecodeError, UnicodeDecodeError) as error:
        raise WireError(f"not a Sparkplug B payload: {error}") from error


def _decode_metric(source: MetricMessage) -> Metric:
    field = source.WhichOneof("value")
    value: Value = None if source.is_null or field is None else getattr(source, field)
    name = source.name if source.HasField("name") else None
    # protobuf hands a text that is not UTF-8 over as bytes, whatever its type says
    if isinstance(name, bytes) or (field == "string_value" and isinstance(value, bytes)):
        raise WireError("not a Sparkplug B payload: a text is not UTF-8")
    datatype = source.datatype if source.HasField("datatype") else None
    if datatype == DataType.INT64 and isinstance(value, int) and value >= 1 << 63:
        value -= 1 << 64
    elif datatype == DataType.INT32 and isinstance(value, int) and value >= 1 << 31:
        value -= 1 << 32
    return Metric(
        value=value,
        name=name,
        alias=source.alias if source.HasField("alias") else None,
        datatype=datatype,
        timestamp_ms=source.timestamp if source.HasField("timestamp") else None,
        is_historical=source.is_historical,
    )


def pack_array(datatype: DataType, values: array[int] | array[float]) -> bytes:
    """Pack numbers little-endian for ``bytes_value``; ``values`` must have the datatype's typecode.

    Raises:
        WireError: the array's typecode is not the datatype's.
    """
    typecode = ARRAY_TYPECODE.get(datatype)
    if values.typecode != typecode:
        raise WireError(f"{datatype.name} takes array typecode {typecode!r}, not {values.typecode!r}")
    if sys.byteorder == "big":
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def unpack_array(datatype: DataType, data: bytes) -> array[int] | array[float]:
    """Unpack a numeric array.

    Raises:
        WireError: not a numeric array type, or the length is not a multiple of its item size.
    """
    typecode = ARRAY_TYPECODE.get(datatype)
    if typecode is None:
        raise WireError(f"{datatype.name} is not a numeric array")
    values: array[int] | array[float] = array(typecode)
    if len(data) % values.itemsize:
        raise WireError(f"{len(data)} bytes are no whole number of {datatype.name} items")
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def pack_strings(values: tuple[str, ...]) -> bytes:
    """Pack a StringArray: each item UTF-8 and null-terminated.

    Raises:
        WireError: an item contains a null character.
    """
    for value in values:
        if "\0" in value:
            raise WireError(f"{value!r} contains a null character")
    return b"".join(value.encode() + b"\0" for value in values)


def unpack_strings(data: bytes) -> tuple[str, ...]:
    """Unpack a StringArray.

    Raises:
        WireError: not null-terminated, or not UTF-8.
    """
    if not data:
        return ()
    if not data.endswith(b"\0"):
        raise WireError("a StringArray does not end with a null byte")
    try:
        return tuple(data[:-1].decode().split("\0"))
    except UnicodeDecodeError as error:
        raise WireError(f"a StringArray is not UTF-8: {error}") from error
