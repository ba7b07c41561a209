"""The HTTP server: Uvicorn with bounded connections, and enough file descriptors for all of them."""

from __future__ import annotations

import logging
import resource
import socket
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import uvicorn
from prometheus_client import CollectorRegistry

from dashboard_api.http.connection_limits import BoundedHttpProtocol, ConnectionLimits, OpenConnections

_OTHER_FILES: Final = 100  # databases, telemetry segments, the page's files
_GRACEFUL_S: Final = 2
_SAME_LINE_EVERY_S: Final = 60.0


class RepeatFilter(logging.Filter):
    """Lets a message pass once a minute: what a client can cause a thousand times must not fill the log."""

    def __init__(self) -> None:
        """Nothing was logged yet."""
        super().__init__()
        self._logged_s: dict[object, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write it."""
        if record.levelno >= logging.ERROR:
            return True
        now_s = time.monotonic()
        if now_s - self._logged_s.get(record.msg, -_SAME_LINE_EVERY_S) < _SAME_LINE_EVERY_S:
            return False
        self._logged_s[record.msg] = now_s
        return True


def run_server(
    app: Any,
    listener: socket.socket,
    registry: CollectorRegistry,
    log_config: dict[str, Any],
    tls: Mapping[str, Any] | None = None,
) -> None:
    """Serve ``app`` on a listening socket until SIGINT or SIGTERM.

    Args:
        app: the ASGI application.
        listener: a bound socket.
        registry: where metrics of connections go.
        log_config: for ``logging.config.dictConfig``.
        tls: Uvicorn's settings for TLS, None = plain HTTP.
    """
    connections = OpenConnections(_limits(), registry)
    config = uvicorn.Config(
        app,
        http=partial(BoundedHttpProtocol, connections),  # type: ignore[arg-type]  # called as a class is
        ws="none",
        log_level="warning",
        log_config=log_config,
        access_log=False,
        timeout_graceful_shutdown=_GRACEFUL_S,
        proxy_headers=False,  # believed only of the proxies that the city names, which the app itself sees to
        server_header=False,
        **(tls or {}),
    )
    logging.getLogger("uvicorn.error").addFilter(RepeatFilter())
    uvicorn.Server(config).run(sockets=[listener])


def _limits() -> ConnectionLimits:
    """The default limits, with fewer connections where this process may not open so many files."""
    limits = ConnectionLimits()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = limits.connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return ConnectionLimits(connections=max(10, soft - _OTHER_FILES))
    return limits
