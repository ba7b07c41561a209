"""Compresses bodies with gzip; large bodies that are requested repeatedly are compressed once."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Final

from fastapi import Request
from fastapi.responses import Response

# lists of faults: half the time of level 5 for an eighth more bytes; tiles, whose ids hardly compress, gain less yet
LEVEL: Final = 3
WORTH_BYTES: Final = 2048  # below, a packet is a packet
_GZIP: Final = 16 + zlib.MAX_WBITS


def pack(body: bytes, level: int = LEVEL) -> bytes:
    """``body`` as a gzip file."""
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


# The lists that a page opens with are the same for everybody until a fault changes: 64 of them weigh some 6 MB.
_pack_once: Final = lru_cache(maxsize=64)(pack)
_LARGE_BYTES: Final = 32 << 10


def takes_gzip(request: Request) -> bool:
    """Whether the client accepts gzip."""
    return "gzip" in request.headers.get("accept-encoding", "")


def answer(request: Request, body: bytes, media_type: str, headers: dict[str, str] | None = None) -> Response:
    """An answer of ``body``, compressed if it is large enough and the client accepts gzip."""
    headers = dict(headers or {})
    headers["Vary"] = ", ".join(filter(None, (headers.get("Vary"), "Accept-Encoding")))
    if len(body) >= WORTH_BYTES and takes_gzip(request):
        packed = _pack_once(body) if len(body) >= _LARGE_BYTES else pack(body)
        return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)
    return Response(body, headers=headers, media_type=media_type)
