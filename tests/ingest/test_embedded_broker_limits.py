"""The embedded broker shares a process with ingest: what strangers do to it stays with them."""

from __future__ import annotations

import resource
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from ingest.mqtt import embedded_broker
from ingest.mqtt.embedded_broker import EmbeddedBroker
from tests.ingest.city_stand import free_port


@contextmanager
def broker() -> Iterator[tuple[int, EmbeddedBroker]]:
    port = free_port()
    served = EmbeddedBroker("127.0.0.1", port)
    served.start()
    try:
        yield port, served
    finally:
        served.stop()


def connect(client_id: bytes) -> bytes:
    body = b"\x00\x04MQTT\x04\x02\x00\x3c" + struct.pack(">H", len(client_id)) + client_id
    return b"\x10" + bytes([len(body)]) + body


def is_answered(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(connect(b"friend"))
        return sock.recv(4) == b"\x20\x02\x00\x00"


def is_closed(sock: socket.socket, within_s: float) -> bool:
    sock.settimeout(within_s)
    try:
        return sock.recv(64) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize("beginning", [b"", b"\x10", b"\x10\x20\x00\x04MQ", connect(b"x")[:-1], b"\xff" * 20])
def test_who_does_not_say_who_it_is_is_closed(monkeypatch: pytest.MonkeyPatch, beginning: bytes) -> None:
    monkeypatch.setattr(embedded_broker, "_CONNECT_TIMEOUT_S", 1.0)
    with broker() as (port, served), socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(beginning)
        assert is_closed(sock, 8.0)
        assert is_answered(port)
        deadline = time.monotonic() + 5.0
        while served._broker._n_open > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert served._broker._n_open <= 1


def test_more_connections_than_file_descriptors_end_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_broker, "_MAX_CONNECTIONS", 50)
    monkeypatch.setattr(embedded_broker, "_CONNECT_TIMEOUT_S", 2.0)
    with broker() as (port, served), ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), timeout=5))).sendall(b"\x10")
        time.sleep(0.5)
        assert served._broker._n_open <= 50
        time.sleep(3.0)
        assert is_answered(port)


def test_the_limit_of_connections_leaves_files_to_ingest(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1024))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: taken.append(limits))
    assert embedded_broker._connections_for_strangers() == 1024 - 256
    assert taken == [(1024, 1024)]


def test_retained_messages_are_few_and_small() -> None:
    def publish(topic: bytes, payload: bytes) -> bytes:
        body = struct.pack(">H", len(topic)) + topic + payload
        length, n = b"", len(body)
        while True:
            n, digit = n >> 7, n & 127
            length += bytes([digit | (128 if n else 0)])
            if not n:
                return b"\x31" + length + body

    with broker() as (port, served), socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(connect(b"stranger"))
        assert sock.recv(4) == b"\x20\x02\x00\x00"
        sock.sendall(publish(b"large", b"x" * 70_000))
        for number in range(1500):
            sock.sendall(publish(b"t/%d" % number, b"junk"))
        sock.sendall(b"\xc0\x00")
        assert sock.recv(2) == b"\xd0\x00"
        deadline = time.monotonic() + 10.0
        while len(served._broker._retained_messages) < 1000 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        assert len(served._broker._retained_messages) == 1000
        assert "large" not in served._broker._retained_messages
        sock.sendall(publish(b"spBv1.0/STATE/terang", b"{}"))
        deadline = time.monotonic() + 10.0
        while "spBv1.0/STATE/terang" not in served._broker._retained_messages and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "spBv1.0/STATE/terang" in served._broker._retained_messages
