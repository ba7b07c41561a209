"""Connections that do not finish their request or do not read their answer, over a real socket."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import ExitStack, closing, suppress

import httpx
import pytest
from prometheus_client import CollectorRegistry

from dashboard_api.http.connection_limits import ConnectionLimits, OpenConnections
from tests.dashboard_api.limited_server import answer_to, ask, closed, connect, read_to_end, served


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET /", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: loc", b"GET / HTTP/1.1\r\nHost: localhost\r\n"],
)
def test_a_request_that_does_not_arrive_is_closed(beginning):
    with served() as (port, _, registry), connect(port) as sock:
        sock.sendall(beginning)
        began = time.monotonic()
        assert read_to_end(sock) == b""
        assert 0.5 < time.monotonic() - began < 4.0
        assert closed(registry, "head") == 1


def test_a_head_that_comes_byte_by_byte_has_the_same_time_limit():
    with served() as (port, _, registry), connect(port) as sock:
        began = time.monotonic()
        with suppress(ConnectionError):
            for number in range(100):
                sock.sendall(b"GET /" if number == 0 else b"a")
                time.sleep(0.05)
        assert time.monotonic() - began < 4.0
        assert closed(registry, "head") == 1


def test_a_body_that_does_not_arrive_is_closed():
    with served() as (port, _, registry), connect(port) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
        began = time.monotonic()
        read_to_end(sock)
        assert time.monotonic() - began < 4.0
        assert closed(registry, "body") == 1


def test_a_client_that_does_not_read_its_answer_is_closed():
    with served() as (port, connections, registry), connect(port) as sock:
        sock.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        deadline = time.monotonic() + 10.0
        while not closed(registry, "write") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert closed(registry, "write") == 1
        read_to_end(sock)
        assert connections.n_open == 0


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 5000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: 1\r\n" * 500 + b"\r\n",
    ],
)
def test_a_head_beyond_its_limit_is_refused(head):
    with served() as (port, _, registry):
        assert answer_to(port, head).startswith(b"HTTP/1.1 431 ")
        assert closed(registry, "head_size") == 1
        assert ask(port).startswith(b"HTTP/1.1 200 ")


def test_an_endless_header_is_refused_before_it_ends():
    with served() as (port, _, registry), connect(port) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nX: ")
        n_sent = 0
        with suppress(ConnectionError):
            while n_sent < 100 << 20:
                n_sent += sock.send(b"a" * 65_536)
        assert n_sent < 16 << 20, "what stands in the sockets' own buffers"
        assert closed(registry, "head_size") == 1


def test_half_open_connections_take_no_place_from_others(caplog):
    """The one that has waited longest makes room; the log says it once."""
    with served() as (port, connections, registry), ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(closing(connect(port))).sendall(b"GET / HTTP/1.1\r\n")
            assert connections.n_open <= 22
        assert ask(port).startswith(b"HTTP/1.1 200 ")
        assert closed(registry, "full") >= 40
        lines = [record for record in caplog.records if "'full'" in record.getMessage()]
        assert len(lines) == 1


def test_when_all_places_work_a_newcomer_is_told_so():
    with served(ConnectionLimits(connections=3, body_s=30.0)) as (port, connections, _), ExitStack() as stack:
        for _ in range(3):
            sock = stack.enter_context(closing(connect(port)))
            sock.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        while len(connections.bodies) < 3:
            time.sleep(0.01)
        told = ask(port)
        assert told.startswith(b"HTTP/1.1 503 ")
        assert b"application/problem+json" in told


def test_connections_of_one_address_are_limited_but_not_those_of_loopback():
    class Connection:
        loop = type("Loop", (), {"call_later": staticmethod(lambda *_: None)})

        def __init__(self, address, is_loopback):
            self.address, self.is_loopback = address, is_loopback

    connections = OpenConnections(ConnectionLimits(per_address=5), CollectorRegistry())
    strangers = [Connection("192.0.2.7", False) for _ in range(8)]
    assert [connections.admit(each) for each in strangers] == [True] * 5 + [False] * 3
    assert connections.admit(Connection("192.0.2.8", False))
    assert all(connections.admit(Connection("127.0.0.1", True)) for _ in range(50))
    for each in strangers:
        connections.forget(each)
    assert connections.admit(strangers[0])


def test_requests_one_after_another_and_pipelined_are_answered():
    request = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
    with served() as (port, connections, _), connect(port) as sock:
        for _ in range(3):
            sock.sendall(request)
            assert b"200 OK" in sock.recv(4096)
        sock.sendall(request * 200 + b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert read_to_end(sock).count(b"200 OK") == 201
        assert not connections.heads
        assert not connections.bodies


def test_more_half_open_requests_than_file_descriptors_leave_the_service_answering(town):
    """With 300 descriptors, 600 requests that never end; the log says it, the metric counts it."""
    town.write_live([2] * 40, time.time_ns() // 1000)
    command = [sys.executable, "-m", "dashboard_api", "--city", str(town.city.folder), "--port", "0"]
    command = ["prlimit", "--nofile=300:300", *command]  # of util-linux
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = process.stdout.readline().rpartition(" ")[2].strip()
        port = int(url.rpartition(":")[2])
        with ExitStack() as stack:
            for _ in range(600):
                stack.enter_context(closing(connect(port))).sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
            assert httpx.get(f"{url}/readyz", timeout=10).json()["ready"] is True
            figures = httpx.get(f"{url}/metrics", timeout=10).text
        assert 'terang_http_connections_closed_total{reason="full"}' in figures
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)
    assert log.count("reached the limit 'full'") == 1, log
