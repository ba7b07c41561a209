"""A proxy that makes an InfluxDB slow: each request takes a while, and readings are given only while a gate is open."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

_PASSED_ON = ("Content-Type", "Content-Encoding", "Authorization", "Accept")


class SlowInflux:
    """Stands before a server on ``port``; ``each_s`` is what a request takes here, beside what it takes there."""

    def __init__(self, port: int, each_s: float = 0.0) -> None:
        self.each_s = each_s
        self.gate = threading.Event()  # closed: nobody is given the readings that are stored
        self.gate.set()
        self.n_held = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(proxy.each_s)
                if self.path.startswith("/query") and "FROM lamps" in _statement(body):
                    proxy.n_held += not proxy.gate.is_set()
                    proxy.gate.wait(60)
                headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
                request = urllib.request.Request(f"http://127.0.0.1:{port}{self.path}", body, headers)
                try:
                    with urllib.request.urlopen(request, timeout=60) as answer:
                        status, content = answer.status, answer.read()
                except urllib.error.HTTPError as error:
                    status, content = error.code, error.read()
                with suppress(OSError):  # whoever asked was killed meanwhile
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()


def _statement(body: bytes) -> str:
    return parse_qs(body.decode()).get("q", [""])[0].replace('"', "")
