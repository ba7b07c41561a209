"""Limits on HTTP connections: how many, how long a request may take to arrive, how large its head may be.

Uvicorn itself waits without end for a request's head, for its body, and for a client that does not read its answer; and
the head has no size limit. Each connection here is in at most one of these waits per direction, each wait has a time
limit, and when all places are taken the connection that has waited longest for its request makes room.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final

import prometheus_client
from httptools import parse_url
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_SWEEP_S: Final = 1.0
_TELL_EVERY_S: Final = 60.0
_OVERHEAD: Final = 32  # bytes that a header line costs beside its text
_AROUND: Final = 16  # bytes around each byte of a body that is sent in chunks of one
_log = logging.getLogger("terang.http")


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a client may take.

    Attributes:
        connections: open at the same time.
        per_address: of them from one address; loopback is exempt, since a proxy in front brings everybody from there.
        head_bytes: of a request's first line and headers together.
        head_s: from the connection, or a request's first byte, to the end of its head [s].
        body_s: from the end of the head to the end of the body [s].
        write_s: that a client may leave its answer unread while the send buffer is full [s].
    """

    connections: int = 1000
    per_address: int = 100
    head_bytes: int = 32 << 10
    head_s: float = 10.0
    body_s: float = 60.0
    write_s: float = 60.0


@dataclass(slots=True, eq=False)
class OpenConnections:
    """The connections of one server, by what each waits for; the oldest of each wait comes first.

    ``registry`` gets ``terang_http_connections_closed_total`` by reason: full, address, head, head_size, body,
    body_size, write.
    """

    limits: ConnectionLimits
    registry: prometheus_client.CollectorRegistry
    monotonic: Callable[[], float] = time.monotonic
    heads: dict[BoundedHttpProtocol, float] = field(default_factory=dict)
    bodies: dict[BoundedHttpProtocol, float] = field(default_factory=dict)
    writes: dict[BoundedHttpProtocol, float] = field(default_factory=dict)
    n_open: int = 0
    by_address: Counter[str] = field(default_factory=Counter)
    _closed: prometheus_client.Counter = field(init=False)
    _logged_s: dict[str, float] = field(default_factory=dict)
    _unlogged: Counter[str] = field(default_factory=Counter)
    _is_sweeping: bool = False

    def __post_init__(self) -> None:
        """Register the metrics."""
        text = "Connections closed because they reached a limit"
        self._closed = prometheus_client.Counter(
            "terang_http_connections_closed", text, ("reason",), registry=self.registry
        )
        gauge = prometheus_client.Gauge("terang_http_connections", "Open connections", registry=self.registry)
        gauge.set_function(lambda: self.n_open)

    def admit(self, connection: BoundedHttpProtocol) -> bool:
        """Count a new connection; False = there is no place for it."""
        self.n_open += 1
        self.by_address[connection.address] += 1
        self._sweep_later(connection)
        if not connection.is_loopback and self.by_address[connection.address] > self.limits.per_address:
            self.note("address", connection.address)
            return False
        if self.n_open > self.limits.connections:
            self.note("full", connection.address)
            oldest = next(iter(self.heads), None)
            if oldest is None:
                return False
            oldest.cut_off()
        self.heads[connection] = self.monotonic()
        return True

    def forget(self, connection: BoundedHttpProtocol) -> None:
        """A connection is gone."""
        self.n_open -= 1
        self.by_address[connection.address] -= 1
        if not self.by_address[connection.address]:
            del self.by_address[connection.address]
        for waiting in (self.heads, self.bodies, self.writes):
            waiting.pop(connection, None)

    def note(self, reason: str, address: str) -> None:
        """Count a connection that reached a limit; the log has one line per reason and minute."""
        self._closed.labels(reason).inc()
        self._unlogged[reason] += 1
        now_s = self.monotonic()
        if now_s - self._logged_s.get(reason, -_TELL_EVERY_S) >= _TELL_EVERY_S:
            self._logged_s[reason] = now_s
            n = self._unlogged.pop(reason)
            _log.warning("%d connections reached the limit '%s', the last one from %s", n, reason, address)

    def sweep(self) -> None:
        """Close what has waited too long."""
        now_s = self.monotonic()
        limits = self.limits
        for reason, waiting, longest_s in (
            ("head", self.heads, limits.head_s),
            ("body", self.bodies, limits.body_s),
            ("write", self.writes, limits.write_s),
        ):
            while waiting:
                connection, since_s = next(iter(waiting.items()))
                if now_s - since_s < longest_s:
                    break
                del waiting[connection]
                self.note(reason, connection.address)
                connection.cut_off()

    def _sweep_later(self, connection: BoundedHttpProtocol) -> None:
        if not self._is_sweeping:
            self._is_sweeping = True
            connection.loop.call_later(_SWEEP_S, self._sweep_again, connection.loop)

    def _sweep_again(self, loop: Any) -> None:
        self.sweep()
        if self.n_open:
            loop.call_later(_SWEEP_S, self._sweep_again, loop)
        else:
            self._is_sweeping = False


class _AnsweredFirst:
    """The transport of one answer that ends its connection: the rest of the request is read before it is closed.

    A connection that is closed while bytes wait to be read is reset, and the client loses the answer with it.
    """

    def __init__(self, transport: Any, close: Callable[[], None]) -> None:
        self._transport = transport
        self.close = close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class BoundedHttpProtocol(HttpToolsProtocol):
    """One HTTP connection within limits."""

    def __init__(self, open_connections: OpenConnections, **uvicorn: Any) -> None:
        """``uvicorn``: what the server gives to each protocol."""
        super().__init__(**uvicorn)
        self._open = open_connections
        self._n_head = 0  # bytes of the request's head so far
        self._n_body = 0  # of its body
        self._n_around = 0  # around its body: lengths and extensions of chunks, trailers
        self._is_refused = False
        self._is_answered = False  # the last answer is out, the rest of its request is thrown away
        self.address = ""
        self.is_loopback = True

    def connection_made(self, transport: Any) -> None:
        """Take a place, or say at once that there is none."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        try:
            self.is_loopback = not self.address or ip_address(self.address).is_loopback
        except ValueError:  # a socket in the file system
            self.is_loopback = True
        if not self._open.admit(self):
            self._refuse(503, "Service Unavailable", "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._open.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and stop a head that grows beyond its limit."""
        if self._is_refused:
            return
        n_before, n_body_before = self._n_head, self._n_body
        is_in_body = self in self._open.bodies
        super().data_received(data)
        if is_in_body and not self._is_refused:
            self._n_around += len(data) - (self._n_body - n_body_before)
            if self._n_around > self._open.limits.head_bytes + _AROUND * self._n_body:
                self._open.note("body_size", self.address)
                self._refuse(400, "Bad Request", "too much around the request's body")
        # the parser hands a header over when it is complete: until then only the bytes can be counted
        if self in self._open.heads and self._n_head == n_before:
            self._count_head(len(data))

    def send_400_response(self, msg: str) -> None:
        """Tell a client that it does not speak HTTP."""
        if not self._is_refused:
            super().send_400_response(msg)
            self._is_refused = True

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._n_head = self._n_body = self._n_around = 0
        self._open.heads.setdefault(self, self._open.monotonic())

    def on_url(self, url: bytes) -> None:
        """A part of the request's first line."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._count_head(len(name) + len(value) + _OVERHEAD)
        if not self._is_refused:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete: the body may follow."""
        if self._is_refused:
            return
        self._open.heads.pop(self, None)
        self._open.bodies[self] = self._open.monotonic()
        if not self.url.startswith((b"/", b"*")):
            self._name_host()
        super().on_headers_complete()
        if not self.cycle.keep_alive:
            # what is not ours is the transport's own
            self.cycle.transport = _AnsweredFirst(self.transport, self._close_answered)  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._n_body += len(body)
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has arrived."""
        self._open.bodies.pop(self, None)
        if not self._is_refused:
            super().on_message_complete()
        if self._is_answered:
            self.transport.close()

    def pause_writing(self) -> None:
        """The client does not read as fast as its answer is made."""
        self._open.writes[self] = self._open.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has read."""
        self._open.writes.pop(self, None)
        super().resume_writing()

    def cut_off(self) -> None:
        """Close at once, whatever is still to be sent."""
        self._is_refused = True
        self._open.heads.pop(self, None)
        self.transport.abort()

    def _close_answered(self) -> None:
        """Close when the whole request has arrived, or its time is over."""
        self._is_answered = True
        if self not in self._open.bodies:
            self.transport.close()

    def _name_host(self) -> None:
        """Of a request for a whole URL, that URL names the host and ``Host`` does not count (RFC 9112, 3.2.2)."""
        url = parse_url(self.url)
        host = url.host or b""
        host = b"[%b]" % host if b":" in host else host
        port = b"" if url.port is None else b":%d" % url.port
        self.headers[:] = [(name, value) for name, value in self.headers if name != b"host"]
        self.headers.append((b"host", host + port))

    def _count_head(self, n_bytes: int) -> None:
        self._n_head += n_bytes
        if self._n_head > self._open.limits.head_bytes and not self._is_refused:
            self._open.note("head_size", self.address)
            self._refuse(431, "Request Header Fields Too Large", "the request's head is too large")

    def _refuse(self, status: int, title: str, detail: str) -> None:
        self._is_refused = True
        body = f'{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}"}}'
        head = f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
        head += f"content-length: {len(body)}\r\nconnection: close\r\nretry-after: 10\r\n\r\n"
        self.transport.write((head + body).encode())
        self.transport.close()
