"""Asks a server at a fixed pace over keep-alive connections: an open loop, where a slow answer delays no question.

    python -m benchmarks.http_load PORT CONNECTIONS < plan.json > times.json

The plan is a list of ``[at_s, kind, path]``, with a fourth entry where the request comes from another address through
a proxy in front (``X-Forwarded-For``); the answer a list of ``[kind, latency_s, status, n_bytes]``. A latency
counts from the moment the request was due, so waiting for a free connection is part of it. Every request carries the
cookies of ``HTTP_LOAD_COOKIE``, where that is set: an argument would stand in the list of processes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

_COOKIE = os.environ.get("HTTP_LOAD_COOKIE", "")
_MORE = f"\r\nCookie: {_COOKIE}" if _COOKIE else ""
_HEAD = f"\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip{_MORE}\r\n\r\n".encode()


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, address: str = ""
) -> tuple[int, int]:
    """One request, from ``address`` if one is given; returns status and size of the body."""
    forwarded = f"\r\nX-Forwarded-For: {address}" if address else ""
    writer.write(f"GET {path} HTTP/1.1{forwarded}".encode() + _HEAD)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    status, size = int(lines[0].split(" ")[1]), 0
    if "content-length" in fields:
        size = int(fields["content-length"])
        await reader.readexactly(size)
    elif fields.get("transfer-encoding") == "chunked":
        while n := int(await reader.readline(), 16):
            size += n
            await reader.readexactly(n + 2)
        await reader.readline()
    return status, size


async def play(port: int, n_connections: int, plan: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Ask everything of the plan when it is due."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[Any, ...] | None] = asyncio.Queue()
    times: list[tuple[Any, ...]] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
        while (due := await waiting.get()) is not None:
            at, kind, path, *address = due
            status, size = await ask(reader, writer, path, *address)
            times.append((kind, loop.time() - at, status, size))
        writer.close()

    workers = [asyncio.create_task(connection()) for _ in range(n_connections)]
    began = loop.time() + 0.5
    for at, *request in plan:
        await asyncio.sleep(max(0.0, began + at - loop.time()))
        waiting.put_nowait((began + at, *request))
    for _ in workers:
        waiting.put_nowait(None)
    await asyncio.gather(*workers)
    return times


def main() -> None:
    """Play the plan on stdin."""
    plan = json.load(sys.stdin)
    json.dump(asyncio.run(play(int(sys.argv[1]), int(sys.argv[2]), plan)), sys.stdout)


if __name__ == "__main__":
    main()
