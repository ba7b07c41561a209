"""The API served by uvicorn on a port, for tests that need a real connection."""

from __future__ import annotations

import contextlib
import threading
import time

import httpx
import uvicorn

from ingest.schema.city import read_city


def with_settings(town, text):
    file = town.city.folder / "city.toml"
    file.write_text(file.read_text() + text)
    return read_city(town.city.folder, {})


@contextlib.contextmanager
def serving(app, **more):
    config = uvicorn.Config(app, port=0, log_level="warning", access_log=False, proxy_headers=False, **more)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


@contextlib.contextmanager
def socket_port():
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    yield port


def wait_for(is_there, seconds=60.0):
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if is_there():
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)
