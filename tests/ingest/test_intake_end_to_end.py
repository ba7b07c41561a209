"""The whole intake on a real Mosquitto: what agents send is stored once and acknowledged."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ingest.city_stand import IngestProcess, Mosquitto, stored_readings, stored_records, wait_until, write_city
from tests.ingest.played_agents import PlayedFleet

N_CONTROLLERS, N_LAMPS = 4, 6


class Stand:
    def __init__(self, folder: Path, program: Path) -> None:
        self.broker = Mosquitto(program, folder)
        self.broker.start()
        self.city = write_city(
            folder / "city", n_controllers=N_CONTROLLERS, n_lamps=N_LAMPS, broker_port=self.broker.port
        )
        self.ingest = IngestProcess(self.city)
        self.ingest.start()
        wait_until(self.ingest.is_ready)
        self.fleet = PlayedFleet(self.broker.port, N_CONTROLLERS, N_LAMPS)
        self.fleet.at_ms -= 3_600_000

    def close(self) -> None:
        self.fleet.close()
        self.ingest.kill()
        self.broker.stop()


@pytest.fixture
def stand(tmp_path: Path, require_debian: Callable[[str], Path]) -> Iterator[Stand]:
    opened = Stand(tmp_path, require_debian("mosquitto"))
    yield opened
    opened.close()


def test_every_sweep_is_stored_once_and_acknowledged(stand: Stand) -> None:
    stand.fleet.birth()
    for _ in range(5):
        stand.fleet.sweep()
    stand.fleet.settle()
    records = stored_records(stand.city)
    assert len(records) == len(set(records)) == 5 * N_CONTROLLERS
    assert stored_readings(stand.city) == (5 * N_CONTROLLERS * N_LAMPS,) * 2


def test_data_before_birth_asks_for_a_rebirth(stand: Stand) -> None:
    stand.fleet.sweep()
    wait_until(lambda: all(agent.n_rebirths == 1 for agent in stand.fleet.agents))
    stand.fleet.resend()
    stand.fleet.settle()
    assert len(set(stored_records(stand.city))) == N_CONTROLLERS


def test_what_is_sent_twice_is_stored_once_across_a_kill(stand: Stand) -> None:
    stand.fleet.birth()
    stand.fleet.sweep()
    stand.fleet.settle()
    agent = stand.fleet.agents[0]
    agent.outbox[1] = (stand.fleet.at_ms, agent.values())
    stand.ingest.kill()
    stand.ingest.start()
    wait_until(stand.ingest.is_ready)
    stand.fleet.birth()
    stand.fleet.resend()
    stand.fleet.settle()
    assert len(stored_records(stand.city)) == N_CONTROLLERS
    assert stand.ingest.stop() == 0
