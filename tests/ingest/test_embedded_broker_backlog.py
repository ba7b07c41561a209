"""What waits in the embedded broker is bounded: what nobody reads yet, and what is not handed on yet."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from contextlib import ExitStack, closing

import pytest

from ingest.mqtt import bounded_broker
from ingest.mqtt.backlog import Backlog
from tests.ingest.test_embedded_broker_limits import broker, connect, is_answered, is_closed

CONNACK, SUBACK_BYTES = b"\x20\x02\x00\x00", 5


def text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def packet(kind: int, body: bytes) -> bytes:
    length, head = len(body), bytearray([kind])
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def subscribe(filter_: bytes) -> bytes:
    return packet(0x82, struct.pack(">H", 1) + text(filter_) + b"\x00")


def publish(topic: bytes, data: bytes, *, retain: bool = False) -> bytes:
    return packet(0x30 | retain, text(topic) + data)


def session(stack: ExitStack, port: int, name: bytes) -> socket.socket:
    sock = stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), timeout=10)))
    sock.sendall(connect(name))
    assert sock.recv(4) == CONNACK
    return sock


def wait_until(condition, within_s: float = 60.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_a_new_session_is_sent_nothing_that_others_subscribed_to() -> None:
    with broker() as (port, served), ExitStack() as stack:
        session(stack, port, b"wants-all").sendall(subscribe(b"#"))
        session(stack, port, b"writer").sendall(publish(b"kept", b"x" * 100, retain=True))
        assert wait_until(lambda: "kept" in served._broker._retained_messages)
        stranger = session(stack, port, b"stranger")
        stranger.settimeout(1.0)
        with pytest.raises(TimeoutError):
            stranger.recv(64)
        stranger.settimeout(10)
        stranger.sendall(subscribe(b"kept"))
        received = b""
        while len(received) < SUBACK_BYTES + 100:
            received += stranger.recv(4096)
        assert b"x" * 100 in received, "its own filter still brings it what is retained"


def test_deliveries_that_wait_count_with_the_memory_that_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small messages to somebody who reads none: few bytes each, and a task each."""
    monkeypatch.setattr(bounded_broker, "_MAX_UNSENT", 1 << 20)
    most = 0
    with broker() as (port, served), ExitStack() as stack:
        deaf = stack.enter_context(closing(socket.socket()))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", port))
        deaf.sendall(connect(b"deaf") + subscribe(b"#"))
        assert wait_until(lambda: bool(served._broker._subscriptions.get("#")))
        writer = session(stack, port, b"writer")
        burst = publish(b"small", b"x" * 2000) * 200
        for _ in range(60):
            writer.sendall(burst)
            most = max(most, *served._broker._unsent.values(), 0)
            if not served._broker._unsent:
                break
        assert wait_until(lambda: not served._broker._unsent), "who reads nothing was cut off"
        assert most < (1 << 20) + 200 * (bounded_broker._DELIVERY + 2000)
        assert is_answered(port)


def test_a_publisher_is_read_no_faster_than_its_messages_are_handed_on() -> None:
    with broker() as (port, served), ExitStack() as stack:
        most: list[int] = []
        queue = served._broker._broadcast_queue
        writers = [session(stack, port, b"writer-%d" % number) for number in range(4)]
        for _ in range(10):
            for writer in writers:
                writer.sendall(publish(b"flood", b"x" * 50_000) * 4)
            most.append(queue.qsize())
        assert max(most) * 51_000 <= bounded_broker._MAX_READ_AHEAD_OF_ALL + 5 * 51_000
        assert wait_until(queue.empty)
        assert is_answered(port)


def test_who_releases_none_of_its_messages_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_broker, "_MAX_UNRELEASED", 20)
    with broker() as (port, _served), ExitStack() as stack:
        sock = session(stack, port, b"unreleased")
        body = [packet(0x34, text(b"two") + struct.pack(">H", number) + b"x") for number in range(1, 60)]
        sock.sendall(b"".join(body))
        deadline = time.monotonic() + 10.0
        while time.monotonic() < deadline and not is_closed(sock, 0.5):
            pass
        assert is_closed(sock, 1.0)
        assert is_answered(port)


def test_a_backlog_lets_its_writers_wait_in_turn_and_loses_nothing() -> None:
    async def play() -> list[int]:
        queue = Backlog(5_000, holds_writers=True)
        seen: list[int] = []
        most = 0

        async def write(number: int) -> None:
            for n in range(50):
                await queue.put({"data": bytes([number, n])})

        async def read() -> None:
            nonlocal most
            for _ in range(200):
                most = max(most, queue.qsize())
                seen.append((await queue.get())["data"][0])
                await asyncio.sleep(0)

        await asyncio.gather(read(), *(write(number) for number in range(4)))
        assert most <= 5
        assert queue.has_room.is_set()
        return seen

    seen = asyncio.run(play())
    assert sorted(seen) == sorted([0, 1, 2, 3] * 50)
    assert len(set(seen[:20])) == 4, "no writer holds the others up"
