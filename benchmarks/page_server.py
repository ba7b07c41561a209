"""The API behind ``bench_page``: its sent bytes are counted, and the live picture is replaced as ingest does."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import uvicorn

from benchmarks.tall_city import write_picture
from dashboard_api.app import create_app
from ingest.schema import live
from ingest.schema.city import read_city

PICTURE_EVERY_S: Final = 5.0


@dataclass
class Counted:
    """An ASGI app whose sent bytes are counted by path."""

    app: Any
    n_bytes: Counter[str] = field(default_factory=Counter)
    is_without_tiles: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on; count; answer tiles with nothing where they are off."""
        path = scope.get("path", "")
        if self.is_without_tiles and path.startswith("/tiles/"):
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return

        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.n_bytes[path] += 17 + sum(len(name) + len(value) + 4 for name, value in message["headers"])
            elif message["type"] == "http.response.body":
                self.n_bytes[path] += len(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, counted)

    def kb(self, *parts: str) -> float:
        """Kilobytes (1,000 bytes) of paths that contain one of ``parts``; of all without."""
        return sum(n for path, n in self.n_bytes.items() if not parts or any(part in path for part in parts)) / 1000


@dataclass
class Shown:
    """What the live picture does: how many lamps change their state in a minute."""

    changes_per_min: int = 0


@contextlib.contextmanager
def picture(folder: Path, n_lamps: int) -> Iterator[Shown]:
    """Replace the live picture every few seconds, as ingest does."""
    shown, stop = Shown(), threading.Event()
    random = np.random.default_rng(3)
    state = np.full(n_lamps, live.STATE_LIT, np.uint8)
    data = read_city(folder, {}).data_folder

    def work() -> None:
        while not stop.wait(PICTURE_EVERY_S):
            n = round(shown.changes_per_min * PICTURE_EVERY_S / 60)
            rows = random.choice(n_lamps, n, replace=False)
            state[rows] = np.where(state[rows] == live.STATE_LIT, live.STATE_DARK, live.STATE_LIT)
            write_picture(data, state, 1, time.time_ns() // 1000)

    write_picture(data, state, 1, time.time_ns() // 1000)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield shown
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[int, Counted]]:
    """The API on a free port of this machine."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    counted = Counted(create_app(read_city(folder, {})))
    config = uvicorn.Config(counted, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.02)
    try:
        yield int(listener.getsockname()[1]), counted
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        listener.close()
