"""An HTTP proxy between a phone and the API that fails as the request itself says: the sender's seed decides.

A request names what happens to it in the header ``x-line-fault``:

==============  =======================================================================================================
``refuse``      closed before anything is passed on
``half``        half of the body is passed on, then both sides are closed
``500``         an error page of the proxy; nothing is passed on
``502``         passed on, and answered with the proxy's own error page
``drop``        passed on and answered; the answer is thrown away, the connection closed
``cut``         passed on; half of the answer arrives
``silent``      passed on; no answer, the connection stays open until the phone closes it
``hasty:MS``    passed on; the phone gives up so many milliseconds later, while the API may be at work on it
``late:MS``     held back, and passed on so many milliseconds after the phone gave up
``portal``      a page of a network that wants a sign-in of its own, with status 200
``empty``       ``{}`` as JSON with status 200; nothing is passed on
``redirect``    to another host
``kill:MS``     passed on, and the API is killed that many milliseconds later
==============  =======================================================================================================

A phone's patience ends when no answer will come any more, not by a clock: it asks ``GET /patience``, naming its request
by the same ``x-line-id``, and is answered at that moment. So a run does not wait, and a slow machine changes nothing.

``x-line-begun`` says when the phone began a request (Unix time, ms): ``longest_ms`` has the time from then until the
API had answered, the longest of each action, so that a report's date can be judged by the way it really took.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import re
import threading
import time

_KINDS = "refuse half 500 502 drop cut silent hasty late portal empty redirect kill"
_HEADERS = (b"x-line-fault", b"x-line-id", b"x-line-begun")
_LONGEST_S = 30.0


def _answer(status, kind, body, *more):
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", *more]
    return "\r\n".join([*head, "", body]).encode()


_PAGES = {
    "500": _answer("500 Internal Server Error", "text/html", "<p>no</p>"),
    "502": _answer("502 Bad Gateway", "text/html", "<p>no upstream</p>"),
    "portal": _answer("200 OK", "text/html", "<p>Please sign in to this network</p>"),
    "empty": _answer("200 OK", "application/json", "{}"),
    "redirect": _answer("302 Found", "text/html", "", "Location: http://127.0.0.1:9/portal"),
}


class FaultyLine:
    """Listens on a free port of this machine in a thread of its own; ``kill`` ends the API."""

    def __init__(self, api_port, kill):
        self._api_port = api_port
        self._kill = kill
        self.longest_ms = collections.defaultdict(float)  # of each action id
        self._hopeless = collections.defaultdict(asyncio.Event)  # of each request whose phone gives up
        self.counted = dict.fromkeys((*_KINDS.split(), "none"), 0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LONGEST_S)

    def close(self):
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(_LONGEST_S):
                await self._request(reader, writer)
        writer.close()

    async def _request(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        request_line, *lines = head[:-4].split(b"\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        fault, name, begun = (headers.get(each, b"").decode("ascii") for each in _HEADERS)
        fault, _, after_ms = fault.partition(":")
        hopeless = self._hopeless[name]
        if request_line.startswith(b"GET /patience "):
            await hopeless.wait()
            del self._hopeless[name]
            writer.write(_PAGES["empty"])
            await writer.drain()
            return
        body = await reader.readexactly(int(headers.get(b"content-length", 0)))
        self.counted[fault or "none"] += 1
        if fault in {"500", "portal", "empty", "redirect"}:
            writer.write(_PAGES[fault])
            await writer.drain()
            return
        if fault == "refuse":
            return
        if fault == "late":
            hopeless.set()
            await reader.read()  # until the phone gives up
            await asyncio.sleep(int(after_ms) / 1e3)
        kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in {*_HEADERS, b"connection"}]
        request = b"\r\n".join([request_line, *kept, b"Connection: close", b"", b""])
        work = asyncio.create_task(self._pass_on(request, body[: length_of(body, fault)], fault))
        if fault == "hasty":
            await asyncio.sleep(int(after_ms) / 1e3)
            hopeless.set()
        if fault == "kill":
            await asyncio.sleep(int(after_ms) / 1e3)
            await asyncio.to_thread(self._kill)
        answer = await work
        if action := re.search(rb'"action_id":"(\w+)"', body):
            action_id = action[1].decode("ascii")
            self.longest_ms[action_id] = max(self.longest_ms[action_id], time.time() * 1e3 - float(begun))
        if fault == "502":
            answer = _PAGES["502"]
        elif fault == "cut":
            answer = answer[: len(answer) // 2]
        elif fault in {"drop", "half", "late"}:
            return
        elif fault in {"silent", "hasty"}:
            hopeless.set()
            await reader.read()  # until the phone gives up
            return
        writer.write(answer)
        await writer.drain()

    async def _pass_on(self, head, body, fault):
        """The API's whole answer; empty where it ended before."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._api_port)
        except OSError:
            return b""
        try:
            writer.write(head + body)
            await writer.drain()
            return b"" if fault == "half" else await reader.read()
        except OSError:
            return b""
        finally:
            writer.close()


def length_of(body, fault):
    return len(body) // 2 if fault == "half" else len(body)
