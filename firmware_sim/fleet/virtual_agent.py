"""A virtual agent: numbers, sends and resends records, and follows commands. No I/O: bytes in, messages out.

Plays the agent's side of the contract: every sweep is a record of the outbox's epoch, kept until the host acknowledges
it; what was recorded offline, or was not acknowledged in time, goes again as history. Its "disk" is this object, so it
outlives ``restart`` as an SD card outlives a power cut.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.wire import (
    BY_NAME,
    CATALOGUE,
    NBIRTH,
    NCMD,
    NDATA,
    NDEATH,
    DataType,
    Metric,
    NodeTopic,
    Payload,
    WireError,
    decode_payload,
    encode_payload,
    pack_strings,
)
from edge_agent.wire.bounded_json import read_json
from firmware_sim.fleet.payload import Reading, encode_data
from firmware_sim.fleet.schedule import parse_schedule
from firmware_sim.fleet.town import Controller

_RESEND_AFTER_S: Final = 120.0
_WINDOW: Final = 32  # records sent again and not yet acknowledged
_BY_ALIAS: Final = {spec.alias: spec.name for spec in CATALOGUE if spec.alias is not None}


@dataclass(frozen=True, slots=True)
class Publication:
    """What goes to the broker."""

    topic: str
    payload: bytes
    qos: int = 0


@dataclass(slots=True)
class _Held:
    reading: Reading
    sent_s: float | None  # None = never


class VirtualAgent:
    """The agent of one controller."""

    def __init__(self, group: str, controller: Controller, epoch: int, bd_seq: int = 0) -> None:
        """A new agent with an empty outbox of this epoch."""
        self.controller = controller
        self.epoch = epoch
        self.sequence = 0
        self.is_connected = False
        self.n_sent = 0
        #: The schedule document that the host sent and the agent keeps; None = the one of ``city.toml``.
        self.schedule: Mapping[str, Any] | None = None
        self.group = group
        self._data_topic = str(NodeTopic(group, NDATA, controller.controller_id))
        self._bd_seq = bd_seq
        self._seq = 0
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._newest: Reading | None = None
        self._known: dict[str, None] = {}  # every quantity that its meters have
        self._acknowledged = 0
        self._schedule: str | None = None

    @property
    def n_pending(self) -> int:
        """Records not acknowledged."""
        return len(self._held)

    @property
    def acknowledged(self) -> int:
        """The host has everything up to this number."""
        return self._acknowledged

    @property
    def command_topic(self) -> str:
        """Where commands arrive."""
        return str(NodeTopic(self.group, NCMD, self.controller.controller_id))

    def will(self) -> Publication:
        """The will for the next connection: counts it, since every connection has its own bdSeq."""
        self._bd_seq = (self._bd_seq + 1) % 256
        return self._death()

    def _death(self) -> Publication:
        metric = Metric(self._bd_seq, name="bdSeq", datatype=DataType.INT64)
        topic = NodeTopic(self.group, NDEATH, self.controller.controller_id)
        return Publication(str(topic), encode_payload(Payload(None, None, (metric,))), qos=1)

    def connect(self, now_ms: int) -> list[Publication]:
        """The session begins: birth, then whatever waits is sent by ``resend``."""
        self.is_connected = True
        for held in self._held.values():
            held.sent_s = None
        return [self._birth(now_ms)]

    def disconnect(self, now_ms: int) -> list[Publication]:
        """An intended end: the death goes first."""
        self.is_connected = False
        death = self._death()
        payload = decode_payload(death.payload)
        return [Publication(death.topic, encode_payload(Payload(now_ms, None, payload.metrics)), qos=1)]

    def cut_off(self) -> None:
        """The network went away; the broker will publish the will."""
        self.is_connected = False

    def record(self, reading: Reading, now_s: float) -> list[Publication]:
        """A sweep ended: into the outbox, and out if there is a connection."""
        self.sequence += 1
        held = _Held(reading, None)
        self._held[self.sequence] = held
        self._newest = reading
        self._known |= dict.fromkeys(name for name, _value in reading.values)
        if not self.is_connected:
            return []
        held.sent_s = now_s
        return [self._data(self.sequence, reading, is_historical=False)]

    def resend(self, now_s: float, limit: int = 8) -> list[Publication]:
        """Up to ``limit`` records that were never sent, or not acknowledged in time, as history, oldest first."""
        messages: list[Publication] = []
        if not self.is_connected:
            return messages
        for n_seen, (sequence, held) in enumerate(self._held.items()):
            if len(messages) >= limit or n_seen >= _WINDOW:
                break
            if held.sent_s is None or now_s - held.sent_s >= _RESEND_AFTER_S:
                held.sent_s = now_s
                messages.append(self._data(sequence, held.reading, is_historical=True))
        return messages

    def _data(self, sequence: int, reading: Reading, *, is_historical: bool) -> Publication:
        self._seq = (self._seq + 1) % 256
        self.n_sent += 1
        numbered = Reading(reading.at_ms, (*reading.values, *self._numbers(sequence)))
        return Publication(self._data_topic, encode_data(numbered, self._seq, is_historical=is_historical))

    def _numbers(self, sequence: int) -> tuple[tuple[str, int], ...]:
        pending = sequence - self._acknowledged
        return (("Outbox/Epoch", self.epoch), ("Outbox/Sequence", sequence), ("Outbox/Pending", pending))

    def _birth(self, now_ms: int) -> Publication:
        """Every metric with name, alias, datatype and value; repeats the newest record's."""
        self._seq = 0
        newest: dict[str, Any] = dict(self._known)
        newest |= self._newest.values if self._newest is not None else ()
        numbers = dict(self._numbers(self.sequence)) | {"Outbox/Pending": self.n_pending}
        fixed: dict[str, Any] = {
            "bdSeq": self._bd_seq,
            "Node Control/Rebirth": False,
            "Agent/Version": "firmware-sim",
            "Lamps/Id": pack_strings(self.controller.lamp_ids if self.controller.metering == "lamp" else ()),
            "Circuits/Id": pack_strings(self.controller.circuit_names if self.controller.has_circuit_meters else ()),
            "Schedule/Document": self._schedule,
        }
        values = {**newest, **numbers, **fixed}
        metrics = tuple(
            Metric(
                values.get(spec.name),
                name=spec.name,
                alias=spec.alias,
                datatype=spec.datatype,
                timestamp_ms=now_ms,
            )
            for spec in CATALOGUE
            if spec.name in values or spec.is_command
        )
        topic = NodeTopic(self.group, NBIRTH, self.controller.controller_id)
        return Publication(str(topic), encode_payload(Payload(now_ms, 0, metrics)))

    def command(self, payload: bytes, now_ms: int) -> tuple[list[Publication], Dim | None]:
        """An NCMD arrived: acknowledgements, rebirth, schedule and dim commands. What is broken changes nothing."""
        try:
            metrics = decode_payload(payload).metrics
        except WireError:
            return [], None
        values: dict[str, Any] = {}
        for metric in metrics:
            name = metric.name if metric.name is not None else _BY_ALIAS.get(metric.alias or 0)
            if name in BY_NAME:
                values[name] = metric.value
        self._acknowledge(values)
        is_asked = values.get("Node Control/Rebirth") is True
        if is_asked:  # the host lost track: what it has not acknowledged may never have reached it
            for held in self._held.values():
                held.sent_s = None
        is_asked |= self._take_schedule(values.get("Schedule/Document"))
        return ([self._birth(now_ms)] if is_asked and self.is_connected else []), _dim(values, self.controller)

    def _take_schedule(self, text: object) -> bool:
        """Keep a schedule document, if it is one; a birth reports to the host that it is held."""
        if not isinstance(text, str):
            return False
        try:
            document = read_json(text)
            parse_schedule(document, "UTC")
        except (WireError, ValueError, TypeError, AttributeError):
            return False
        self._schedule, self.schedule = text, document
        return True

    def _acknowledge(self, values: Mapping[str, Any]) -> None:
        up_to = values.get("Outbox/Acknowledged")
        if values.get("Outbox/Epoch") != self.epoch or not isinstance(up_to, int) or up_to > self.sequence:
            return
        self._acknowledged = max(self._acknowledged, up_to)
        while self._held and next(iter(self._held)) <= up_to:
            self._held.popitem(last=False)


@dataclass(frozen=True, slots=True, eq=False)
class Dim:
    """A dim command for a controller's lamps, in the order of its births: uint8 levels, 254 leave, 255 schedule."""

    level: NDArray[np.uint8]
    until_us: int


def _dim(values: Mapping[str, Any], controller: Controller) -> Dim | None:
    packed = values.get("Lamps/Dim Command")
    if not isinstance(packed, bytes) or len(packed) != len(controller.lamp_ids):
        return None
    until_ms = values.get("Lamps/Dim Until")
    until_us = until_ms * 1000 if isinstance(until_ms, int) else 2**62
    return Dim(np.frombuffer(packed, np.uint8), min(until_us, 2**62))
