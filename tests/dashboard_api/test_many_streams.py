"""Many event streams that resume from the beginning at once, against the real server."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager

import httpx
from sqlalchemy import insert, select

from ingest.schema.tables import fault_events, faults

T0 = 1_790_000_000_000_000
N_EVENTS = 1_500
N_STREAMS = 300


@contextmanager
def served(folder):
    command = [sys.executable, "-m", "dashboard_api", "--city", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().rpartition(" ")[2].strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def fill(town):
    town.darken(3)
    with town.engine.begin() as connection:
        fault_id = connection.execute(select(faults.c.id)).scalar_one()
        row = {
            "fault_id": fault_id,
            "at_us": T0,
            "actor": "telemetry",
            "kind": "changed",
            "state": "open",
            "version": 1,
            "data": {},
        }
        connection.execute(insert(fault_events), [row] * N_EVENTS)
        return connection.execute(select(fault_events.c.seq).order_by(fault_events.c.seq)).scalars().all()


def show_fresh(town):
    town.write_live([2] * 40, time.time_ns() // 1000)  # the server is a process of its own, with the machine's clock


def stream(url, last_event_id):
    sock = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=30)
    head = f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {last_event_id}\r\n\r\n"
    sock.sendall(head.encode())
    return sock


def test_streams_that_resume_from_the_beginning_hold_no_request_up(town):
    numbers = fill(town)
    show_fresh(town)
    with served(town.city.folder) as url, ExitStack() as stack:
        httpx.get(f"{url}/readyz").raise_for_status()
        streams = [stack.enter_context(closing(stream(url, 0))) for _ in range(N_STREAMS)]
        delays = []
        for _ in range(5):
            began = time.perf_counter()
            assert httpx.get(f"{url}/api/v1/faults", timeout=30).status_code == 200
            delays.append(time.perf_counter() - began)
        assert max(delays) < 1.5, delays
        told = b""
        while told.count(b"id: ") < len(numbers):
            told += streams[0].recv(1 << 20)
        ids = [int(line[4:]) for line in told.splitlines() if line.startswith(b"id: ")]
        assert ids == numbers, "each event once, in order, across the pages"


def test_streams_beyond_the_limit_are_told_to_come_again(town):
    show_fresh(town)
    with served(town.city.folder) as url, ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(closing(stream(url, 0))).recv(1 << 16)
        answer = httpx.get(f"{url}/api/v1/events", timeout=30)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert httpx.get(f"{url}/readyz", timeout=30).status_code == 200
