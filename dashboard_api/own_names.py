"""Answers only to this machine's own names; plain ASGI.

Without accounts the API serves loopback alone. A page of another site could still reach it through a name of its own
that points here, so a request that names another host is refused, with a problem document as every error.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard_api.errors import MEDIA_TYPE


class OwnNames:
    """Refuses requests whose ``Host`` is none of ``names``."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        """Wrap ``app``; ``names`` without port, IPv6 addresses in brackets."""
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
            if name.lower() not in self._names:
                detail = f"this API answers to {', '.join(sorted(self._names))}, not to another host's name"
                document = {"type": "about:blank", "title": "Bad request", "status": 400, "detail": detail}
                await JSONResponse(document, 400, media_type=MEDIA_TYPE)(scope, receive, send)
                return
        await self._app(scope, receive, send)
