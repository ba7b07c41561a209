"""Thinning in InfluxDB where the server is slow: shorter stretches, no hour noted that is not whole, the same means."""

from __future__ import annotations

import gzip
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs

import pytest

from ingest.errors import StoreSlowError, StoreUnavailableError
from ingest.schema.influx import parse_address
from ingest.schema.influx_thinning import HOUR_NS, setup_statements
from ingest.telemetry import influx_thinning
from ingest.telemetry.influx import InfluxStore
from tests.influx_server import InfluxServer
from tests.ingest.seeded_blocks import T0_US, block_of, town

QUARTER_NS, MINUTE_US = HOUR_NS // 4, 60_000_000
PATIENCE_S = 0.4
HOUR = T0_US * 1000 // HOUR_NS
NOW_US = (HOUR + 100 * 24) * HOUR_NS // 1000
SPAN = re.compile(r"time >= (\d+) AND time < (\d+)")

Backend = Callable[[str, bytes, dict[str, str]], bytes]


class SlowServer:
    """In front of a backend; who asks for a longer stretch than ``longest_ns`` hears nothing before his patience ends.

    Attributes:
        does_it: a statement that is not answered is done all the same.
        thinned: stretches of lamps that were answered, in order.
        n_unanswered: statements that were not.
    """

    def __init__(self, backend: Backend) -> None:
        self.longest_ns, self.does_it = HOUR_NS, False
        self.thinned: list[tuple[int, int]] = []
        self.n_unanswered = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                statement = "" if "/write" in self.path else parse_qs(body.decode())["q"][0]
                found = SPAN.search(statement) if " INTO " in statement else None
                span = (int(found[1]), int(found[2])) if found else (0, 0)
                is_slow = span[1] - span[0] > outer.longest_ns
                if not is_slow or outer.does_it:
                    answer = backend(self.path, body, dict(self.headers))
                if is_slow:
                    outer.n_unanswered += 1
                    time.sleep(2 * PATIENCE_S)
                    return
                if '"lamps"' in statement and found:
                    outer.thinned.append(span)
                self.send_response(204 if "/write" in self.path else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Bucket:
    """A backend that knows which hours have readings and which are noted as thinned."""

    def __init__(self, hours: list[int]) -> None:
        self.hours, self.noted = hours, list[int]()

    def __call__(self, path: str, body: bytes, _headers: dict[str, str]) -> bytes:
        if "/write" in path:
            self.noted.append(int(re.findall(rb"thinning hours=(\d+)i", gzip.decompress(body))[0]))
            return b""
        statement = parse_qs(body.decode())["q"][0]
        series: list[dict[str, object]] = []
        if "SHOW RETENTION" in statement:
            series = [{"columns": ["name"], "values": [["autogen"], ["terang_thinned"]]}]
        elif '"cabinets"' in statement and " INTO " not in statement and (found := SPAN.search(statement)):
            inside = [h for h in self.hours if int(found[1]) <= h * HOUR_NS + 1 < int(found[2])]
            if inside:
                series = [{"columns": ["time", "sequence"], "values": [[min(inside) * HOUR_NS + 1, 1]]}]
        return json.dumps({"results": [{"series": series}]}).encode()


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_PATIENCE_S", "_LAST_PATIENCE_S"):
        monkeypatch.setattr(influx_thinning, name, PATIENCE_S)
    monkeypatch.setattr(influx_thinning, "_QUICK_S", 0.0)  # stretches stay short, unless a test lets them grow


Opener = Callable[[Backend, str], tuple[SlowServer, InfluxStore]]


@pytest.fixture
def open_behind(tmp_path: Path) -> Iterator[Opener]:
    opened: list[SlowServer | InfluxStore] = []

    def open_it(backend: Backend, bucket: str) -> tuple[SlowServer, InfluxStore]:
        server = SlowServer(backend)
        address = parse_address(f"influxdb://127.0.0.1:{server.port}?org=terang&bucket={bucket}")
        store = InfluxStore(address, None, tmp_path, full_resolution_days=30)
        opened.extend((server, store))
        return server, store

    yield open_it
    for one in reversed(opened):
        one.close()


def stretches(hour: int, n: int) -> list[tuple[int, int]]:
    step = HOUR_NS // n
    return [(hour * HOUR_NS + i * step, hour * HOUR_NS + (i + 1) * step) for i in range(n)]


@pytest.mark.parametrize("n", [1, 2, 4])
def test_hours_are_thinned_in_stretches_that_the_server_makes_in_time(open_behind: Opener, n: int) -> None:
    bucket = Bucket([HOUR, HOUR + 2])
    server, store = open_behind(bucket, "b")
    server.longest_ns = HOUR_NS // n
    n_steps = 0
    while store.upkeep(NOW_US):
        n_steps += 1
        assert len(bucket.noted) == len(server.thinned) // n, "an hour is noted when it is whole, and not before"
    assert server.thinned == stretches(HOUR, n) + stretches(HOUR + 2, n)
    assert bucket.noted == [HOUR + 1, HOUR + 3]
    assert server.n_unanswered == {1: 0, 2: 1, 4: 2}[n]
    assert n_steps == 2 * n + server.n_unanswered


def test_a_server_too_slow_for_the_shortest_stretch_is_an_error_and_goes_on_where_it_stood(open_behind: Opener) -> None:
    bucket = Bucket([HOUR])
    server, store = open_behind(bucket, "b")
    server.longest_ns = QUARTER_NS
    while len(server.thinned) < 2:
        store.upkeep(NOW_US)
    server.longest_ns = 0
    for _ in range(2):
        with pytest.raises(StoreSlowError, match="has not answered for"):
            store.upkeep(NOW_US)
    assert bucket.noted == []
    server.longest_ns = QUARTER_NS
    while store.upkeep(NOW_US):
        pass
    assert server.thinned == stretches(HOUR, 4)
    assert bucket.noted == [HOUR + 1]


def test_stretches_grow_again_when_the_server_is_quick(open_behind: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    server, store = open_behind(Bucket([HOUR, HOUR + 1]), "b")
    server.longest_ns = QUARTER_NS
    while not server.thinned:
        store.upkeep(NOW_US)
    server.longest_ns = HOUR_NS
    monkeypatch.setattr(influx_thinning, "_QUICK_S", 5.0)
    while store.upkeep(NOW_US):
        pass
    quarters = stretches(HOUR, 4)
    assert server.thinned == [*quarters[:2], (quarters[2][0], quarters[3][1]), *stretches(HOUR + 1, 1)]


def test_what_else_goes_wrong_does_not_shorten_anything(open_behind: Opener) -> None:
    bucket = Bucket([HOUR])
    broken = {"is": True}

    def backend(path: str, body: bytes, headers: dict[str, str]) -> bytes:
        if broken["is"] and b"INTO" in body:
            return b'{"results": [{"error": "shard is gone"}]}'
        return bucket(path, body, headers)

    server, store = open_behind(backend, "b")
    with pytest.raises(StoreUnavailableError, match="shard is gone"):
        store.upkeep(NOW_US)
    broken["is"] = False
    server.thinned.clear()
    while store.upkeep(NOW_US):
        pass
    assert server.thinned == stretches(HOUR, 1)


@pytest.mark.parametrize("n", [2, 4])
def test_a_real_server_holds_the_same_means_whatever_the_stretches(
    influx: InfluxServer, open_behind: Opener, n: int
) -> None:
    """Statements that nobody waited for are done all the same, and so are made twice."""

    def forward(path: str, body: bytes, headers: dict[str, str]) -> bytes:
        passed = {name: headers[name] for name in ("Content-Type", "Content-Encoding") if name in headers}
        request = urllib.request.Request(f"http://127.0.0.1:{influx.port}{path}", body, passed)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    found: list[dict[str, object]] = []
    for name, pieces in ((f"whole{n}", 1), (f"stretches{n}", n)):
        influx.new_bucket(name)
        for statement in setup_statements(name, 30, 100_000):
            influx.ask(statement.replace("37d SHARD", "0d SHARD"))  # this test's readings are years old already
        server, store = open_behind(forward, name)
        server.longest_ns, server.does_it = HOUR_NS // pieces, True
        directory = town(2, 3)
        for i in range(100):
            at_us = HOUR * HOUR_NS // 1000 + (20 + i) * MINUTE_US
            store.write(block_of(directory, sequence=i + 1, at_us=at_us))
        while store.upkeep(NOW_US):
            pass
        assert (server.n_unanswered > 0) == (pieces > 1)
        means = {
            m: influx.ask(f'SELECT * FROM "terang_thinned"."{m}"', name) for m in ("lamps", "circuits", "cabinets")
        }
        progress = influx.ask('SELECT last("hours") FROM "thinning"', name)[0]["values"][0][1]
        assert progress == HOUR + 2
        found.append({**means, "n": [len(series[0]["values"]) for series in means.values()]})
    assert found[0] == found[1]
    assert found[0]["n"] == [7 * 6, 100 * 4, 100 * 2]  # quarters and lamps, sweeps and circuits, sweeps and cabinets
