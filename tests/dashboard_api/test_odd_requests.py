"""Requests that HTTP allows and browsers do not send: chunks of one byte, paths of any bytes, early answers."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.dashboard_api.limited_server import QUICK, answer_to, ask, closed, connect, read_to_end, served

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
