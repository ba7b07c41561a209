"""A bucket of a real InfluxDB, the store that writes to it, and a server that answers as it is told."""

import gzip
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingest.schema.influx import parse_address
from ingest.telemetry.influx import InfluxStore
from tests.influx_server import InfluxServer
from tests.ingest.seeded_blocks import T0_US, rows_of

DAY_US = 86_400_000_000
Opener = Callable[[], InfluxStore]


@pytest.fixture
def bucket(tmp_path: Path) -> str:
    return tmp_path.name


@pytest.fixture
def open_store(influx: InfluxServer, bucket: str, tmp_path: Path) -> Iterator[Opener]:
    url = influx.new_bucket(bucket)
    opened: list[InfluxStore] = []

    def open_again() -> InfluxStore:
        opened.append(InfluxStore(parse_address(url), None, tmp_path))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()


def read_back(store: InfluxStore, directory) -> list[dict[str, object]]:
    return rows_of(list(store.period(directory, T0_US - DAY_US, T0_US + DAY_US)))


class Answering(BaseHTTPRequestHandler):
    status, text, longest = 204, "", 1 << 30
    n_until_busy = -1
    n_lines = 0

    def do_POST(self) -> None:
        n_bytes = int(self.headers["Content-Length"])
        body = self.rfile.read(n_bytes)
        if self.path.startswith("/query"):
            self.answer(200, '{"results":[{"statement_id":0}]}')
        elif self.n_until_busy == 0:
            self.answer(500, '{"error":"timeout"}')
        elif n_bytes > self.longest:
            self.answer(413, "too large")
        else:
            if self.headers["Content-Encoding"] == "gzip":
                type(self).n_until_busy -= 1
                type(self).n_lines += gzip.decompress(body).count(b"\n")
            self.answer(self.status, self.text)

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering() -> Iterator[type[Answering]]:
    class Mine(Answering):
        port = 0

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    Mine.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Mine
    server.shutdown()
    server.server_close()
