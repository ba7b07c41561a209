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
``late:MS``     held back, and passed on though the phone may have given up meanwhile
``portal``      a page of a network that wants a sign-in of its own, with status 200
``empty``       ``{}`` as JSON with status 200; nothing is passed on
``redirect``    to another host
``kill:MS``     passed on, and the API is killed that many milliseconds later
==============  =======================================================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import threading

FAULTS = ("refuse", "half", "500", "502", "drop", "cut", "silent", "late", "portal", "empty", "redirect", "kill")
_HEADER = b"x-line-fault:"
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
        self.counted = dict.fromkeys((*FAULTS, "none"), 0)
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
        lines = head[:-4].split(b"\r\n")
        fault, _, after_ms = next((_value(line) for line in lines if line.lower().startswith(_HEADER)), "").partition(
            ":"
        )
        length = next((int(_value(line)) for line in lines if line.lower().startswith(b"content-length:")), 0)
        body = await reader.readexactly(length)
        self.counted[fault or "none"] += 1
        if fault in {"500", "portal", "empty", "redirect"}:
            writer.write(_PAGES[fault])
            await writer.drain()
            return
        if fault == "refuse":
            return
        if fault == "late":
            await asyncio.sleep(int(after_ms) / 1e3)
        kept = [line for line in lines if not line.lower().startswith((_HEADER, b"connection:"))]
        request = b"\r\n".join([*kept, b"Connection: close", b"", b""])
        work = asyncio.create_task(self._pass_on(request, body[: length // 2] if fault == "half" else body, fault))
        if fault == "kill":
            await asyncio.sleep(int(after_ms) / 1e3)
            await asyncio.to_thread(self._kill)
        answer = await work
        if fault == "502":
            answer = _PAGES["502"]
        elif fault == "cut":
            answer = answer[: len(answer) // 2]
        elif fault in {"drop", "half"}:
            return
        elif fault == "silent":
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


def _value(line):
    return line.split(b":", 1)[1].strip().decode("ascii")
