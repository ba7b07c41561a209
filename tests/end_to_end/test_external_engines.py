"""A city on engines that it runs already: Mosquitto, register and faults in PostgreSQL, telemetry in InfluxDB.

One lamp's way through all of them, seen as an outsider sees it: over the API.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ulid import ULID

from tests.influx_server import InfluxServer
from tests.ingest.city_stand import REPOSITORY, IngestProcess, Mosquitto, free_port, wait_until, write_city
from tests.ingest.played_agents import PlayedFleet
from tests.postgresql_server import PostgresqlServer

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(180)]
N_CONTROLLERS, N_LAMPS = 2, 8
N_SWEEPS = 12 + 14 + 3 + 14


class Api:
    """terang-api as a process."""

    def __init__(self, city: Path) -> None:
        self.port = free_port()
        self.log = city / "api.log"
        command = [sys.executable, "-m", "dashboard_api", "--city", str(city), "--port", str(self.port)]
        with self.log.open("wb") as log:
            environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=city)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def is_up(self) -> bool:
        try:
            return bool(self.ask("/api/v1/city"))
        except OSError:
            return False

    def faults(self, state: str = "open") -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.ask(f"/api/v1/faults?include=suppressed&state={state}")["items"]
        return items

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_a_lamp_fails_is_seen_and_repaired_on_external_engines(
    tmp_path: Path,
    require_debian: Callable[[str], Path],
    postgresql: PostgresqlServer,
    influx: InfluxServer,
    stack: ExitStack,
) -> None:
    broker = Mosquitto(require_debian("mosquitto"), tmp_path)
    stack.callback(broker.stop)
    broker.start()
    database_url, bucket = postgresql.make_database(), tmp_path.name
    city = write_city(
        tmp_path / "city",
        n_controllers=N_CONTROLLERS,
        n_lamps=N_LAMPS,
        broker_port=broker.port,
        more=f'[database]\nurl = "{database_url}"\n[telemetry]\nurl = "{influx.new_bucket(bucket)}"\n',
    )
    ingest = IngestProcess(city, "--clock", "data")
    stack.callback(ingest.kill)
    ingest.start()
    wait_until(ingest.is_ready, 30)
    api = Api(city)
    stack.callback(api.stop)
    wait_until(api.is_up, 30)
    fleet = PlayedFleet(broker.port, N_CONTROLLERS, N_LAMPS)
    stack.callback(fleet.close)
    fleet.at_ms = evening_ms()
    began_ms = fleet.at_ms
    fleet.birth()

    def sweeps(n: int, *, is_dark: bool) -> None:
        for _ in range(n):
            with fleet.lock:
                fleet.at_ms += 60_000
                for agent in fleet.agents:
                    values = agent.values()
                    if is_dark and agent.number == 1:
                        for name in ("Lamps/Power", "Lamps/Current"):
                            column = values[name]
                            assert isinstance(column, bytes)
                            values[name] = column[: 4 * 3] + bytes(4) + column[4 * 4 :]
                    agent.sweep(values)
            fleet.settle()

    sweeps(12, is_dark=False)
    wait_until(lambda: api.ask("/api/v1/summary")["lamps"]["lit"] == N_CONTROLLERS * N_LAMPS)
    assert api.ask("/readyz")["ready"]  # not before: by the records' clock there is no picture before the first record
    assert api.faults("any") == []
    sweeps(14, is_dark=True)
    wait_until(lambda: len(api.faults()) == 1)
    (fault,) = api.faults()
    assert (fault["code"], fault["lamp_id"], fault["state"]) == ("lampFailure", "L-001-003", "open")
    # the picture is drawn on a beat of its own
    wait_until(lambda: api.ask("/api/v1/lamps/L-001-003")["latest"]["state"] == "dark")

    # ingest is killed and both databases go down and come back: what is known stays known, and is reported once
    ingest.kill()
    influx.stop("influxd")
    influx.start("influxd")
    ingest.start()
    wait_until(ingest.is_ready, 30)
    wait_until(lambda: all(agent.n_rebirths for agent in fleet.agents))
    sweeps(3, is_dark=True)
    assert [f["id"] for f in api.faults("any")] == [fault["id"]]

    repaired = api.ask(f"/api/v1/faults/{fault['id']}/actions", {"action_id": str(ULID()), "action": "repair"})
    assert repaired["state"] == "repaired"
    sweeps(14, is_dark=False)
    wait_until(lambda: not api.faults())
    (closed,) = api.faults("any")
    assert (closed["id"], closed["state"]) == (fault["id"], "closed")
    kinds = [entry["kind"] for entry in api.ask(f"/api/v1/faults/{fault['id']}")["timeline"]]
    assert kinds == ["opened", "repair", "closed"]

    start = datetime.fromtimestamp(began_ms / 1000, UTC).isoformat().replace("+00:00", "Z")

    def powers() -> list[float | None]:
        column: list[float | None] = api.ask(f"/api/v1/lamps/L-001-003/readings?start={start}")["columns"]["power_w"]
        return column

    # up to "now", which the API knows from the live picture: it is drawn every other second
    wait_until(lambda: len(powers()) == N_SWEEPS)
    assert powers() == [90.0] * 12 + [0.0] * 17 + [90.0] * 14
    assert influx.count("lamps", "power_w", bucket) == N_SWEEPS * N_CONTROLLERS * N_LAMPS
    database = database_url.rsplit("/", 1)[1]
    assert postgresql.execute("SELECT code, lamp_id, state FROM faults", database) == [
        ("lampFailure", "L-001-003", "closed")
    ]
    assert not (city / "data" / "telemetry").exists()
    assert not (city / "data" / "terang.db").exists()


def evening_ms() -> int:
    """Today at 20:00 in Jakarta, or yesterday's: the lamps are on, and nothing lies in the future."""
    day_ms = 86_400_000
    evening = int(time.time() * 1000) // day_ms * day_ms + 13 * 3_600_000
    return evening - day_ms
