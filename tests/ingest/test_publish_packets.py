"""Data that is taken out of the stream before paho looks at it is what paho would have handed over, in order."""

from __future__ import annotations

import random
import socket
from contextlib import closing
from itertools import pairwise

import pytest

from edge_agent.wire import encode_state, state_topic
from ingest.mqtt.address import BrokerAddress
from ingest.mqtt.connection import Broker
from ingest.mqtt.publish_packets import split_publishes
from ingest.mqtt.socket_buffer import SocketBuffer

TOPIC = b"spBv1.0/terang/NDATA/PJU-1"


def packet(first: int, body: bytes) -> bytes:
    length, size = bytearray(), len(body)
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((first, *length, size)) + body


def publish(topic: bytes, payload: bytes, first: int = 0x30) -> bytes:
    number = b"\x00\x07" if first & 0x06 else b""
    return packet(first, len(topic).to_bytes(2, "big") + topic + number + payload)


def random_packet(rng: random.Random) -> bytes:
    size = rng.choice((0, 1, 100, 127, 128, 3000, 16_400, 70_000))
    kind = rng.random()
    if kind < 0.1:
        return packet(0xD0, b"")  # PINGRESP
    if kind < 0.2:
        at_ms = rng.randrange(1, 1000)
        body = encode_state(is_online=rng.random() < 0.5, timestamp_ms=at_ms)
        return publish(state_topic("host").encode(), body, rng.choice((0x30, 0x31, 0x32)))
    topic = rng.choice((TOPIC, b"spBv1.0/terang/NBIRTH/PJU-2", b"spBv1.0/terang/NDATA/\xff\xfe", "jalan/é".encode()))
    return publish(topic, rng.randbytes(size), rng.choice((0x30, 0x30, 0x30, 0x31, 0x32, 0x38, 0x3A, 0x33)))


def broker_over(reading: socket.socket) -> Broker:
    """A connected and subscribed host application at the end of a socket pair."""
    broker = Broker(BrokerAddress("localhost", 1), group="terang", host_id="host", client_id="t", wall_ms=lambda: 5000)
    buffer = broker._client.buffer = broker._client._sock = SocketBuffer(reading)
    reading.setblocking(False)
    buffer.defer()
    broker._is_open = broker.is_subscribed = True
    return broker


def heard(stream: bytes, cuts: list[int]) -> tuple[list[object], bool]:
    """All that a broker's connection hands over of a stream that comes in pieces, and whether it stands at the end."""
    sending, reading = socket.socketpair()
    with closing(sending), closing(reading):
        sending.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        broker = broker_over(reading)
        found: list[object] = []
        broker.tell_retained = lambda topic: found.append(("retained", topic))
        broker._on_state = lambda payload: found.append(("state", payload))  # type: ignore[method-assign]
        for start, stop in pairwise([0, *cuts, len(stream)]):
            sending.sendall(stream[start:stop])
            for _ in range(3):
                found += broker.receive(0.0, 1 << 30)
        return found, broker._is_open


@pytest.mark.parametrize("seed", range(12))
def test_taken_packets_are_the_same_as_through_paho_alone(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    stream = b"".join(random_packet(rng) for _ in range(40))
    cuts = sorted(rng.randrange(len(stream)) for _ in range(rng.choice((0, 3, 30))))
    fast = heard(stream, cuts)
    monkeypatch.setattr(SocketBuffer, "take_publishes", lambda _self: [])
    slow = heard(stream, cuts)
    # what was told at once stands before what was kept: compare both apart
    for kind in (str, bytes):
        mine, theirs = ([item for item in found if type(item[1]) is kind] for found in (fast[0], slow[0]))  # type: ignore[index]
        assert mine == theirs
    assert fast[1] is slow[1] is True
    assert len(fast[0]) > 10


@pytest.mark.parametrize(
    "broken",
    [
        packet(0x30, b"\x00\x00payload"),  # no topic
        packet(0x30, b"\x00\xffabc"),  # a topic that is longer than its packet
        packet(0x30, b"\x00"),
        packet(0x30, b""),
        b"\x30\xff\xff\xff\xff\x01" + bytes(20),  # a length of five bytes
        b"\x00\x00",
    ],
)
def test_what_is_not_well_formed_is_left_to_paho_which_ends_the_connection(broken: bytes) -> None:
    good = publish(TOPIC, b"good")
    assert split_publishes(good + broken) == ([(TOPIC, b"good")], len(good))
    found, stands = heard(good + broken + good, [])
    assert found[0] == (TOPIC.decode(), b"good")
    assert not stands or len(found) == 2


def test_a_packet_that_is_not_whole_is_left_where_it_is() -> None:
    whole = publish(TOPIC, bytes(300))
    for length in range(len(whole)):
        assert split_publishes(whole[:length]) == ([], 0)
    assert split_publishes(whole + whole[:-1]) == ([(TOPIC, bytes(300))], len(whole))


def test_packets_are_taken_in_linear_time_and_paho_sees_few_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = b"".join(publish(TOPIC, bytes(2000)) for _ in range(400))
    seen: list[object] = []
    original = Broker._on_message

    def counted(self: Broker, *arguments: object) -> None:
        seen.append(arguments)
        original(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Broker, "_on_message", counted)
    found, _ = heard(stream, [])
    assert len(found) == 400
    assert len(seen) < 20
