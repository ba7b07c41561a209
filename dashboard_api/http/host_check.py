"""Rejects requests for other host names (DNS rebinding); plain ASGI.

A page of another site could reach the API through a name of its own that points here, so a request that names another
host than this machine's, its address, or one that the city lists is refused, with a problem document as every error.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard_api.formats.problem_document import MEDIA_TYPE, problem_document
from dashboard_api.http.asked_language import problem_words
from languages.catalogue import Languages

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::[0-9]{1,5})?")  # RFC 9110: uri-host [ ":" port ]


def host_name(scope: Scope) -> str | None:
    """The name that a request was sent to: its one ``Host`` without port, IPv6 in brackets; None = it has none."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    match = _HOST.fullmatch(hosts[0].decode("latin-1")) if len(hosts) == 1 else None
    return None if match is None else match[1].lower()


def _own_address(scope: Scope) -> str:
    """The address that the connection came in at: nobody's DNS can make it another one."""
    server = scope.get("server")
    host = "" if server is None else str(server[0])
    return f"[{host}]" if ":" in host else host


# this machine's own names, and that of the test client
LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]", "testserver")


class HostCheck:
    """Rejects requests whose one ``Host`` is none of ``names``, with or without a port."""

    def __init__(self, app: ASGIApp, names: Collection[str], languages: Languages) -> None:
        """Wrap ``app``; ``names`` without port, IPv6 addresses in brackets; ``languages`` for the refusal."""
        self._app = app
        self._names = frozenset(names)
        self._languages = languages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            name = host_name(scope)
            if name is None or (name not in self._names and name != _own_address(scope)):
                document = problem_document(
                    400, problem_words(scope, self._languages), "foreign_host", known=sorted(self._names)
                )
                await JSONResponse(document, 400, media_type=MEDIA_TYPE)(scope, receive, send)
                return
        await self._app(scope, receive, send)
