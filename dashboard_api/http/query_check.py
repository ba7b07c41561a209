"""Refuses query parameters that a route does not know, before the route runs; plain ASGI.

A misspelt filter that is passed over answers another question than the one that was asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard_api.errors import BadRequestError

_EVERYWHERE: Final = "lang"  # problem documents come in a language too


class QueryCheck:
    """One route with the names of its query parameters."""

    def __init__(self, app: ASGIApp, known: Iterable[str]) -> None:
        """Wrap a route's ``app``; ``known``: names that it reads."""
        self._app = app
        self._known = frozenset(known) | {_EVERYWHERE}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI.

        Raises:
            BadRequestError: the query has a name that the route does not know.
        """
        query = scope.get("query_string", b"")
        if query:
            for name, _value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
                if name not in self._known:
                    raise BadRequestError("unknown_parameter", name=name, known=sorted(self._known))
        await self._app(scope, receive, send)
