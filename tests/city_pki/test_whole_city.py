"""A city with certificates and signed orders, from the commands to the cabinet: real broker, ingest and agents."""

from __future__ import annotations

import getpass
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.city_stand import IngestProcess, free_port, wait_until, write_city

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(REPOSITORY), "TERANG_LANGUAGE": "en"}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=ENVIRONMENT, check=False)


def terang_city(*arguments: str | Path) -> str:
    done = run("ingest.city", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Cabinet:
    """One agent as a process; nobody answers on its bus, which it reports like everything else."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "agent.toml"
        text = (
            self.config.read_text().replace("interval_s = 60", "interval_s = 1").replace("_day_s = 300", "_day_s = 1")
        )
        text = text.replace("retention_days = 30", "retention_days = 30\nresend_after_s = 2")
        self.config.write_text(text.replace("/var/lib/terang/", f"{folder}/"))
        self.log = (folder / "agent.log").open("ab")
        self.status_file = folder / "outbox.db.status.json"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "edge_agent", "run", "--config", str(self.config)]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, cwd=REPOSITORY, env=ENVIRONMENT)

    def status(self) -> dict:
        try:
            return json.loads(self.status_file.read_text())
        except (OSError, ValueError):
            return {}

    def schedule(self) -> str:
        return run("edge_agent", "schedule", "show", "--config", self.config).stdout

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


class City:
    """Everything that a city with certificates runs."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.port = free_port()
        self.folder = write_city(folder / "kota", n_controllers=2, n_lamps=2, broker_port=1)
        toml = self.folder / "city.toml"
        files = (
            'ca = "pki/ca.crt"\ncert = "pki/host.crt"\nkey = "pki/host.key"\n[keys]\nworking_key = "pki/orders.key"\n'
        )
        text = toml.read_text().replace('"mqtt://127.0.0.1:1"\n', f'"mqtts://localhost:{self.port}"\n{files}')
        toml.write_text(text)
        where = ("--city", self.folder)
        self.recovery = folder / "recovery.key"
        names = ("--broker-name", "localhost", "--port", str(self.port))
        terang_city("ca", "init", *names, "--root-key", folder / "root.key", *where)
        terang_city("keys", "init", "--recovery", self.recovery, *where)
        self.cabinets = []
        for number in range(2):
            out = folder / f"cabinet-{number}"
            terang_city("enroll", f"PJU-{number:03d}", "--out", out, *where)
            self.cabinets.append(Cabinet(out))
        config = folder / "mosquitto.conf"
        listener = (self.folder / "broker" / "mosquitto-tls.conf").read_text()
        self.pid_file = folder / "mosquitto.pid"
        config.write_text(f"{listener}user {getpass.getuser()}\npid_file {self.pid_file}\n")
        log = (folder / "mosquitto.log").open("ab")
        self.broker = subprocess.Popen([str(program), "-c", str(config)], stdout=log, stderr=log)
        self.ingest = IngestProcess(self.folder)

    def stop(self) -> None:
        for cabinet in self.cabinets:
            cabinet.stop()
        self.ingest.kill()
        self.broker.terminate()
        self.broker.wait()


@pytest.fixture
def city(require_debian, tmp_path) -> Iterator[City]:
    city = City(require_debian("mosquitto"), tmp_path)
    yield city
    city.stop()


@pytest.mark.end_to_end
@pytest.mark.timeout(300)
def test_records_orders_another_key_and_a_revocation(city: City) -> None:
    one, two = city.cabinets
    city.ingest.start()
    wait_until(city.ingest.is_ready, 60)
    for cabinet in city.cabinets:
        cabinet.start()
    for cabinet in city.cabinets:
        wait_until(lambda c=cabinet: c.status().get("is_connected"), 60)
        wait_until(lambda c=cabinet: '"version"' in c.schedule(), 60)  # signed, sent, checked, held
        n = cabinet.status()["outbox_sequence"]
        wait_until(lambda c=cabinet, n=n: c.status()["outbox_sequence"] - c.status()["outbox_pending"] > n, 60)

    terang_city("keys", "rotate", "--recovery", city.recovery, "--city", city.folder)
    toml = city.folder / "city.toml"
    toml.write_text(toml.read_text() + '[schedule]\non = "17:59"\n')
    assert city.ingest.stop() == 0
    city.ingest.start()
    for cabinet in city.cabinets:
        wait_until(
            lambda c=cabinet: '"17:59"' in c.schedule(), 90
        )  # by the new key, which the recovery key vouches for

    gone = terang_city("revoke", "PJU-000", "--city", city.folder, "--pid-file", city.pid_file)
    assert "session ended" in gone
    wait_until(lambda: one.status().get("is_connected") is False, 60)
    n = two.status()["outbox_sequence"]
    wait_until(lambda: two.status()["outbox_sequence"] - two.status()["outbox_pending"] > n, 60)
    assert two.status()["is_connected"]
    secret = (city.folder / "pki" / "orders.key").read_text().strip()
    logs = [city.ingest.log(), *(cabinet.log.name and Path(cabinet.log.name).read_text() for cabinet in city.cabinets)]
    assert all(secret not in log and "PRIVATE KEY" not in log for log in logs)
