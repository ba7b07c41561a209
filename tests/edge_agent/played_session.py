"""A session played without a broker and in simulated time: every message it sends is kept, every answer is ours."""

from __future__ import annotations

import random
import sqlite3
from functools import partial
from pathlib import Path

from edge_agent.link.resend import Resend
from edge_agent.link.session import Node, NodeSession
from edge_agent.outbox.layout import Layout
from edge_agent.outbox.queue import Outbox
from edge_agent.outbox.record import Circumstances, Record, encode_body
from edge_agent.outbox.waiting import Draft
from edge_agent.wire import BY_ALIAS, BY_NAME, Metric, Payload, decode_payload, encode_payload, parse_topic
from tests.edge_agent.stub_meters import StubMeters, bytes_array, lamp_layout

START_MS = 1_795_000_000_000  # 2026-11-18
ACKNOWLEDGED = BY_NAME["Outbox/Acknowledged"].alias
EPOCH = BY_NAME["Outbox/Epoch"].alias


class Ears:
    """Orders that are only remembered."""

    def __init__(self) -> None:
        self.document: str | None = None
        self.dims: list = []
        self.is_accepting = True

    def dim(self, command) -> None:
        self.dims.append(command)

    def schedule(self, text: str) -> bool:
        if self.is_accepting:
            self.document = text
        return self.is_accepting

    def held_schedule(self) -> str | None:
        return self.document


class Played:
    """Outbox, session and a transport that keeps what was published as (topic type, payload, qos)."""

    def __init__(
        self,
        folder: Path,
        *,
        layout: Layout | None = None,
        primary_host: str | None = None,
        window: int = 100,
        rate_per_s: float = 20.0,
        seed: int = 1,
        resend_after_s: float = 120.0,
    ) -> None:
        self.now_s = 0.0
        self.layout = layout or lamp_layout(4)
        self.sent: list[tuple[str, Payload, int]] = []
        self.sent_bytes: list[bytes] = []  # the payloads of ``sent`` as they were
        self.is_up = False
        self.ears = Ears()
        self.outbox = Outbox(
            folder / "outbox.db",
            retention_s=30 * 86400,
            max_bytes=50_000_000,
            random_epoch=partial(random.Random(seed).getrandbits, 63),
        )
        self.resend = Resend(resend_after_s=resend_after_s, window=window, rate_per_s=rate_per_s)
        node = Node("g", "n", self.layout, "1.2.3", primary_host)
        self.session = NodeSession(node, self.outbox, self.resend, self.ears, self.now_ms)
        self.meters = StubMeters(len(self.layout.lamp_ids), self.now_ms)

    def now_ms(self) -> int:
        return START_MS + int(1000 * self.now_s)

    # the transport
    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        assert self.is_up, "published without a connection"
        parts = parse_topic(topic)
        assert (parts.group, parts.node) == ("g", "n")
        self.sent_bytes.append(payload)
        self.sent.append((parts.message_type, decode_payload(payload), qos))

    def disconnect(self) -> None:
        self.is_up = False

    # what happens to it
    def connect(self) -> Payload:
        will = self.session.will()
        assert will.qos == 1
        self.is_up = True
        self.session.ready(self, self.now_s)
        return decode_payload(will.payload)

    def drop(self) -> None:
        self.is_up = False
        self.session.lost()

    def break_card(self) -> None:
        """SQLite finds the outbox's file corrupt."""
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        assert self.outbox._recover(error)

    def sweep(self, slow: bool = True, levels: bytes | None = None) -> Record:
        sweep = self.meters.sweep(slow)
        reported = bytes_array(levels if levels is not None else b"\x64" * len(self.layout.lamp_ids))
        body = encode_body(sweep, self.layout, Circumstances(reported, True, 60))
        records = self.outbox.append(Draft(sweep.at_ms, self.now_s, self.layout, body))
        self.session.offer(records)
        return records[-1]

    def pump(self) -> list[tuple[str, Payload, int]]:
        before = len(self.sent)
        self.session.pump(self.now_s)
        return self.sent[before:]

    def run(self, seconds: float, step_s: float = 1.0) -> list[tuple[str, Payload, int]]:
        before = len(self.sent)
        for _ in range(int(seconds / step_s)):
            self.now_s += step_s
            self.session.pump(self.now_s)
        return self.sent[before:]

    def ncmd(self, *metrics: Metric) -> None:
        self.raw(encode_payload(Payload(self.now_ms(), None, metrics)))

    def raw(self, payload: bytes) -> None:
        self.session.received("spBv1.0/g/NCMD/n", payload, self.now_s)

    def acknowledge(self, sequence: int, epoch: int | None = None) -> None:
        self.ncmd(
            Metric(self.outbox.epoch if epoch is None else epoch, alias=EPOCH),
            Metric(sequence, alias=ACKNOWLEDGED),
        )


def values(payload: Payload) -> dict:
    """Metric name -> value of births and data alike."""
    return {metric.name or BY_ALIAS[metric.alias].name: metric.value for metric in payload.metrics}


def history(sent: list[tuple[str, Payload, int]]) -> list[int]:
    """Numbers of the records that went as history, in order."""
    found = []
    for kind, payload, _ in sent:
        flags = {metric.is_historical for metric in payload.metrics}
        assert len(flags) == 1, "live and history in one message"
        if kind == "NDATA" and flags == {True}:
            found.append(values(payload)["Outbox/Sequence"])
    return found


def live(sent: list[tuple[str, Payload, int]]) -> list[int]:
    """Numbers of the records that went as live data, in order."""
    return [
        values(payload)["Outbox/Sequence"]
        for kind, payload, _ in sent
        if kind == "NDATA" and not payload.metrics[0].is_historical
    ]
