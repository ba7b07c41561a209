"""Rejects requests for other host names (DNS rebinding); plain ASGI.

Without accounts the API serves loopback alone. A page of another site could still reach it through a name of its own
that points here, so a request that names another host is refused, with a problem document as every error.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard_api.formats.problem_document import MEDIA_TYPE, problem_document
from languages.catalogue import Catalogue

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::[0-9]{1,5})?")  # RFC 9110: uri-host [ ":" port ]


class HostCheck:
    """Rejects requests whose one ``Host`` is none of ``names``, with or without a port."""

    def __init__(self, app: ASGIApp, names: Collection[str], words: Catalogue) -> None:
        """Wrap ``app``; ``names`` without port, IPv6 addresses in brackets; ``words`` for the refusal."""
        self._app = app
        self._names = frozenset(names)
        self._words = words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            hosts = Headers(scope=scope).getlist("host")
            match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
            if match is None or match[1].lower() not in self._names:
                document = problem_document(400, self._words, "foreign_host", known=sorted(self._names))
                await JSONResponse(document, 400, media_type=MEDIA_TYPE)(scope, receive, send)
                return
        await self._app(scope, receive, send)
