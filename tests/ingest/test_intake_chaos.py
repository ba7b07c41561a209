"""Ingest killed at random moments under full load, and a disk that refuses: nothing lost, doubled or reopened.

``TERANG_CHAOS_KILLS`` and ``TERANG_CHAOS_SEED`` play more kills, or others.
"""

import os
import random
import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.ingest.city_stand import (
    IngestProcess,
    Mosquitto,
    lamp_name,
    stored_readings,
    stored_records,
    wait_until,
    write_city,
)
from tests.ingest.played_agents import PlayedFleet

N_CONTROLLERS, N_LAMPS = 6, 40
N_KILLS = int(os.environ.get("TERANG_CHAOS_KILLS", "4"))
SEED = int(os.environ.get("TERANG_CHAOS_SEED", "11"))
N_DARK = 3  # lamps that are dark at a time


class Stand:
    def __init__(self, folder: Path, program: Path, *options: str, more: str = "") -> None:
        self.broker = Mosquitto(program, folder)
        self.broker.start()
        self.city = write_city(
            folder / "city", n_controllers=N_CONTROLLERS, n_lamps=N_LAMPS, broker_port=self.broker.port, more=more
        )
        self.ingest = IngestProcess(self.city, *options)
        self.ingest.start()
        wait_until(self.ingest.is_ready, 60)
        self.fleet = PlayedFleet(self.broker.port, N_CONTROLLERS, N_LAMPS)

    def faults(self, code: str) -> dict[str, list[tuple[str, list[str]]]]:
        """State and timeline of every fault of a code, by lamp."""
        found: dict[str, list[tuple[str, list[str]]]] = {}
        with sqlite3.connect(self.city / "data" / "terang.db") as database:
            query = "SELECT kind FROM fault_events WHERE fault_id = ? ORDER BY seq"
            rows = database.execute(
                "SELECT id, lamp_id, state FROM faults WHERE code = ? ORDER BY id", [code]
            ).fetchall()
            for fault, lamp, state in rows:
                kinds = [kind for (kind,) in database.execute(query, [fault])]
                found.setdefault(lamp, []).append((state, kinds))
        return found

    def close(self) -> None:
        self.fleet.close()
        self.ingest.kill()
        self.broker.stop()


@pytest.fixture
def open_stand(tmp_path: Path, require_debian: Callable[[str], Path]) -> Iterator[Callable[..., Stand]]:
    opened: list[Stand] = []

    def open_one(*options: str, more: str = "") -> Stand:
        opened.append(Stand(tmp_path, require_debian("mosquitto"), *options, more=more))
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


class Load(threading.Thread):
    """Agents at full speed: a window of unacknowledged records each, the old ones sent again, chosen lamps dark."""

    WINDOW, RESEND_S = 40, 1.0

    def __init__(self, fleet: PlayedFleet) -> None:
        super().__init__()
        self._fleet = fleet
        self._is_stopped = threading.Event()
        self.dark: set[tuple[int, int]] = set()
        self.n_sweeps = 0

    def run(self) -> None:
        resend_at = time.monotonic() + self.RESEND_S
        while not self._is_stopped.wait(0.003):
            with self._fleet.lock:
                if max(len(agent.outbox) for agent in self._fleet.agents) < self.WINDOW:
                    self._sweep()
                if time.monotonic() >= resend_at:
                    self._fleet.resend()
                    resend_at = time.monotonic() + self.RESEND_S

    def _sweep(self) -> None:
        self._fleet.at_ms += 60_000
        self.n_sweeps += 1
        for agent in self._fleet.agents:
            power = np.full(agent.n_lamps, 90, "<f4")
            power[[lamp for number, lamp in self.dark if number == agent.number]] = 0.3
            agent.sweep(agent.values(**{"Lamps/Power": power.tobytes()}))

    def stop(self) -> None:
        self._is_stopped.set()
        self.join()


def lamp_of_round(number: int) -> tuple[int, int]:
    """A lamp for each kill, far from the ones before it."""
    return number % N_CONTROLLERS, 2 * (number // N_CONTROLLERS) % N_LAMPS


@pytest.mark.chaos
@pytest.mark.timeout(180 + 12 * N_KILLS)
@pytest.mark.parametrize("store", ["parquet", "influxdb"])
def test_kills_at_random_moments_lose_and_double_nothing(
    open_stand: Callable[..., Stand], request: pytest.FixtureRequest, tmp_path: Path, store: str
) -> None:
    more, influx = "", None
    if store == "influxdb":
        influx = request.getfixturevalue("influx")
        more = f'[telemetry]\nurl = "{influx.new_bucket(tmp_path.name)}"\n'
    stand = open_stand("--clock", "data", more=more)
    fleet, rng = stand.fleet, random.Random(SEED)

    def stored() -> list[tuple[str, int, int]]:
        if influx is None:
            return stored_records(stand.city)
        found = influx.ask('SELECT "epoch", "sequence" FROM cabinets GROUP BY controller_id', tmp_path.name)
        return [(series["tags"]["controller_id"], *row[1:]) for series in found for row in series["values"]]

    def is_known(number: int) -> bool:
        lamp = lamp_name(*lamp_of_round(number))
        return lamp in stand.faults("lampFailure")

    def sweep_on(n_sweeps: int) -> None:
        end = load.n_sweeps + n_sweeps
        wait_until(lambda: load.n_sweeps >= end, 60)

    fleet.birth()
    load = Load(fleet)
    load.start()
    n_acknowledged = 0
    try:
        sweep_on(60)
        for number in range(N_KILLS):
            load.dark.add(lamp_of_round(number))
            if number >= N_DARK:
                load.dark.discard(lamp_of_round(number - N_DARK))
            time.sleep(rng.uniform(0, 2.5))
            stand.ingest.kill()
            with fleet.lock:
                promised = [(agent.node, agent.epoch, agent.acknowledged) for agent in fleet.agents]
            held = set(stored())
            for node, epoch, last in promised:
                assert held >= {(node, epoch, n + 1) for n in range(last)}, "acknowledged and not stored"
            n_acknowledged = sum(last for _, _, last in promised)
            stand.ingest.start()
            if rng.random() < 0.5:  # the other half is killed while it starts, or soon after
                wait_until(stand.ingest.is_ready, 60)
                wait_until(lambda number=number: is_known(number), 60)
        wait_until(stand.ingest.is_ready, 60)
        wait_until(lambda: all(is_known(number) for number in range(max(0, N_KILLS - N_DARK), N_KILLS)), 60)
        sweep_on(20)
    finally:
        load.stop()
    settle(fleet)
    assert stand.ingest.stop() == 0
    records = stored()
    sent = {(agent.node, agent.epoch, n + 1) for agent in fleet.agents for n in range(agent.sequence)}
    lost, doubled = len(sent - set(records)), len(records) - len(set(records))
    n_readings = influx.count("lamps", "quality", tmp_path.name) if influx else stored_readings(stand.city)[0]
    faults = stand.faults("lampFailure")
    print(
        f"{store}: {N_KILLS} kills, seed {SEED}: {len(sent)} records sent, {n_acknowledged} acknowledged before the "
        f"last kill, {len(records)} stored: lost {lost}, doubled {doubled}; {n_readings} readings, {len(faults)} faults"
    )
    assert set(records) == sent
    assert (lost, doubled, n_readings) == (0, 0, len(sent) * N_LAMPS)
    if influx is None:
        assert stored_readings(stand.city) == (n_readings, n_readings)
    still_dark = {lamp_name(*lamp) for lamp in load.dark}
    assert {lamp for lamp, found in faults.items() if found[-1][0] != "closed"} == still_dark
    ever_dark = {lamp_name(*lamp_of_round(number)) for number in range(N_KILLS)}
    assert faults.keys() <= ever_dark
    for lamp, found in faults.items():
        kinds = [kind for _, timeline in found for kind in timeline]
        assert len(found) == 1, f"{lamp} doubled: {found}"
        assert kinds.count("opened") == 1, f"{lamp}: {kinds}"
        assert "reopened" not in kinds, f"{lamp}: {kinds}"


def test_a_disk_that_refuses_holds_every_acknowledgement_and_recovers(open_stand: Callable[..., Stand]) -> None:
    stand = open_stand()
    stand.fleet.birth()
    stand.fleet.sweep(dt_ms=1000)
    stand.fleet.settle()
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
    stand.fleet.settle()
    wait_until(stand.ingest.is_ready)
    assert len(stored_records(stand.city)) == len(set(stored_records(stand.city))) == 3 * N_CONTROLLERS
