"""The stand for intake's tests: a city folder, a real Mosquitto, ingest as a process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import duckdb

from ingest.schema.segments import table_files

REPOSITORY = Path(__file__).parents[2]
GROUP = "terang"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(is_true: Callable[[], bool], timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def write_city(
    folder: Path, *, n_controllers: int, n_lamps: int, broker_port: int, more: str = "", group: str = GROUP
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{lamp_name(c, i)},C-{c:03d},1,{i + 1},survey,{0.5 + c * 0.01 + i * 0.0002:.6f},102.0,90,LED,"
        f"A,{i + 1},lamp-node,R,true"
        for c in range(n_controllers)
        for i in range(n_lamps)
    ]
    header = (
        "lamp_id,cabinet_id,circuit,position,position_source,latitude,longitude,rated_power_w,technology,bus,address,"
    )
    (folder / "lamps.csv").write_text(header + "profile,phase,dimmable\n" + "\n".join(rows) + "\n")
    cabinets = [f"C-{c:03d},PJU-{c:03d},Panel {c},{0.5 + c * 0.01:.6f},102.0,lamp" for c in range(n_controllers)]
    header = "cabinet_id,controller_id,name,latitude,longitude,switching\n"
    (folder / "cabinets.csv").write_text(header + "\n".join(cabinets) + "\n")
    url = f'[broker]\nurl = "mqtt://127.0.0.1:{broker_port}"\n'
    (folder / "city.toml").write_text(f'[city]\nname = "Kota Uji"\ngroup = "{group}"\nhost_id = "{group}"\n{url}{more}')
    return folder


def lamp_name(controller: int, lamp: int) -> str:
    return f"L-{controller:03d}-{lamp:03d}"


class Mosquitto:
    def __init__(self, program: Path, folder: Path, more: str = "") -> None:
        self.port = free_port()
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n{more}")
        self.log_path = folder / "mosquitto.log"
        self._command = [str(program), "-c", str(config)]
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=log)
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 0.2).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class IngestProcess:
    """terang-ingest over one city."""

    def __init__(self, city: Path, *options: str) -> None:
        self.city = city
        self.status_port = free_port()
        self._options = options
        self.process: subprocess.Popen | None = None
        self._log = (city / "ingest.log").open("ab")

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "ingest",
            "--city",
            str(self.city),
            "--status",
            f"127.0.0.1:{self.status_port}",
        ]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        self.process = subprocess.Popen(
            [*command, *self._options], env=environment, stdout=self._log, stderr=self._log, cwd=self.city
        )

    def kill(self) -> None:
        """As the power does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def page(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.status_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self) -> bool:
        return self.page("/readyz")[0] == 200

    def counter(self, name: str) -> float:
        lines = [line for line in self.page("/metrics")[1].splitlines() if line.startswith(name)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def log(self) -> str:
        return (self.city / "ingest.log").read_text()


def stored_records(city: Path) -> list[tuple[str, int, int]]:
    """Every (controller, epoch, sequence) of the store, each as often as it is there."""
    files = [str(path) for path in table_files(city / "data" / "telemetry", "cabinets")]
    if not files:
        return []
    query = "SELECT controller_id, epoch, sequence FROM read_parquet($1)"
    return [(c, int(e), int(s)) for c, e, s in duckdb.execute(query, [files]).fetchall()]


def stored_readings(city: Path) -> tuple[int, int]:
    """Lamp rows in the store, and how many different ones."""
    files = [str(path) for path in table_files(city / "data" / "telemetry", "lamps")]
    if not files:
        return 0, 0
    query = "SELECT count(*), count(DISTINCT (controller_id, epoch, sequence, lamp_id)) FROM read_parquet($1)"
    row = duckdb.execute(query, [files]).fetchone()
    assert row is not None
    return row


def quarantined(city: Path) -> list[dict[str, object]]:
    path = city / "data" / "quarantine.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
