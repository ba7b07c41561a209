"""The three messages that an edge node publishes: birth, data and death.

Owns what is in them and in which form; `record` owns the readings, `session` when they go and with which numbers.
Pure functions; no socket, file or clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_agent.outbox.record import Record, unknown, unpack_body
from edge_agent.wire import BY_NAME, CATALOGUE, DataType, Metric, Payload, Value, encode_payload, pack_strings

if TYPE_CHECKING:
    from edge_agent.outbox.layout import Layout
    from edge_agent.outbox.numbering import Numbering


def ndata(record: Record, numbering: Numbering, seq: int, *, is_historical: bool) -> bytes:
    """Lay out a record as one NDATA: the sweep's end on the payload and on each metric."""
    message = unpack_body(record.body)
    message.timestamp = record.at_ms
    message.seq = seq
    for name, value in (
        ("Outbox/Epoch", numbering.epoch),
        ("Outbox/Sequence", numbering.sequence),
        ("Outbox/Pending", numbering.pending),
    ):
        alias = BY_NAME[name].alias
        assert alias is not None
        message.metrics.add(alias=alias, long_value=value)
    for metric in message.metrics:
        metric.timestamp = record.at_ms
        if is_historical:
            metric.is_historical = True
    return message.SerializeToString()


@dataclass(frozen=True, slots=True)
class Identity:
    """What an NBIRTH says besides the newest record.

    Attributes:
        bd_seq: number of this MQTT connection, 0-255.
        version: the agent's version.
        schedule: the schedule document as held; None = none.
    """

    bd_seq: int
    version: str
    schedule: str | None


def nbirth(identity: Identity, layout: Layout, newest: Record | None, numbering: Numbering, now_ms: int) -> bytes:
    """Lay out the NBIRTH: every metric with name, alias, datatype and value; repeats the newest record.

    What only commands carry is null, but for ``Node Control/Rebirth``, which the standard wants false
    (tck-id-topics-nbirth-rebirth-metric). Arrays that the newest record did not sample are unknown in every slot.
    """
    values: dict[int, Value] = {}
    if newest is not None:
        for metric in unpack_body(newest.body).metrics:
            field = metric.WhichOneof("value")
            values[metric.alias] = None if metric.is_null or field is None else getattr(metric, field)
    own: dict[str, Value] = {
        "bdSeq": identity.bd_seq,
        "Node Control/Rebirth": False,
        "Agent/Version": identity.version,
        "Schedule/Document": identity.schedule,
        "Lamps/Id": pack_strings(layout.lamp_ids),
        "Circuits/Id": pack_strings(layout.circuit_ids),
        "Outbox/Epoch": numbering.epoch,
        "Outbox/Sequence": numbering.sequence,
        "Outbox/Pending": numbering.pending,
    }
    metrics = []
    for spec in CATALOGUE:
        at_ms = now_ms
        if spec.name in own:
            value = own[spec.name]
        elif spec.is_command:
            value = None
        elif spec.name in layout.data_metrics:
            assert spec.alias is not None
            value = values[spec.alias] if spec.alias in values else unknown(spec, layout)
            at_ms = now_ms if newest is None else newest.at_ms
        else:
            continue
        metrics.append(Metric(value, name=spec.name, alias=spec.alias, datatype=spec.datatype, timestamp_ms=at_ms))
    return encode_payload(Payload(now_ms, 0, tuple(metrics)))


def ndeath(bd_seq: int, now_ms: int) -> bytes:
    """Lay out the NDEATH: bdSeq alone, and no seq (tck-id-payloads-ndeath-seq)."""
    metric = Metric(bd_seq, name="bdSeq", datatype=DataType.INT64, timestamp_ms=now_ms)
    return encode_payload(Payload(now_ms, None, (metric,)))
