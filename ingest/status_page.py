"""The pages /metrics, /healthz and /readyz of ingest (loopback by default).

The words of /readyz are in the language of ``Accept-Language``, else in English, beside their codes and parameters.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST as TEXT_FORMAT
from prometheus_client import generate_latest

from ingest.errors import UnusableError
from ingest.metrics import Metrics
from ingest.options import Options
from ingest.readiness import Readiness
from languages.catalogue import FALLBACK, Catalogue, language_codes, load_catalogue
from languages.choice import accepted_language
from languages.errors import CatalogueError
from languages.message import Message, Plain, document_of, why


class StatusPage:
    """A small HTTP server on its own thread."""

    def __init__(self, host: str, port: int, metrics: Metrics | None, readiness: Readiness) -> None:
        """Bind; port 0 takes a free one. Without ``metrics`` that page is empty.

        Raises:
            OSError: the port is taken.
        """
        self._shown = (metrics, readiness)
        self._server = ThreadingHTTPServer((host, port), _handler(lambda: self._shown))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="status", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def show(self, metrics: Metrics | None, readiness: Readiness) -> None:
        """Show these from now on."""
        self._shown = (metrics, readiness)

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


def open_status_page(options: Options, metrics: Metrics, readiness: Readiness) -> StatusPage:
    """The page of one city on the port that was wished, or on a free one if none was.

    Raises:
        UnusableError: the port that was wished is taken.
    """
    try:
        return StatusPage(options.status_host, options.status_port, metrics, readiness)
    except OSError as error:
        if not options.is_status_wished:  # a second city on this machine must not fail for a page nobody asked for
            return StatusPage(options.status_host, 0, metrics, readiness)
        at = Plain(f"{options.status_host}:{options.status_port}")
        raise UnusableError(Message("terminal.error.at", where=at, reason=why(error))) from error


def readiness_document(readiness: Readiness, words: Catalogue) -> dict[str, Any]:
    """What /readyz answers: reasons and warnings by part, in words and as codes with parameters."""
    reasons, warnings = readiness.reasons(), readiness.warnings()
    return {
        "status": "waiting" if reasons else "ready",
        "reasons": {part: message.say(words) for part, message in reasons.items()},
        "reason_codes": {part: document_of(message) for part, message in reasons.items()},
        "warnings": {part: message.say(words) for part, message in warnings.items()},
        "warning_codes": {part: document_of(message) for part, message in warnings.items()},
    }


@cache
def _words(language: str) -> Catalogue:
    try:
        return load_catalogue(language)
    except CatalogueError:
        return Catalogue(FALLBACK, {})


def _handler(shown: Callable[[], tuple[Metrics | None, Readiness]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer one of the three pages."""
            metrics, readiness = shown()
            if self.path == "/metrics":
                self._answer(200, TEXT_FORMAT, generate_latest(metrics.registry) if metrics else b"")
            elif self.path == "/healthz":
                self._answer(200, "application/json", b'{"status": "alive"}')
            elif self.path == "/readyz":
                words = _words(accepted_language(self.headers.get("Accept-Language", ""), language_codes()) or FALLBACK)
                document = readiness_document(readiness, words)
                status = 200 if document["status"] == "ready" else 503
                self._answer(status, "application/json", json.dumps(document).encode())
            else:
                self._answer(404, "text/plain", b"only /metrics, /healthz and /readyz\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the standard library's name
            """Requests are not logged: a scraper asks every few seconds."""

    return Handler
