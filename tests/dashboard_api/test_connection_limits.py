"""Connections that do not finish their request or do not read their answer, over a real socket."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from functools import partial

import httpx
import pytest
import uvicorn
from prometheus_client import CollectorRegistry

from dashboard_api.http.connection_limits import BoundedHttpProtocol, ConnectionLimits, OpenConnections

QUICK = ConnectionLimits(connections=20, head_bytes=4096, head_s=1.0, body_s=1.0, write_s=1.0)


async def application(scope, receive, send):
    """Answers /large with 64 MB in pieces; everything else with what it got."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/refused":  # as a guard does: answered before anything of the body is read
        host = dict(scope["headers"])[b"host"]
        await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"%d" % len(host))]})
        await send({"type": "http.response.body", "body": host})
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    pieces = [b"x" * 65_536] * 1024 if scope["path"] == "/large" else [b"%d" % len(body)]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


@contextmanager
def served(limits=QUICK):
    registry = CollectorRegistry()
    connections = OpenConnections(limits, registry)
    config = uvicorn.Config(application, http=partial(BoundedHttpProtocol, connections), log_level="warning")
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], connections, registry
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def answer_to(port, request):
    with connect(port) as sock:
        sock.sendall(request)
        return read_to_end(sock)


def read_to_end(sock):
    told = b""
    try:
        while part := sock.recv(65_536):
            told += part
    except ConnectionResetError:
        pass
    return told


def closed(registry, reason):
    return registry.get_sample_value("terang_http_connections_closed_total", {"reason": reason}) or 0


def ask(port):
    return answer_to(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")


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


CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("beginning", "more"),
    [
        (CHUNKED + b"0\r\nX: ", b"a" * 65_536),
        (CHUNKED + b"0\r\n", b"X: a\r\n" * 10_000),
        (CHUNKED + b"1;x=", b"a" * 65_536),
        (CHUNKED + b"1\r\na\r\n", b"1;" + b"x" * 1000 + b"\r\na\r\n"),
    ],
    ids=["a trailer without end", "trailers without end", "a chunk's extension without end", "extensions of chunks"],
)
def test_what_stands_around_a_body_is_limited(beginning, more):
    with served(replace(QUICK, body_s=20.0)) as (port, _connections, registry), connect(port) as sock:
        sock.sendall(beginning)
        n_sent = 0
        with suppress(ConnectionError):
            while n_sent < 100 << 20:
                n_sent += sock.send(more)
        assert n_sent < 16 << 20, "what stands in the sockets' own buffers"
        assert closed(registry, "body_size") + closed(registry, "head_size") == 1
        assert ask(port).startswith(b"HTTP/1.1 200 ")


def test_a_body_in_chunks_of_one_byte_is_taken():
    with served(replace(QUICK, body_s=20.0)) as (port, _, _), connect(port) as sock:
        sock.sendall(CHUNKED + b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", [b"/\xff\xfe", b"/%ff%fe", b"/%", b"/%00", b"/\x00", b"//x/../..", b"/a b", b"*"])
def test_a_path_of_any_bytes_ends_nothing(path):
    with served() as (port, _, _):
        answer = answer_to(port, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 ")), answer
        assert ask(port).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("version", "length"),
    [
        (b"1.1", b"Content-Length: 30000000"),
        (b"1.0", b"Content-Length: 30000000"),
        (b"1.1", b"Transfer-Encoding: chunked"),
    ],
)
def test_an_answer_that_comes_before_the_body_reaches_a_client_that_sends_all_of_it(version, length):
    """As a proxy does, which speaks HTTP/1.0 or closes each connection, and would tell its client of a bad gateway."""
    body = b"x" * 30_000_000
    if length.startswith(b"T"):
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = b"POST /refused HTTP/%b\r\nHost: localhost\r\nConnection: close\r\n%b\r\n\r\n" % (version, length)
    with served(replace(QUICK, body_s=20.0)) as (port, connections, _):
        for _ in range(2):
            answer = answer_to(port, head + body)
            assert answer.startswith(b"HTTP/1.1 403 ")
            assert answer.endswith(b"localhost")
        wait_for = time.monotonic() + 5.0
        while connections.n_open and time.monotonic() < wait_for:
            time.sleep(0.01)
        assert not connections.n_open
        assert not connections.bodies


def test_a_body_that_never_ends_after_the_answer_has_its_time_limit():
    head = b"POST /refused HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 100\r\n\r\n"
    with served() as (port, connections, _), connect(port) as sock:
        sock.sendall(head)
        began = time.monotonic()
        assert read_to_end(sock).startswith(b"HTTP/1.1 403 ")
        assert time.monotonic() - began < 4.0
        assert not connections.bodies


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (b"http://evil.example/refused", b"evil.example"),
        (b"http://localhost@evil.example:81/refused", b"evil.example:81"),
        (b"http://[::1]:80/refused", b"[::1]:80"),
    ],
)
def test_a_whole_url_names_the_host_itself(url, host):
    with served() as (port, _, _):
        answer = answer_to(port, b"GET " + url + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert answer.rpartition(b"\r\n\r\n")[2] == host
