"""Answers whose bytes are kept: plain and gzip form, entity tag and header lines are made once, not per request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fastapi.responses import Response
from starlette.types import Scope

from dashboard_api.http.compression import WORTH_BYTES, pack, with_vary

Lines = tuple[tuple[bytes, bytes], ...]
_PACKED_AT: Final = 6  # compressed once, sent often
_GZIP: Final = (b"content-encoding", b"gzip")


class _RawAnswer(Response):
    """A response of header lines that are encoded already."""

    def __init__(self, status: int, body: bytes, lines: Iterable[tuple[bytes, bytes]]) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = list(lines)


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """An answer of status 200 as it is sent, for clients with and without gzip.

    Attributes:
        body: plain.
        packed: as gzip; None = not worth it.
        tag: entity tag without ``W/``, in quotes.
        shared: header lines of 200 and 304 alike.
        of_body: header lines of 200 alone.
    """

    body: bytes
    packed: bytes | None
    tag: bytes
    shared: Lines
    of_body: Lines

    @property
    def n_bytes(self) -> int:
        """What it weighs in a cache, roughly [bytes]."""
        return len(self.body) + len(self.packed or b"") + 600

    def answer(self, scope: Scope) -> Response:
        """The response to a request: 304 where the caller holds this answer."""
        takes_gzip = False
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                takes_gzip = b"gzip" in value
            elif name == b"if-none-match" and self._is_held(value):
                return _RawAnswer(304, b"", self.shared)
        body = self.packed if takes_gzip and self.packed is not None else self.body
        length = (b"content-length", b"%d" % len(body))
        lines = (*self.shared, *self.of_body, length)
        return _RawAnswer(200, body, lines if body is self.body else (*lines, _GZIP))

    def _is_held(self, tags: bytes) -> bool:
        held = {one.strip().removeprefix(b"W/") for one in tags.split(b",")}
        return b"*" in held or self.tag in held


def header_lines(media_type: str, headers: Mapping[str, str]) -> tuple[Lines, Lines]:
    """``(lines of 200 and 304 alike, lines of 200 alone)``; ``media_type`` with charset, ``Vary`` made complete."""
    shared = {**headers, "Vary": with_vary(headers.get("Vary"), "Accept-Encoding")}
    lines = tuple((name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in shared.items())
    return lines, ((b"content-type", media_type.encode("latin-1")),)


def prepared(
    body: bytes, lines: tuple[Lines, Lines], *, packed: bytes | None = None, level: int = _PACKED_AT
) -> PreparedAnswer:
    """An answer of ``body``.

    Args:
        body: plain.
        lines: of `header_lines`.
        packed: the body as gzip, where it is at hand; None = made here if the body is worth it.
        level: of gzip.
    """
    if packed is None and len(body) >= WORTH_BYTES:
        packed = pack(body, level)
    tag = b'"%b"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()
    return PreparedAnswer(body, packed, tag, (*lines[0], (b"etag", b"W/" + tag)), lines[1])
