"""What stands at InfluxDB's address may answer anything: one kind of error, within a time, and the token stays here."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import ingest.telemetry.influx_link as link_module
from dashboard_api.errors import UnavailableError
from dashboard_api.readings import influx as readings_module
from dashboard_api.readings.influx import InfluxReadings
from ingest.errors import StoreUnavailableError
from ingest.schema.influx import parse_address
from ingest.telemetry.influx_link import InfluxLink
from ingest.telemetry.refused_lines import RefusedLines

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def whole(document: object) -> bytes:
    body = json.dumps(document).encode()
    return HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def series(columns: list[str], values: list[list[object]]) -> bytes:
    return whole({"results": [{"statement_id": 0, "series": [{"name": "x", "columns": columns, "values": values}]}]})


ANSWERS = {
    "half a body": HEAD + b'Content-Length: 1000\r\n\r\n{"results":',
    "half a chunk": HEAD + b'Transfer-Encoding: chunked\r\n\r\nff\r\n{"results"',
    "an error of which half comes": b"HTTP/1.1 500 Oops\r\nContent-Length: 1000\r\n\r\n<html>",
    "an error without end": b"HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n" + b"x" * 2_000_000,
    "HTML": HEAD + b"Content-Length: 6\r\n\r\n<html>",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "a status of no meaning": b"HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
    "texts for times": series(["time", "power_w", "hours"], [["yesterday", 1.0, 2]]),
    "other columns": series(["a"], [[1]]),
    "a null": series(["time", "hours"], [[None, None]]),
    "objects for values": series(["time", "power_w", "hours"], [[1, {"a": 1}, []]]),
    "numbers of any size": series(["time", "power_w", "hours"], [[10**30, 10**400, 10**30]]),
}


@contextmanager
def server(answer: bytes, pause_s: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """Answers every connection with these bytes, byte by byte where there is a pause; and what it was sent."""
    listener, seen = socket.create_server(("127.0.0.1", 0)), []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            seen.append(connection.recv(65_536))
            if not pause_s:
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                return
            for i in range(len(answer)):
                connection.sendall(answer[i : i + 1])
                time.sleep(pause_s if i > 60 else 0.0)

    def run() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield f"influxdb://127.0.0.1:{listener.getsockname()[1]}?org=o&bucket=b", seen
    finally:
        listener.close()


def link_to(url: str, folder: Path) -> InfluxLink:
    return InfluxLink(parse_address(url), "secret", RefusedLines(folder))


@pytest.mark.parametrize("kind", ANSWERS)
def test_any_answer_is_readings_or_one_kind_of_error(tmp_path: Path, kind: str) -> None:
    with server(ANSWERS[kind]) as (url, _):
        with suppress(StoreUnavailableError):
            assert isinstance(link_to(url, tmp_path).ask("SELECT 1"), list)
        with pytest.raises(UnavailableError) as caught:
            InfluxReadings(parse_address(url), "secret").lamp("L-1", 0, 60_000_000, None)
        assert len(str(caught.value)) < 1000


def test_an_answer_that_comes_byte_by_byte_has_a_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "_TIMEOUT_S", 0.3)
    monkeypatch.setattr(readings_module, "_TIMEOUT_S", 0.3)
    slow = HEAD + b"Content-Length: 100000\r\n\r\n" + b" " * 100_000
    with server(slow, 0.05) as (url, _):
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            link_to(url, tmp_path).ask("SELECT 1", 0.3)
        with pytest.raises(UnavailableError):
            InfluxReadings(parse_address(url), None).lamp("L-1", 0, 60_000_000, None)
        assert time.monotonic() - began < 10.0


def test_an_answer_beyond_the_limit_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings_module, "_MAX_BYTES", 100_000)
    giant = HEAD + b"Connection: close\r\n\r\n" + b" " * 5_000_000
    with server(giant) as (url, _), pytest.raises(UnavailableError, match="more than 100000 bytes"):
        InfluxReadings(parse_address(url), None).lamp("L-1", 0, 60_000_000, None)


def test_the_token_goes_to_no_other_address(tmp_path: Path) -> None:
    with server(whole({"results": []})) as (other_url, other_seen):
        target = other_url.replace("influxdb", "http").encode()
        answer = b"HTTP/1.1 302 Found\r\nLocation: " + target + b"\r\nContent-Length: 0\r\n\r\n"
        with server(answer) as (url, seen):
            with pytest.raises(StoreUnavailableError, match="302"):
                link_to(url, tmp_path).ask("SELECT 1")
            with pytest.raises(UnavailableError, match="302"):
                InfluxReadings(parse_address(url), "secret").lamp("L-1", 0, 60_000_000, None)
        assert any(b"Token secret" in request for request in seen)
        assert not other_seen
