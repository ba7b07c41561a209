"""Hostile HTTP traffic to the API."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_HOST: Final = b"Host: 127.0.0.1\r\n"
_PATHS: Final = (
    "/api/v1/faults?cursor=" + "x" * 5000,
    "/api/v1/faults?limit=99999999999999999999",
    "/api/v1/faults?since=9999-12-31",
    "/api/v1/lamps/%00",
    "/api/v1/lamps/" + "%ff" * 500,
    "/api/v1/cabinets/../../etc/passwd",
    "/tiles/lamps/99/1/1.mvt",
    "/tiles/lamps/14/999999999/1.mvt",
    "/%2e%2e/%2e%2e/etc/passwd",
)


class HostileHttp:
    """Sends one kind of nonsense after another.

    Attributes:
        n_sent: requests so far, by kind.
    """

    def __init__(self, port: int, seed: int) -> None:
        """``port`` of the API on loopback."""
        self._port = port
        self._random = random.Random(seed)
        self._held: list[socket.socket] = []
        self.n_sent: dict[str, int] = {}
        self._kinds: tuple[Callable[[], None], ...] = (
            self.half_open,
            self.large_body,
            self.deep_body,
            self.endless_header,
            self.no_http,
            self.odd_paths,
            self.streams,
            self.unread_answer,
        )

    def turn(self) -> None:
        """Send something of a random kind."""
        kind = self._random.choice(self._kinds)
        with suppress(OSError):
            kind()
        name = kind.__name__
        self.n_sent[name] = self.n_sent.get(name, 0) + 1

    def close(self) -> None:
        """Hang up."""
        for sock in self._held:
            sock.close()

    def _socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=5)

    def _hold(self, sock: socket.socket) -> None:
        self._held.append(sock)
        while len(self._held) > 800:
            self._held.pop(0).close()

    def _ask(self, request: bytes) -> None:
        with self._socket() as sock:
            sock.sendall(request)
            sock.recv(65_536)

    def half_open(self) -> None:
        """Requests that never end."""
        for _ in range(100):
            sock = self._socket()
            sock.sendall(b"GET / HTTP/1.1\r\n" + _HOST)
            self._hold(sock)

    def large_body(self) -> None:
        """200 MB for a dim command."""
        head = b"POST /api/v1/commands/dim HTTP/1.1\r\n" + _HOST + b"Content-Length: 209715200\r\n\r\n"
        with self._socket() as sock:
            sock.sendall(head)
            for _ in range(200):
                sock.sendall(b" " * (1 << 20))

    def deep_body(self) -> None:
        """JSON nested 100,000 deep."""
        body = b"[" * 100_000
        path = self._random.choice((b"/api/v1/commands/dim", b"/api/v1/maintenance"))
        head = b"POST " + path + b" HTTP/1.1\r\n" + _HOST + b"Content-Type: application/json\r\n"
        self._ask(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def endless_header(self) -> None:
        """A header of megabytes."""
        with self._socket() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nX: ")
            for _ in range(100):
                sock.sendall(b"a" * 65_536)

    def no_http(self) -> None:
        """Random bytes."""
        self._ask(self._random.randbytes(2000))

    def odd_paths(self) -> None:
        """Addresses beyond every limit."""
        for path in _PATHS:
            self._ask(b"GET " + path.encode() + b" HTTP/1.1\r\n" + _HOST + b"\r\n")

    def streams(self) -> None:
        """Event streams from the beginning that nobody reads."""
        for _ in range(50):
            sock = self._socket()
            sock.sendall(b"GET /api/v1/events HTTP/1.1\r\n" + _HOST + b"Last-Event-ID: 0\r\n\r\n")
            self._hold(sock)

    def unread_answer(self) -> None:
        """All lamps, asked for and not read."""
        sock = self._socket()
        sock.sendall(b"GET /api/v1/lamps.geojson HTTP/1.1\r\n" + _HOST + b"\r\n")
        self._hold(sock)
