"""Talks to the city's API about a controller's certificate, by HTTP."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from edge_agent.errors import Fatal, Retryable
from edge_agent.wire import read_json
from edge_agent.wire.enrolment import MAX_ANSWER_BYTES
from languages.hidden import place_alone
from languages.message import Message, Plain

TIMEOUT_S: Final = 20.0
ROUTE: Final = "/api/v1/enrolments"


class Server:
    """The enrolment routes of the city's API; the size of an answer is limited, and its contents are not trusted."""

    def __init__(self, url: str, ca: Path | None = None) -> None:
        """Connect to nothing yet.

        Args:
            url: ``https://HOST[:PORT]``.
            ca: authority of the server's TLS certificate; None = the system's.

        Raises:
            Fatal: the URL is none of HTTP, or holds a user: nobody signs in here, and errors name the URL.
        """
        if not url.startswith(("https://", "http://")) or "@" in url:
            raise Fatal(Message("agent.error.server", url=Plain(place_alone(url)[:100])))
        self._url = url.rstrip("/") + ROUTE
        self._tls = ssl.create_default_context(cafile=None if ca is None else str(ca))

    def ask(self, document: dict[str, str]) -> dict[str, Any]:
        """Send a request for a certificate; return the answer.

        Raises:
            Fatal: the server refuses.
            Retryable: it does not answer, or not what was asked.
        """
        return self._exchange(self._url, json.dumps(document).encode())

    def answer(self, request_id: str) -> dict[str, Any]:
        """The state of a request and, once it is approved, the certificate; raises as `ask` does."""
        return self._exchange(f"{self._url}/{request_id}", None)

    def _exchange(self, url: str, body: bytes | None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if body else {}
        request = urllib.request.Request(url, body, headers)  # noqa: S310 - the scheme was checked
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._tls) as reply:  # noqa: S310
                document = read_json(reply.read(MAX_ANSWER_BYTES + 1), max_bytes=MAX_ANSWER_BYTES)
        except urllib.error.HTTPError as error:
            kind = Fatal if error.code in {400, 403, 404, 422} else Retryable
            raise kind(f"{url}: the city refuses: {error.code} {error.reason}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:  # the last: half an answer, or no HTTP
            raise Retryable(f"{url}: {error}") from error
        if not isinstance(document, dict):
            raise Retryable(f"{url}: is no enrolment's answer")
        return document
