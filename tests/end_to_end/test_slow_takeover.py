"""A worker on another machine takes a group over while InfluxDB is saturated, and its own snapshot is old.

A campaign of a minute: with ``TERANG_SOAK=1``.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.workers_stand import Worker, words_of
from tests.influx_server import InfluxServer
from tests.ingest.city_stand import Mosquitto, wait_until, write_city
from tests.ingest.played_agents import PlayedFleet
from tests.ingest.slow_influx import SlowInflux
from tests.postgresql_server import PostgresqlServer

TAKEOVER_S = 30.0
REQUEST_S = float(os.environ.get("TERANG_REQUEST_S", "2.0"))  # that each one takes on the saturated server
N_CONTROLLERS, N_SWEEPS = 10, 550

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.end_to_end,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not os.environ.get("TERANG_SOAK"), reason="a campaign: TERANG_SOAK=1"),
]


def test_a_takeover_on_a_saturated_influxdb_takes_no_more_than_30_s(
    tmp_path: Path, require_debian: Callable[[str], Path], postgresql: PostgresqlServer, influx: InfluxServer
) -> None:
    with ExitStack() as stack:
        slow = SlowInflux(influx.port)
        stack.callback(slow.close)
        broker = Mosquitto(require_debian("mosquitto"), tmp_path)
        stack.callback(broker.stop)
        broker.start()
        telemetry = influx.new_bucket(f"takeover-{time.time_ns()}").replace(f":{influx.port}", f":{slow.port}")
        more = f'[database]\nurl = "{postgresql.make_database()}"\n[telemetry]\nurl = "{telemetry}"\n'
        ours = write_city(tmp_path / "ours", n_controllers=N_CONTROLLERS, n_lamps=6, broker_port=broker.port, more=more)
        workers = [Worker(0, tmp_path, [ours])]
        stack.callback(workers[0].kill)
        wait_until(lambda: bool(workers[0].served()), 60)
        wait_until((ours / "data" / "detection.npz").exists, 30)
        theirs = tmp_path / "theirs"
        shutil.copytree(ours, theirs, ignore=shutil.ignore_patterns("ingest.lock"))
        fleet = PlayedFleet(broker.port, N_CONTROLLERS, 6)
        stack.callback(fleet.close)
        fleet.at_ms -= 24 * 3_600_000
        fleet.birth()
        for _ in range(N_SWEEPS):
            fleet.sweep(dt_ms=30_000)
            time.sleep(0.01)
        fleet.settle()
        workers.append(Worker(1, tmp_path, [theirs]))
        stack.callback(workers[1].kill)
        time.sleep(5.0)
        slow.each_s = REQUEST_S
        workers[0].kill()
        killed_at = time.monotonic()
        newest = fleet.agents[0].sequence

        def is_taken_over() -> bool:
            fleet.sweep(dt_ms=30_000)
            fleet.resend()  # as agents do with what nobody heard
            time.sleep(0.5)
            return all(agent.acknowledged > newest for agent in fleet.agents)

        try:
            wait_until(is_taken_over, 120)
        finally:
            print(words_of(workers))
        took_s = time.monotonic() - killed_at
        assert "ahead" not in words_of(workers), "no agent's clock is held against the time of old records"
        print(f"{REQUEST_S} s a request, {N_CONTROLLERS * N_SWEEPS} old records: acknowledging after {took_s:.1f} s")
        assert took_s <= TAKEOVER_S
