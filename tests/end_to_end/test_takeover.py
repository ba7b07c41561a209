"""Three workers serve six cities' groups; one is killed or hangs under load, and the others take its groups over."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from edge_agent.wire import decode_state
from tests.ingest.city_stand import (
    REPOSITORY,
    Mosquitto,
    PlayedFleet,
    stored_readings,
    stored_records,
    wait_until,
    write_city,
)
from tests.postgresql_server import PostgresqlServer

N_WORKERS, N_GROUPS, N_CONTROLLERS, N_LAMPS = 3, 6, 3, 10
SWEEP_S, RESEND_SWEEPS = 0.5, 4
TAKEOVER_S = 30

pytestmark = [pytest.mark.chaos, pytest.mark.end_to_end, pytest.mark.timeout(240)]


class Worker:
    def __init__(self, number: int, folder: Path, cities: list[Path]) -> None:
        self.log = folder / f"worker-{number}.log"
        command = [sys.executable, "-m", "ingest", "worker", "--clock", "data"]
        for city in cities:
            command += ["--city", str(city)]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)

    def served(self) -> set[str]:
        held: set[str] = set()
        for words, group in re.findall(r"(serves no longer|serves) .*group=(\w+)", self.log.read_text()):
            held = held | {group} if words == "serves" else held - {group}
        return held

    def wake(self) -> None:
        """Whatever it was doing when it was stopped, it goes on with now."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class StateEar:
    """What agents hear on STATE: the word with the newest time counts."""

    def __init__(self, port: int) -> None:
        self.newest: dict[str, tuple[int, bool]] = {}
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda *_: self._client.subscribe("spBv1.0/STATE/+", 1)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _hear(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        is_online, at_ms = decode_state(message.payload)
        host = message.topic.rsplit("/", 1)[1]
        if at_ms >= self.newest.get(host, (0, False))[0]:
            self.newest[host] = (at_ms, is_online)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Load:
    """Every group's agents, sweeping and sending again, in a thread; lamp 0 of controller 0 is dark."""

    def __init__(self, port: int, groups: list[str]) -> None:
        self.fleets = {group: PlayedFleet(port, N_CONTROLLERS, N_LAMPS, n, group) for n, group in enumerate(groups)}
        for fleet in self.fleets.values():
            fleet.at_ms -= 3 * 3_600_000
            fleet.birth()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def _play(self) -> None:
        n_sweeps = 0
        while not self._stop.wait(SWEEP_S):
            n_sweeps += 1
            for fleet in self.fleets.values():
                with fleet.lock:
                    fleet.at_ms += 30_000
                    for agent in fleet.agents:
                        values = agent.values()
                        if agent.number == 0:
                            powers = values["Lamps/Power"]
                            assert isinstance(powers, bytes)
                            values["Lamps/Power"] = bytes(4) + powers[4:]
                        agent.sweep(values)
                    if n_sweeps % RESEND_SWEEPS == 0:
                        fleet.resend()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def faults_of(postgresql: PostgresqlServer, url: str) -> list[tuple[object, ...]]:
    database = url.rsplit("/", 1)[1]
    return postgresql.execute(
        "SELECT code, faults.lamp_id, faults.state, array_agg(kind ORDER BY seq) FROM faults "
        "JOIN fault_events ON fault_id = faults.id GROUP BY faults.id ORDER BY faults.id",
        database,
    )


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_a_workers_groups_are_taken_over_within_30_s_and_nothing_is_lost_or_doubled(
    tmp_path: Path,
    require_debian: Callable[[str], Path],
    postgresql: PostgresqlServer,
    stack: ExitStack,
    blow: signal.Signals,
) -> None:
    broker = Mosquitto(require_debian("mosquitto"), tmp_path)
    stack.callback(broker.stop)
    broker.start()
    groups = [f"city{n}" for n in range(N_GROUPS)]
    urls = {group: postgresql.make_database() for group in groups}
    cities = {
        group: write_city(
            tmp_path / group,
            n_controllers=N_CONTROLLERS,
            n_lamps=N_LAMPS,
            broker_port=broker.port,
            more=f'[database]\nurl = "{urls[group]}"\n',
            group=group,
        )
        for group in groups
    }
    workers = [Worker(n, tmp_path, list(cities.values())) for n in range(N_WORKERS)]
    for worker in workers:
        stack.callback(worker.kill)
    ear = StateEar(broker.port)
    stack.callback(ear.close)
    load = Load(broker.port, groups)
    for fleet in load.fleets.values():
        stack.callback(fleet.close)
    stack.callback(load.stop)

    def words() -> str:
        return "\n".join(f"--- {worker.log.name}\n{worker.log.read_text()[-3000:]}" for worker in workers)

    def wait(is_true: Callable[[], bool], what: str, seconds: float) -> None:
        try:
            wait_until(is_true, seconds)
        except AssertionError:
            raise AssertionError(f"{what} did not come within {seconds} s\n{words()}") from None

    wait(
        lambda: all(len(worker.served()) == N_GROUPS // N_WORKERS for worker in workers), "a fair share", 90
    )  # three starts, on a machine that may be busy
    wait(lambda: all(faults_of(postgresql, url) for url in urls.values()), "a fault in every city", 20)

    orphans = workers[0].served()
    killed_at = time.monotonic()
    workers[0].process.send_signal(blow)
    newest = {group: max(agent.sequence for agent in load.fleets[group].agents) for group in groups}

    def is_acknowledged(group: str) -> bool:
        return all(agent.acknowledged > newest[group] for agent in load.fleets[group].agents)

    took_s: dict[str, float] = {}

    def note() -> bool:
        for group in orphans - took_s.keys():
            if is_acknowledged(group):
                took_s[group] = time.monotonic() - killed_at
        return took_s.keys() == orphans

    wait(note, "the takeover", TAKEOVER_S)
    standing = workers[1:]
    if blow == signal.SIGSTOP:
        workers[0].wake()
        wait(lambda: not workers[0].served() & orphans, "the hung worker's leaving", 30)
        standing = workers
    load.stop()
    for fleet in load.fleets.values():
        fleet.resend()
        wait(fleet.is_settled, "the last acknowledgement", 20)
    assert [worker.served() & orphans for worker in workers[1:]] != [set(), set()]
    assert {host: word[1] for host, word in ear.newest.items()} == dict.fromkeys(groups, True)
    for worker in standing:
        worker.process.terminate()
    assert [worker.process.wait(20) for worker in standing] == [0] * len(standing), words()

    lost = doubled = n_records = 0
    for group in groups:
        records = stored_records(cities[group])
        sent = {
            (agent.node, agent.epoch, s) for agent in load.fleets[group].agents for s in range(1, agent.sequence + 1)
        }
        lost += len(sent - set(records))
        doubled += len(records) - len(set(records))
        n_records += len(sent)
        assert len(set(stored_readings(cities[group]))) == 1
        assert faults_of(postgresql, urls[group]) == [("lampFailure", "L-000-000", "open", ["opened"])], words()
    print(
        f"{N_WORKERS} workers, {N_GROUPS} groups, {blow.name} to one with {len(orphans)}: taken over and acknowledging "
        f"after {max(took_s.values()):.1f} s; {n_records} records: lost {lost}, doubled {doubled}"
    )
    assert (lost, doubled) == (0, 0)
