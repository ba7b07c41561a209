"""Counts requests and their times for Prometheus; plain ASGI, since a stream must pass through untouched."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class RequestMetrics:
    """Times every request to its first byte, by route."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        """Wrap ``app``; figures go to ``registry``."""
        self._app = app
        names = ("route", "status")
        self._answered = Counter("terang_http_requests", "Requests by route and status", names, registry=registry)
        text = "Time to the first byte by route"
        self._took = Histogram("terang_http_request_seconds", text, ("route",), registry=registry)
        self._by_answer: dict[tuple[str, int], tuple[Counter, Histogram]] = {}  # routes are as many as the table has

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path_format", "other")
                counted = self._by_answer.get((route, message["status"]))
                if counted is None:
                    counted = self._answered.labels(route, str(message["status"])), self._took.labels(route)
                    self._by_answer[route, message["status"]] = counted
                counted[0].inc()
                counted[1].observe(time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, note)
