"""The API as a process of its own that is killed and started again, and a lock on its database."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_STARTED_S = 60.0
_SERVE = """
import contextlib, os, signal, sys
from pathlib import Path
from dashboard_api.terminal.serve import Listening, serve_city
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        serve_city(Path(sys.argv[1]), Listening("127.0.0.1", int(line), None, None))
        os._exit(0)
    os.write(1, f"pid:{pid}\\n".encode())
with contextlib.suppress(ProcessLookupError):
    os.kill(pid, signal.SIGKILL)  # whoever asked for it is gone
"""


class ApiProcess:
    """``terang-api`` over a city's folder, always on the same port.

    Each API is a process of its own, forked from one that has its modules loaded: a start costs no import.
    """

    def __init__(self, folder):
        self.port = 0
        self.n_kills = 0
        self._lock = threading.Lock()
        self._parent = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._pid = 0
        self.start()

    def start(self):
        self._parent.stdin.write(f"{self.port}\n")
        self._parent.stdin.flush()
        told = "".join(self._parent.stdout.readline() for _ in range(2))  # in either order
        self._pid = int(re.search(r"^pid:(\d+)$", told, re.MULTILINE)[1])
        self.port = int(re.search(r"http://.*:(\d+)$", told, re.MULTILINE)[1])
        deadline = time.monotonic() + _STARTED_S
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{self.port}/healthz").is_success:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def kill(self):
        """End the process at once, and start it again."""
        with self._lock:
            self._end()
            self.n_kills += 1
            self.start()

    def close(self):
        with self._lock:
            self._end()
            self._parent.stdin.close()  # ends it
            self._parent.wait(_STARTED_S)
            self._parent.stdout.close()

    def _end(self):
        os.kill(self._pid, signal.SIGKILL)
        deadline = time.monotonic() + _STARTED_S
        while True:
            try:
                os.kill(self._pid, 0)
            except ProcessLookupError:
                return
            assert time.monotonic() < deadline
            time.sleep(0.005)


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
