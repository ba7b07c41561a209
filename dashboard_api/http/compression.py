"""Compresses bodies with gzip; large bodies that are requested repeatedly are compressed once."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# lists of faults: half the time of level 5 for an eighth more bytes; tiles, whose ids hardly compress, gain less yet
LEVEL: Final = 3
WORTH_BYTES: Final = 2048  # below, a packet is a packet
_GZIP: Final = 16 + zlib.MAX_WBITS
_VARY: Final = "Accept-Encoding"


def pack(body: bytes, level: int = LEVEL) -> bytes:
    """``body`` as a gzip file."""
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


# The lists that a page opens with are the same for everybody until a fault changes: 64 of them weigh some 6 MB.
_pack_once: Final = lru_cache(maxsize=64)(pack)
_LARGE_BYTES: Final = 32 << 10


def with_vary(names: str | None, name: str) -> str:
    """The value of ``Vary`` that names ``name`` beside ``names``, each once."""
    given: dict[str, str] = {}
    for part in (names or "").split(","):
        if one := part.strip():
            given.setdefault(one.lower(), one)
    if "*" not in given:
        given.setdefault(name.lower(), name)
    return ", ".join(given.values())


def takes_gzip(request: Request) -> bool:
    """Whether the client accepts gzip."""
    return "gzip" in request.headers.get("accept-encoding", "")


def answer(request: Request, body: bytes, media_type: str, headers: dict[str, str] | None = None) -> Response:
    """An answer of ``body``, compressed if it is large enough and the client accepts gzip."""
    headers = dict(headers or {})
    headers["Vary"] = with_vary(headers.get("Vary"), _VARY)
    if len(body) >= WORTH_BYTES and takes_gzip(request):
        packed = _pack_once(body) if len(body) >= _LARGE_BYTES else pack(body)
        return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)
    return Response(body, headers=headers, media_type=media_type)


class Compression:
    """ASGI middleware: compresses what the routes have not, and names `Accept-Encoding` once in `Vary`.

    An answer with an entity tag names it whatever its length, so that 304 says what 200 does.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Around ``app``."""
        self._packing = GZipMiddleware(app, minimum_size=WORTH_BYTES, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                _name_once(message["headers"])
            await send(message)

        await self._packing(scope, receive, tell)


def _name_once(lines: list[tuple[bytes, bytes]]) -> None:
    names = b",".join(text for name, text in lines if name == b"vary")
    n_times = names.lower().count(_VARY.lower().encode())
    if n_times > 1 or (n_times == 0 and any(name == b"etag" for name, _ in lines)):
        MutableHeaders(raw=lines)["vary"] = with_vary(names.decode("latin-1"), _VARY)
