"""Ingest killed at random moments under load, and a disk that refuses: nothing lost, nothing doubled, one fault."""

import random
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.ingest.city_stand import (
    IngestProcess,
    Mosquitto,
    PlayedFleet,
    stored_readings,
    stored_records,
    wait_until,
    write_city,
)

N_CONTROLLERS, N_LAMPS = 5, 8


class Stand:
    def __init__(self, folder: Path, program: Path, *options: str) -> None:
        self.broker = Mosquitto(program, folder)
        self.broker.start()
        self.city = write_city(
            folder / "city", n_controllers=N_CONTROLLERS, n_lamps=N_LAMPS, broker_port=self.broker.port
        )
        self.ingest = IngestProcess(self.city, *options)
        self.ingest.start()
        wait_until(self.ingest.is_ready, 60)
        self.fleet = PlayedFleet(self.broker.port, N_CONTROLLERS, N_LAMPS)

    def faults(self, code: str) -> list[tuple[str, list[str]]]:
        """State and timeline of every fault of a code."""
        with sqlite3.connect(self.city / "data" / "terang.db") as database:
            found = database.execute("SELECT id, state FROM faults WHERE code = ?", [code]).fetchall()
            query = "SELECT kind FROM fault_events WHERE fault_id = ? ORDER BY seq"
            return [(state, [kind for (kind,) in database.execute(query, [fault])]) for fault, state in found]

    def close(self) -> None:
        self.fleet.close()
        self.ingest.kill()
        self.broker.stop()


@pytest.fixture
def open_stand(tmp_path: Path, require_debian: Callable[[str], Path]) -> Iterator[Callable[..., Stand]]:
    opened: list[Stand] = []

    def open_one(*options: str) -> Stand:
        opened.append(Stand(tmp_path, require_debian("mosquitto"), *options))
        return opened[-1]

    yield open_one
    for stand in opened:
        stand.close()


def settle(fleet: PlayedFleet) -> None:
    """As agents do: what stays unacknowledged is sent again until it is acknowledged."""
    for _ in range(20):
        fleet.resend()
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            if fleet.is_settled():
                return
            time.sleep(0.05)
    raise AssertionError("some records are never acknowledged")


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_kills_at_random_moments_lose_and_double_nothing(open_stand: Callable[..., Stand]) -> None:
    stand = open_stand("--clock", "data")
    fleet, rng = stand.fleet, random.Random(11)
    fleet.birth()
    dark = np.full(N_LAMPS, 90, "<f4")
    dark[3] = 0.3

    def play(n_sweeps: int) -> None:
        for _ in range(n_sweeps):
            with fleet.lock:
                fleet.at_ms += 60_000
                for agent in fleet.agents:
                    is_dark = agent.number == 2 and agent.sequence >= 30
                    agent.sweep(agent.values(**({"Lamps/Power": dark.tobytes()} if is_dark else {})))
            time.sleep(0.005)

    play(60)
    for _ in range(3):
        play(rng.randrange(5, 60))
        time.sleep(rng.uniform(0, 0.3))
        stand.ingest.kill()
        play(rng.randrange(5, 20))
        stand.ingest.start()
        time.sleep(rng.uniform(0, 2.5))
    wait_until(stand.ingest.is_ready, 60)
    play(20)
    settle(fleet)
    records = stored_records(stand.city)
    sent = {(agent.node, agent.epoch, n + 1) for agent in fleet.agents for n in range(agent.sequence)}
    assert len(records) == len(set(records))
    assert set(records) == sent
    assert stored_readings(stand.city) == (len(sent) * N_LAMPS,) * 2
    assert stand.ingest.stop() == 0
    faults = stand.faults("lampFailure")
    assert [state for state, _ in faults] == ["open"]
    assert faults[0][1].count("opened") == 1
    assert "reopened" not in faults[0][1]


def test_a_disk_that_refuses_holds_every_acknowledgement_and_recovers(open_stand: Callable[..., Stand]) -> None:
    stand = open_stand()
    stand.fleet.birth()
    stand.fleet.sweep(dt_ms=1000)
    wait_until(stand.fleet.is_settled)
    assert stand.ingest.process is not None
    pid = stand.ingest.process.pid
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (100, unlimited[1]))
    stand.fleet.sweep(dt_ms=1000)
    wait_until(lambda: stand.ingest.page("/readyz")[0] == 503)
    assert "telemetry" in stand.ingest.page("/readyz")[1]
    assert stand.ingest.page("/healthz")[0] == 200
    stand.fleet.sweep(dt_ms=1000)
    time.sleep(1.5)
    assert all(agent.acknowledged == 1 for agent in stand.fleet.agents)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    wait_until(stand.fleet.is_settled, 30)
    wait_until(stand.ingest.is_ready)
    assert len(stored_records(stand.city)) == len(set(stored_records(stand.city))) == 3 * N_CONTROLLERS
