"""A record of the outbox: a stored sweep, and its conversion to another layout.

Owns which metric carries which quantity, and the form of a record's body: a Sparkplug payload of aliases and values
without times, number or seq, deflated. Pure functions; no socket, file or clock.
"""

from __future__ import annotations

import logging
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError

from edge_agent.outbox.layout import Layout
from edge_agent.wire import (
    ARRAY_TYPECODE,
    CABINET_QUANTITIES,
    CATALOGUE,
    CIRCUIT_QUANTITIES,
    CONTACT_QUANTITIES,
    LAMP_QUANTITIES,
    DataType,
    Metric,
    MetricSpec,
    Payload,
    PayloadMessage,
    Value,
    encode_payload,
    pack_array,
)

if TYPE_CHECKING:
    from edge_agent.serial.reading import SweepReadings

LOG: Final = logging.getLogger(__name__)
_LAMP_ARRAYS: Final = {q.metric: q.name for q in LAMP_QUANTITIES if q.is_from_meter}
_CABINET_PHASES: Final = {q.metric: q.name for q in CABINET_QUANTITIES if q.datatype in ARRAY_TYPECODE}
_CABINET_SCALARS: Final = {
    q.metric: q.name for q in (*CABINET_QUANTITIES, *CONTACT_QUANTITIES) if q.datatype not in ARRAY_TYPECODE
}
_CIRCUIT_ARRAYS: Final = {q.metric: q.name for q in CIRCUIT_QUANTITIES}
_QUANTITIES: Final = {q.metric: q for q in (*LAMP_QUANTITIES, *CABINET_QUANTITIES, *CIRCUIT_QUANTITIES)}
# Which attribute path of a sweep fills a metric (edge_agent.serial.reading names them so).
QUANTITY_OF: Final[dict[str, str]] = {
    **_LAMP_ARRAYS,
    **{name: f"cabinet.{path}" for name, path in (_CABINET_PHASES | _CABINET_SCALARS).items()},
    **{name: f"circuits.{path}" for name, path in _CIRCUIT_ARRAYS.items()},
}
METRIC_OF: Final[dict[str, str]] = {path: name for name, path in QUANTITY_OF.items()}

_ITEM_BYTES: Final = {datatype: array(typecode).itemsize for datatype, typecode in ARRAY_TYPECODE.items()}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the agent knows of a sweep besides its readings.

    Attributes:
        levels: uint8 (n_lamps,) [%] commanded by schedule or command; 255 = unknown.
        is_synchronised: whether the clock was right.
        interval_s: the present sweep interval.
        poll_errors: uint32 (n_lamps,) failed polls since start; None = not reported in this sweep.
        n_refused: commands refused since start.
        n_dropped: records of this epoch given up unacknowledged.
        n_waiting: records held in memory because the disk took none.
    """

    levels: array[int]
    is_synchronised: bool
    interval_s: int
    poll_errors: array[int] | None = None
    n_refused: int = 0
    n_dropped: int = 0
    n_waiting: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One record as stored in the outbox.

    Attributes:
        epoch: random number of the outbox that gave it its number.
        sequence: its number in the epoch, from 1.
        at_ms: the sweep's end, Unix time.
        layout_key: `Layout.key` of the layout it was made with.
        body: see `encode_body`.
    """

    epoch: int
    sequence: int
    at_ms: int
    layout_key: str
    body: bytes


def encode_body(sweep: SweepReadings, layout: Layout, circumstances: Circumstances) -> bytes:
    """Turn a sweep into a record's body; slow quantities it did not sample are left out.

    Raises:
        WireError: an array of the sweep has a wrong type.
    """
    return zlib.compress(encode_payload(Payload(None, None, tuple(_metrics(sweep, layout, circumstances)))), 1)


def _metrics(sweep: SweepReadings, layout: Layout, circumstances: Circumstances) -> Iterator[Metric]:
    for spec in CATALOGUE:
        if spec.alias is None or spec.name not in layout.data_metrics:
            continue
        if spec.name in _NUMBER_METRICS:
            continue
        value = _own_value(spec.name, circumstances)
        if value is _UNTOLD:
            value = _measured_value(spec, sweep)
        if value is not _UNTOLD and (value is not None or spec.datatype not in _ITEM_BYTES):
            yield Metric(value=value, alias=spec.alias, datatype=spec.datatype)


_UNTOLD: Final = b"untold"  # compared by identity: None already means null
_NUMBER_METRICS: Final = frozenset({"Outbox/Epoch", "Outbox/Sequence", "Outbox/Pending"})


def _own_value(name: str, circumstances: Circumstances) -> Value:
    match name:
        case "Clock/Synchronised":
            return circumstances.is_synchronised
        case "Sweep/Interval":
            return circumstances.interval_s
        case "Lamps/Dim Level":
            return pack_array(DataType.UINT8_ARRAY, circumstances.levels)
        case "Agent/Commands Refused":
            return circumstances.n_refused
        case "Outbox/Dropped":
            return circumstances.n_dropped
        case "Outbox/Waiting":
            return circumstances.n_waiting
        case "Lamps/Poll Errors":
            errors = circumstances.poll_errors
            return None if errors is None else pack_array(DataType.UINT32_ARRAY, errors)
    return _UNTOLD


def _measured_value(spec: MetricSpec, sweep: SweepReadings) -> Value:
    name = spec.name
    if name == "Agent/Sweep Duration":
        return sweep.duration_s
    if name == "Lamps/Quality":
        return pack_array(spec.datatype, sweep.quality)
    is_sampled = QUANTITY_OF[name] in sweep.quantities
    if name in _CABINET_SCALARS:  # scalars are in every sweep, null where this one does not know
        value: int | bool | None = getattr(sweep.cabinet, _CABINET_SCALARS[name])
        return value if is_sampled else None
    if not is_sampled:
        return _UNTOLD
    if name in _LAMP_ARRAYS:
        return pack_array(spec.datatype, getattr(sweep, _LAMP_ARRAYS[name]))
    if name in _CABINET_PHASES:
        return pack_array(spec.datatype, array("f", getattr(sweep.cabinet, _CABINET_PHASES[name])))
    return pack_array(spec.datatype, getattr(sweep.circuits, _CIRCUIT_ARRAYS[name]))


def unpack_body(body: bytes) -> PayloadMessage:
    """The body's metrics; none at all if storage has damaged it, so that its number still reaches the host."""
    message = PayloadMessage()
    try:
        message.ParseFromString(zlib.decompress(body))
    except (zlib.error, DecodeError) as error:
        LOG.warning("a record in storage is damaged, its number is sent without readings: %s", error)
        message.Clear()
    return message


def unknown(spec: MetricSpec, layout: Layout) -> Value:
    """The value that says "not known": NaN, all ones, quality "no response", or null for a scalar."""
    if spec.datatype not in _ITEM_BYTES:
        return None
    return _unknown_item(spec) * _n_items(spec, layout)


def _unknown_item(spec: MetricSpec) -> bytes:
    quantity = _QUANTITIES.get(spec.name)
    if quantity is None:  # Lamps/Poll Errors
        return b"\xff" * _ITEM_BYTES[spec.datatype]
    return quantity.pack(quantity.unanswered_value)


def _n_items(spec: MetricSpec, layout: Layout) -> int:
    if spec.name.startswith("Lamps/"):
        return len(layout.lamp_ids)
    return len(layout.circuit_ids) if spec.name.startswith("Circuits/") else 3


def rearrange(record: Record, made: Layout, present: Layout) -> Record:
    """Put a record's arrays into the order of another layout, for a register that changed since it was made.

    Lamps and circuits that are new are unknown in it; those that are gone lose their slot, since no birth names them.
    """
    message = PayloadMessage()
    for metric in unpack_body(record.body).metrics:
        if metric.alias not in present.data_aliases:
            continue
        spec = _BY_ALIAS[metric.alias]
        if metric.HasField("bytes_value"):
            for prefix, old, new in (
                ("Lamps/", made.lamp_ids, present.lamp_ids),
                ("Circuits/", made.circuit_ids, present.circuit_ids),
            ):
                if spec.name.startswith(prefix):
                    metric.bytes_value = _moved(metric.bytes_value, spec, old, new)
        message.metrics.append(metric)
    return replace(record, layout_key=present.key, body=zlib.compress(message.SerializeToString(), 1))


def _moved(data: bytes, spec: MetricSpec, old: tuple[str, ...], new: tuple[str, ...]) -> bytes:
    size = _ITEM_BYTES[spec.datatype]
    place = {name: i * size for i, name in enumerate(old)}
    blank = _unknown_item(spec)
    return b"".join(data[place[name] : place[name] + size] if name in place else blank for name in new)


_BY_ALIAS: Final = {spec.alias: spec for spec in CATALOGUE if spec.alias is not None}
