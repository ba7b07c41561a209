"""The API as a process of its own that is killed and started again, and a lock on its database."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_STARTED_S = 60.0
_SERVE = """
import sys
from pathlib import Path
from dashboard_api.terminal.serve import Listening, serve_city
serve_city(Path(sys.argv[1]), Listening("127.0.0.1", int(sys.stdin.readline()), None, None))
"""


class ApiProcess:
    """``terang-api`` over a city's folder, always on the same port; the next process has its modules loaded already."""

    def __init__(self, folder):
        self._folder = folder
        self.port = 0
        self.n_kills = 0
        self._lock = threading.Lock()
        self._next = self._prepared()
        self.start()

    def _prepared(self):
        command = [sys.executable, "-c", _SERVE, str(self._folder)]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def start(self):
        self._process, self._next = self._next, self._prepared()
        self._process.stdin.write(f"{self.port}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        self.port = int(re.search(r":(\d+)$", line.strip())[1])
        deadline = time.monotonic() + _STARTED_S
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{self.port}/healthz").is_success:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self):
        """End the process at once, and start it again."""
        with self._lock:
            self._end(self._process)
            self.n_kills += 1
            self.start()

    def close(self):
        with self._lock:
            self._end(self._process)
            self._end(self._next)

    @staticmethod
    def _end(process):
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


class Controls:
    """What a phone's driver may do to the API: ``POST /lock?MS``, ``POST /expire``; answered when it is done."""

    def __init__(self, database_path):
        self._path = database_path
        self._locks = []
        this = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                name, _, value = self.path.lstrip("/").partition("?")
                {"lock": this.lock, "expire": this.expire}[name](value)
                body = json.dumps({}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def lock(self, for_ms):
        """Hold the database's write lock from now on for some time, as another program may."""
        is_held = threading.Event()

        def hold():
            with contextlib.closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                is_held.set()
                time.sleep(int(for_ms) / 1e3)
                connection.execute("ROLLBACK")

        thread = threading.Thread(target=hold, daemon=True)
        thread.start()
        self._locks.append(thread)
        assert is_held.wait(30)

    def expire(self, _value):
        """Let every sign-in run out."""
        with contextlib.closing(sqlite3.connect(self._path, timeout=30)) as connection, connection:
            connection.execute("UPDATE sessions SET expires_at_us = 1")

    def close(self):
        for thread in self._locks:
            thread.join(30)
        self._server.shutdown()
        self._server.server_close()
