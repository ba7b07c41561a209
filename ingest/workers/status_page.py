"""One city's status page in a worker: the reason for standing by, or the city's own figures.

Owns the port, for as long as the worker lives, and may be without it: of several workers on one machine that were given
the same port one has it. Used by the keeper's thread alone.
"""

from __future__ import annotations

import time
from typing import Final

import structlog

from ingest.metrics import Metrics
from ingest.readiness import Readiness
from ingest.status_page import StatusPage
from languages.message import Message

_RETRY_S: Final = 0.5


class WorkerPage:
    """Bound from the first ``wait`` or ``show`` on, if the port is to be had."""

    def __init__(self, host: str, port: int, group: str) -> None:
        """Nothing is bound yet; port -1 = there is to be no page."""
        self._host, self._port = host, port
        self._page: StatusPage | None = None
        self._shown: tuple[Metrics | None, Readiness] = (None, Readiness())
        self._tried_at = 0.0
        self._is_logged = False
        self._log = structlog.get_logger("ingest").bind(group=group)

    def wait(self, reason: Message, *, is_anothers: bool = False) -> None:
        """Not ready, for a reason; ``is_anothers``: whoever serves the group is to have the port."""
        readiness = Readiness()
        readiness.set("start", None)
        readiness.set("worker", reason)
        self._put(None, readiness)
        if is_anothers:
            self.close()
        else:
            self.hold()

    def show(self, metrics: Metrics, readiness: Readiness) -> None:
        """What the city's ingest says of itself, from now on."""
        self._put(metrics, readiness)
        self.hold()

    def hold(self) -> None:
        """Bind the port if it is not ours yet; one that is in use is reported once and tried again later."""
        now = time.monotonic()
        if self._port < 0 or self._page is not None or now - self._tried_at < _RETRY_S:
            return
        self._tried_at = now
        try:
            page = StatusPage(self._host, self._port, *self._shown)
        except OSError as error:
            if not self._is_logged:
                address = f"{self._host}:{self._port}"
                self._log.warning("no status page; it is tried again", address=address, reason=error.strerror)
            self._is_logged = True
            return
        page.start()
        if self._is_logged:
            self._log.info("has its status page", address=f"{self._host}:{page.port}")
        self._page, self._is_logged = page, False

    def _put(self, metrics: Metrics | None, readiness: Readiness) -> None:
        self._shown = (metrics, readiness)
        if self._page is not None:
            self._page.show(metrics, readiness)

    def close(self) -> None:
        """Let go of the port."""
        if self._page is not None:
            self._page.stop()
            self._page = None
