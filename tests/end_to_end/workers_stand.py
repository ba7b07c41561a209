"""Workers as processes, what agents hear of them, and the load that they are under."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import paho.mqtt.client as mqtt

from edge_agent.wire import decode_state
from tests.ingest.city_stand import REPOSITORY, Mosquitto, wait_until, write_city
from tests.ingest.played_agents import PlayedFleet
from tests.postgresql_server import PostgresqlServer

N_WORKERS, N_GROUPS, N_CONTROLLERS, N_LAMPS = 3, 6, 3, 10
SWEEP_S, RESEND_SWEEPS = 0.5, 4


class Worker:
    def __init__(self, number: int, folder: Path, cities: list[Path], status: str = "") -> None:
        self.log = folder / f"worker-{number}.log"
        command = [sys.executable, "-m", "ingest", "worker", "--clock", "data", "--status", status]
        for city in cities:
            command += ["--city", str(city)]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)

    def served(self) -> set[str]:
        held: set[str] = set()
        for words, group in re.findall(r"(stopped serving|serving) .*group=(\w+)", self.log.read_text()):
            held = held | {group} if words == "serving" else held - {group}
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


def faults_of(postgresql: PostgresqlServer, url: str) -> list[tuple[object, ...]]:
    database = url.rsplit("/", 1)[1]
    return postgresql.execute(
        "SELECT code, faults.lamp_id, faults.state, array_agg(kind ORDER BY seq) FROM faults "
        "JOIN fault_events ON fault_id = faults.id GROUP BY faults.id ORDER BY faults.id",
        database,
    )


def write_cities(folder: Path, broker_port: int, urls: dict[str, str]) -> dict[str, Path]:
    """A city's folder for each group, with its database."""
    return {
        group: write_city(
            folder / group,
            n_controllers=N_CONTROLLERS,
            n_lamps=N_LAMPS,
            broker_port=broker_port,
            more=f'[database]\nurl = "{url}"\n',
            group=group,
        )
        for group, url in urls.items()
    }


def set_up(
    stack: ExitStack, folder: Path, mosquitto: Path, urls: dict[str, str], n_workers: int
) -> tuple[Mosquitto, dict[str, Path], list[Worker], Load]:
    """A broker, a city for each group, workers that share them, and agents at work; ``stack`` ends them all."""
    broker = Mosquitto(mosquitto, folder)
    stack.callback(broker.stop)
    broker.start()
    cities = write_cities(folder, broker.port, urls)
    workers = [Worker(n, folder, list(cities.values())) for n in range(n_workers)]
    for worker in workers:
        stack.callback(worker.kill)
    load = Load(broker.port, list(urls))
    for fleet in load.fleets.values():
        stack.callback(fleet.close)
    stack.callback(load.stop)
    return broker, cities, workers, load


def words_of(workers: list[Worker]) -> str:
    """The last of what each worker logged."""
    return "\n".join(f"--- {worker.log.name}\n{worker.log.read_text()[-4000:]}" for worker in workers)


def wait_for(workers: list[Worker], is_true: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait for something, and say what the workers said if it does not come."""
    try:
        wait_until(is_true, seconds)
    except AssertionError:
        raise AssertionError(f"{what} did not come within {seconds} s\n{words_of(workers)}") from None
