"""The embedded broker shares a process with ingest: what strangers do to it stays with them."""

from __future__ import annotations

import resource
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from ingest.mqtt import bounded_broker, embedded_broker
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
    monkeypatch.setattr(bounded_broker, "_CONNECT_TIMEOUT_S", 1.0)
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
    monkeypatch.setattr(bounded_broker, "_CONNECT_TIMEOUT_S", 2.0)
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


def subscribe(topic: bytes) -> bytes:
    body = struct.pack(">HH", 1, len(topic)) + topic + b"\x00"
    return b"\x82" + bytes([len(body)]) + body


def unsubscribe(topic: bytes) -> bytes:
    body = struct.pack(">HH", 1, len(topic)) + topic
    return b"\xa2" + bytes([len(body)]) + body


def publish(topic: bytes, payload: bytes, flags: int = 0, number: int = 0) -> bytes:
    body = struct.pack(">H", len(topic)) + topic + (struct.pack(">H", number) if number else b"") + payload
    length, n = b"", len(body)
    while True:
        n, digit = n >> 7, n & 127
        length += bytes([digit | (128 if n else 0)])
        if not n:
            return bytes([0x30 | flags]) + length + body


def until(is_true: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def session_of(port: int, name: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.sendall(connect(name))
    assert sock.recv(4) == b"\x20\x02\x00\x00"
    return sock


@pytest.mark.parametrize("goodbye", ["reset at once", "reset", "closed", "garbage", "DISCONNECT"])
def test_of_sessions_that_came_and_went_nothing_stays(goodbye: str) -> None:
    with broker() as (port, served):
        for number in range(60):
            if goodbye == "reset at once":
                sock = socket.create_connection(("127.0.0.1", port), timeout=10)
                sock.sendall(connect(b"c-%d" % number))
            else:
                sock = session_of(port, b"c-%d" % number)
                sock.sendall(subscribe(b"t/%d" % number))
            if goodbye == "garbage":
                sock.sendall(b"\xff" * 50)
            elif goodbye == "DISCONNECT":
                sock.sendall(b"\xe0\x00")
            elif goodbye.startswith("reset"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        assert until(lambda: not served._broker._sessions), len(served._broker._sessions)
        assert until(lambda: not served._broker._subscriptions)
        assert not served._broker._n_filters
        assert is_answered(port)


def test_who_reads_nothing_is_cut_off_and_holds_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_broker, "_STALLED_S", 1.0)
    with broker() as (port, served), session_of(port, b"deaf") as deaf, session_of(port, b"good") as good:
        deaf.sendall(subscribe(b"#"))
        with session_of(port, b"loud") as loud:
            for number in range(3000):
                loud.sendall(publish(b"t/%d" % number, b"x" * 10_000))
            assert until(lambda: "deaf" not in served._broker._sessions)
            good.sendall(subscribe(b"only/this"))
            assert good.recv(5) == b"\x90\x03\x00\x01\x00"
            loud.sendall(publish(b"only/this", b"word"))
            assert good.recv(64).endswith(b"word")
            for number in range(600):
                loud.sendall(publish(b"t/%d" % number, b"x"))
            assert until(lambda: len(served._broker._tasks_queue) < 600)


def test_what_is_delivered_is_forgotten_although_something_older_is_not() -> None:
    with broker() as (port, served), session_of(port, b"unconfirming") as sock, session_of(port, b"good") as good:
        sock.sendall(subscribe(b"first")[:-1] + b"\x01")
        assert sock.recv(5)[:1] == b"\x90"
        good.sendall(subscribe(b"t"))
        assert good.recv(5)[:1] == b"\x90"
        with session_of(port, b"loud") as loud:
            loud.sendall(publish(b"first", b"x", 2, 1) + publish(b"t", b"x") * 2000)
            n_left = 2000 * len(publish(b"t", b"x"))
            while n_left:
                data = good.recv(65_536)
                assert data
                n_left -= len(data)
            assert until(served._broker._broadcast_queue.empty)
            assert 0 < len(served._broker._tasks_queue) < 600


def test_who_confirms_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_broker, "_MAX_INFLIGHT", 50)
    with broker() as (port, served), session_of(port, b"unconfirming") as sock, session_of(port, b"loud") as loud:
        sock.sendall(subscribe(b"#")[:-1] + b"\x01")
        for number in range(200):
            loud.sendall(publish(b"t", b"x", 2, number + 1))
        assert until(lambda: "unconfirming" not in served._broker._sessions)
        assert is_answered(port)


def test_filters_are_limited_and_unsubscribed_ones_forgotten() -> None:
    with broker() as (port, served), session_of(port, b"greedy") as sock:
        for number in range(150):
            sock.sendall(subscribe(b"t/%d" % number))
            code = sock.recv(5)[4]
            assert code == (0 if number < 100 else 0x80), number
        for number in range(100):
            sock.sendall(unsubscribe(b"t/%d" % number))
            assert sock.recv(4)[:1] == b"\xb0"
        assert until(lambda: not served._broker._subscriptions)
        sock.sendall(subscribe(b"again"))
        assert sock.recv(5)[4] == 0


def test_strangers_do_not_fill_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    with broker() as (port, served):
        for _ in range(5):
            with session_of(port, b"unconfirming") as sock, session_of(port, b"loud") as loud:
                sock.sendall(subscribe(b"#")[:-1] + b"\x01")
                assert sock.recv(5)[:1] == b"\x90"
                for number in range(200):
                    loud.sendall(publish(b"t", b"x", 2, number + 1))
                assert until(lambda: len(served._broker._sessions["unconfirming"][0].inflight_out) > 100)
            assert until(lambda: not served._broker._sessions)
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
                sock.sendall(b"\x10")
        assert is_answered(port)
    assert len("".join(capfd.readouterr()).splitlines()) < 100
