"""Asks a server over HTTP and reads its answer within limits of size, time and place.

A server that is broken, or another one at its address, may send an answer without end, byte by byte, or half of one;
and one that points to another address would be given the token.
"""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import IO, Any, Final

MAX_ANSWER_BYTES: Final = 1 << 30
MAX_ERROR_BYTES: Final = 10_000
_SLOWEST: Final = 10_000  # bytes a second
_CHUNK: Final = 1 << 16


class AnswerError(Exception):
    """An answer with an error's status, or with the address of another server.

    Attributes:
        status: of the answer.
        body: its beginning.
    """

    def __init__(self, status: int, body: bytes) -> None:
        """Hold both."""
        super().__init__(f"status {status}")
        self.status = status
        self.body = body


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        """Follow none: the status is an error."""


_OPENER: Final = urllib.request.build_opener(_NoRedirection)


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    max_bytes: int = MAX_ANSWER_BYTES,
    monotonic: Callable[[], float] = time.monotonic,
) -> bytes:
    """The body of the answer to a POST.

    Args:
        url: http or https.
        body: of the request.
        headers: of the request.
        timeout_s: longest wait for the connection and for each part [s]; the whole may take as long again, and a second
            for every 10 kB.
        max_bytes: of the answer.
        monotonic: a clock that never jumps [s].

    Raises:
        AnswerError: the answer's status is not 2xx.
        TimeoutError: it does not come in time.
        ValueError: it is longer than ``max_bytes``.
        OSError, http.client.HTTPException: there is no answer, or half of one.
    """
    request = urllib.request.Request(url, body, dict(headers))  # noqa: S310  # whoever made the address checked it
    began_s = monotonic()

    def read(answer: IO[bytes], most: int) -> bytes:
        found = bytearray()
        while part := answer.read1(_CHUNK):  # type: ignore[attr-defined]  # of http.client's answers
            found += part
            if monotonic() - began_s > 2 * timeout_s + len(found) / _SLOWEST:
                raise TimeoutError(f"the answer comes too slowly: {len(found)} bytes so far")
            if len(found) > most:
                break
        else:
            if getattr(answer, "length", 0):
                raise http.client.IncompleteRead(bytes(found), answer.length)  # type: ignore[attr-defined]
        return bytes(found)

    try:
        with _OPENER.open(request, timeout=timeout_s) as answer:
            data = read(answer, max_bytes)
    except urllib.error.HTTPError as error:
        with error:
            try:
                said = read(error, MAX_ERROR_BYTES)
            except (OSError, ValueError, http.client.HTTPException):
                said = b""  # the status says enough
        raise AnswerError(error.code, said) from None
    if len(data) > max_bytes:
        raise ValueError(f"an answer of more than {max_bytes} bytes")
    return data
