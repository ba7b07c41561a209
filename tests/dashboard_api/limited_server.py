"""A small application behind the limits of connections, and sockets that ask it."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from functools import partial

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
