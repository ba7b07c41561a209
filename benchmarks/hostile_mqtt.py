"""Hostile MQTT traffic: what strangers may send to a broker that anybody of the city's network can reach."""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.wire import DataType, Metric, Payload, encode_payload, pack_strings

_DEEP: Final = b"[" * 100_000
_HALF_OPEN: Final = 500
_DEAF: Final = 20


class HostileMqtt:
    """Sends one kind of nonsense after another to a broker.

    Attributes:
        n_sent: messages and raw connections so far, by kind.
    """

    def __init__(self, port: int, group: str, nodes: list[str], host_id: str, seed: int) -> None:
        """``nodes``: controllers of the city, in whose names something is forged."""
        self._port, self._group, self._nodes, self._host_id = port, group, nodes, host_id
        self._random = random.Random(seed)
        self._client: Client | None = None
        self._held: list[socket.socket] = []
        self._deaf: list[socket.socket] = []
        self.n_sent: dict[str, int] = {}
        self._kinds: tuple[Callable[[], None], ...] = (
            self.nested_json,
            self.giant_birth,
            self.forged_sequence,
            self.huge_numbers,
            self.retained_junk,
            self.random_bytes,
            self.strangers,
            self.oversize_packet,
            self.broken_packets,
            self.half_open,
            self.many_connections,
            self.deaf_subscriber,
            self.many_subscriptions,
            self.retained_flood,
            self.unfinished_deliveries,
            self.long_topics,
        )

    def turn(self) -> None:
        """Send something of a random kind."""
        kind = self._random.choice(self._kinds)
        with suppress(OSError, ValueError):
            kind()
        name = kind.__name__
        self.n_sent[name] = self.n_sent.get(name, 0) + 1

    def close(self) -> None:
        """Hang up."""
        for sock in [*self._held, *self._deaf]:
            sock.close()
        if self._client is not None:
            self._client.loop_stop()

    def _publish(self, kind: str, node: str, payload: bytes, *, retain: bool = False) -> None:
        if self._client is None or not self._client.is_connected():
            if self._client is not None:
                self._client.loop_stop()
            client_id = f"stranger-{self._random.random()}"
            self._client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, reconnect_on_failure=False)
            self._client.connect("127.0.0.1", self._port, 30)
            self._client.loop_start()
            time.sleep(0.2)
        topic = f"spBv1.0/STATE/{node}" if kind == "STATE" else f"spBv1.0/{self._group}/{kind}/{node}"
        self._client.publish(topic, payload, retain=retain)

    def _node(self) -> str:
        return self._random.choice(self._nodes)

    def _epoch(self) -> Metric:
        return Metric(self._random.getrandbits(63), name="Outbox/Epoch", datatype=DataType.UINT64)

    def nested_json(self) -> None:
        """A document nested 100,000 deep, as host state and as a schedule."""
        self._publish("STATE", self._random.choice((self._host_id, "other")), _DEEP)
        metric = Metric(_DEEP.decode(), name="Schedule/Document", datatype=DataType.STRING)
        self._publish("NCMD", self._node(), encode_payload(Payload(_now_ms(), 0, (metric,))))

    def giant_birth(self) -> None:
        """A birth with 60,000 strange circuits and lamps."""
        ids = pack_strings(tuple(f"x{number}" for number in range(60_000)))
        metrics = (
            Metric(ids, name="Lamps/Id", alias=1, datatype=DataType.STRING_ARRAY),
            Metric(ids, name="Circuits/Id", alias=2, datatype=DataType.STRING_ARRAY),
            self._epoch(),
        )
        self._publish("NBIRTH", f"X-{self._random.randrange(50)}", encode_payload(Payload(_now_ms(), 0, metrics)))

    def forged_sequence(self) -> None:
        """Data and acknowledgements with numbers far ahead."""
        number = Metric(
            self._random.choice((10**9, 2**63, 2**64 - 1)), name="Outbox/Sequence", datatype=DataType.UINT64
        )
        self._publish("NDATA", self._node(), encode_payload(Payload(_now_ms(), 1, (number, self._epoch()))))
        acknowledged = Metric(10**12, name="Outbox/Acknowledged", datatype=DataType.UINT64)
        self._publish("NCMD", self._node(), encode_payload(Payload(_now_ms(), 0, (acknowledged, self._epoch()))))

    def huge_numbers(self) -> None:
        """An interval of 2^63, a version with a NUL."""
        metrics = (
            Metric(2**63, name="Sweep/Interval", alias=3, datatype=DataType.UINT64),
            Metric("1\0" + "v" * 10_000, name="Agent/Version", alias=4, datatype=DataType.STRING),
            self._epoch(),
        )
        self._publish("NBIRTH", f"Y-{self._random.randrange(50)}", encode_payload(Payload(2**63, 0, metrics)))

    def retained_junk(self) -> None:
        """Retained nonsense on every kind of topic."""
        for kind in ("NBIRTH", "NDATA", "NDEATH", "NCMD", "STATE", "DBIRTH"):
            node = f"Z-{self._random.randrange(200)}"
            self._publish(kind, node, self._random.randbytes(200), retain=True)

    def random_bytes(self) -> None:
        """Random payloads in the name of the city's controllers, as their data."""
        for _ in range(50):
            self._publish("NDATA", self._node(), self._random.randbytes(self._random.randrange(2000)))

    def strangers(self) -> None:
        """Two hundred nodes that nobody knows."""
        for number in range(200):
            self._publish("NDATA", f"W-{number}", encode_payload(Payload(_now_ms(), number, (self._epoch(),))))

    def _socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=2)

    def oversize_packet(self) -> None:
        """A packet that announces 200 MB."""
        with self._socket() as sock:
            sock.sendall(_connect(f"big-{self._random.random()}") + b"\x30" + b"\x80\x80\x80\x64" + b"x" * 65_536)

    def broken_packets(self) -> None:
        """Bytes that are no MQTT, before and after CONNECT."""
        for beginning in (b"", _connect(f"bad-{self._random.random()}")):
            for _ in range(10):
                with self._socket() as sock:
                    sock.sendall(beginning + self._random.randbytes(self._random.randrange(1, 300)))

    def half_open(self) -> None:
        """Connections that never say who they are; the last 500 stay open."""
        for _ in range(20):
            self._held.append(self._socket())
            self._held[-1].sendall(b"\x10")
        while len(self._held) > _HALF_OPEN:
            self._held.pop(0).close()

    def many_connections(self) -> None:
        """A hundred sessions that come and go without a word of farewell."""
        socks = [self._socket() for _ in range(100)]
        for number, sock in enumerate(socks):
            sock.sendall(_connect(f"many-{number}"))
        for sock in socks:
            sock.close()

    def _session(self, name: str) -> socket.socket:
        sock = self._socket()
        sock.sendall(_connect(f"{name}-{self._random.random()}"))
        return sock

    def deaf_subscriber(self) -> None:
        """Somebody who wants every message and reads none; the last twenty stay."""
        sock = self._session("deaf")
        sock.sendall(_subscribe(1, ["#"]))
        self._deaf.append(sock)
        while len(self._deaf) > _DEAF:
            self._deaf.pop(0).close()

    def many_subscriptions(self) -> None:
        """A thousand filters in one session, which ends without a farewell."""
        with self._session("filters") as sock:
            for number in range(10):
                filters = [f"a/+/{number}/{i}/{self._random.random()}" for i in range(100)]
                sock.sendall(_subscribe(number + 1, filters))

    def retained_flood(self) -> None:
        """Five hundred retained messages on new topics, one of them large."""
        with self._session("retained") as sock:
            for _ in range(500):
                sock.sendall(_publish_packet(f"flood/{self._random.random()}", b"x" * 100, 1))
            sock.sendall(_publish_packet("flood/large", b"x" * 1_000_000, 1))

    def unfinished_deliveries(self) -> None:
        """Two hundred messages of quality 2 of which none is ever released."""
        with self._session("unfinished") as sock:
            for number in range(200):
                sock.sendall(_publish_packet(f"two/{number}", b"x" * 1000, 4, number + 1))

    def long_topics(self) -> None:
        """Topics of 60,000 characters and of 10,000 levels."""
        with self._session("long") as sock:
            for topic in ("t" * 60_000, "a/" * 10_000, "\u0000", "+/#"):
                sock.sendall(_publish_packet(topic, b"", 0))
            sock.sendall(_subscribe(1, ["a/" * 10_000 + "#"]))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _connect(client_id: str) -> bytes:
    """An MQTT 3.1.1 CONNECT packet."""
    body = b"\x00\x04MQTT\x04\x02\x00\x3c" + struct.pack(">H", len(client_id)) + client_id.encode()
    return _packet(0x10, body)


def _subscribe(number: int, filters: list[str]) -> bytes:
    """A SUBSCRIBE packet, quality 1."""
    body = struct.pack(">H", number)
    for each in filters:
        body += struct.pack(">H", len(each)) + each.encode() + b"\x01"
    return _packet(0x82, body)


def _publish_packet(topic: str, payload: bytes, flags: int, number: int = 0) -> bytes:
    body = struct.pack(">H", len(topic)) + topic.encode() + (struct.pack(">H", number) if number else b"") + payload
    return _packet(0x30 | flags, body)


def _packet(first: int, body: bytes) -> bytes:
    length, n = b"", len(body)
    while True:
        n, digit = n >> 7, n & 127
        length += bytes([digit | (128 if n else 0)])
        if not n:
            return bytes([first]) + length + body
