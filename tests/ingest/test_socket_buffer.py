"""Plain messages are taken out of the stream in their place; paho gets every other packet, and nothing is lost."""

import contextlib
import random
import socket
import struct
from collections.abc import Iterator

import pytest

from ingest.socket_buffer import LONGEST, SocketBuffer

PINGRESP = b"\xd0\x00"


def varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))


def publish(topic: bytes, payload: bytes, first: int = 0x30) -> bytes:
    number = b"\x00\x07" if first & 0x06 else b""
    body = struct.pack("!H", len(topic)) + topic + number + payload
    return bytes([first]) + varint(len(body)) + body


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, SocketBuffer]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    buffer = SocketBuffer(near)
    yield far, buffer
    buffer.close()
    far.close()


def read_as_paho(buffer: SocketBuffer) -> bytes:
    """One packet, byte by byte and then its body, as paho does."""
    packet = bytearray(buffer.recv(1))
    size = shift = 0
    while True:
        (byte,) = buffer.recv(1)
        packet.append(byte)
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    while size:
        part = buffer.recv(size)
        packet += part
        size -= len(part)
    return bytes(packet)


def drain(buffer: SocketBuffer) -> list[tuple[str, bytes] | bytes]:
    """What one bite brings, in order."""
    got: list[tuple[str, bytes] | bytes] = []
    buffer.fill()
    while True:
        got += buffer.publishes()
        if not buffer.pending():
            return got
        got.append(read_as_paho(buffer))


def whole(item: tuple[str, bytes] | bytes) -> bytes:
    return item if isinstance(item, bytes) else publish(item[0].encode(), item[1])


@pytest.mark.parametrize("seed", range(30))
def test_every_packet_arrives_once_and_in_order_however_it_is_cut(
    seed: int, pair: tuple[socket.socket, SocketBuffer]
) -> None:
    far, buffer = pair
    rng = random.Random(seed)
    packets = []
    for i in range(200):
        kind = rng.random()
        if kind < 0.7:
            packets.append(publish(f"spBv1.0/t/NDATA/{i}".encode(), rng.randbytes(rng.choice((0, 1, 90, 200, 9000)))))
        elif kind < 0.85:
            packets.append(publish(b"spBv1.0/STATE/t", rng.randbytes(30), 0x32))
        else:
            packets.append(PINGRESP)
    stream = b"".join(packets)
    got: list[tuple[str, bytes] | bytes] = []
    at = 0
    while at < len(stream):
        size = rng.choice((1, 2, 3, 5, 100, 5_000, 60_000))
        far.sendall(stream[at : at + size])
        at += size
        got += drain(buffer)
    assert list(map(whole, got)) == packets
    assert sum(isinstance(item, tuple) for item in got) > 20


def test_the_first_packet_of_a_bite_is_for_paho(pair: tuple[socket.socket, SocketBuffer]) -> None:
    far, buffer = pair
    far.sendall(publish(b"a", b"1") + publish(b"b", b"2"))
    assert drain(buffer) == [publish(b"a", b"1"), ("b", b"2")]


def test_a_packet_that_is_too_long_is_cut_off_and_the_next_one_is_read(
    pair: tuple[socket.socket, SocketBuffer],
) -> None:
    far, buffer = pair
    far.setblocking(False)
    stream = publish(b"big", b"x" * (3 * LONGEST)) + publish(b"next", b"n") + PINGRESP
    got: list[tuple[str, bytes] | bytes] = []
    at, most_held = 0, 0
    while at < len(stream):
        with contextlib.suppress(BlockingIOError):
            at += far.send(stream[at : at + 100_000])
        got += drain(buffer)
        most_held = max(most_held, len(buffer._chunk))
    assert [item[0] if isinstance(item, tuple) else item for item in got if item != publish(b"next", b"n")] in (
        ["big", "next", PINGRESP],
        ["big", PINGRESP],
    )
    assert isinstance(got[0], tuple)
    assert 4_000_000 < len(got[0][1]) <= LONGEST
    assert most_held < LONGEST + (1 << 20)


@pytest.mark.parametrize("noise", [b"\x30\xff\xff\xff\xff\x01", b"\xd0\x00\x30\x01a", b"\xd0\x00\x30\x03\x00\x09a"])
def test_what_is_no_mqtt_ends_the_connection(noise: bytes, pair: tuple[socket.socket, SocketBuffer]) -> None:
    far, buffer = pair
    far.sendall(noise)
    with pytest.raises(ConnectionError):
        drain(buffer)


def test_the_other_side_going_away_is_an_error(pair: tuple[socket.socket, SocketBuffer]) -> None:
    far, buffer = pair
    far.close()
    with pytest.raises(ConnectionError):
        buffer.fill()
