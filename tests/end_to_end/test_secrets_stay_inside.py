"""Secrets with marks in them, through the real programs: no log, answer, list of processes or backup shows one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.ingest.city_stand import free_port, wait_until, write_city

MARK = "Geheim7f3a"
DATABASE_URL = f"postgresql+psycopg://terang:{MARK}-database@127.0.0.1:1/terang"
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(REPOSITORY),
    "TERANG_OIDC_CLIENT_SECRET": f"{MARK}-oidc",
    "TERANG_BROKER_PASSWORD": f"{MARK}-broker",
    "TERANG_TELEMETRY_TOKEN": f"{MARK}-telemetry",
}
MORE = """[telemetry]
url = "influxdb://127.0.0.1:1?org=o&bucket=b"
[oidc]
issuer = "http://127.0.0.1:1/realm"
client_id = "terang"
roles = { kru = "crew" }
"""
PASSWORD = f"{MARK} sandi lampu"


class Stand:
    """A city whose every secret carries a mark or is known, the programs that run on it, and all that they said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "city"
        self.said: list[str] = []
        self.secrets = [MARK]
        self._logs: list[Path] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def run(self, module: str, *arguments: object, code: int | None = 0, stdin: str = "", **environment: str) -> str:
        """A command that ends; what it says on standard error is kept, standard output is for the caller."""
        command = [sys.executable, "-m", module, *map(str, arguments)]
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**ENVIRONMENT, **environment},
        )
        assert code is None or done.returncode == code, done.stderr
        self.said.append(done.stderr)
        return done.stdout

    def start(self, module: str, *arguments: object, **environment: str) -> Path:
        """A program that stays; where it writes its log."""
        log = self.folder.parent / f"{len(self._logs)}.log"
        self._logs.append(log)
        with log.open("wb") as file:
            command = [sys.executable, "-m", module, *map(str, arguments)]
            process = subprocess.Popen(command, stdout=file, stderr=file, env={**ENVIRONMENT, **environment})
        self._processes.append(process)
        return log

    def command_lines(self) -> str:
        """The list of processes, as everybody on the machine sees it."""
        lines = [Path(f"/proc/{one.pid}/cmdline").read_bytes() for one in self._processes]
        return b"\n".join(lines).replace(b"\0", b" ").decode()

    def ask(self, port: int, path: str, method: str = "GET", body: object = None, **headers: str) -> str:
        """The whole answer, headers first; cookies are the browser's to know."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            answer = urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            shown = [f"{name}: {value}" for name, value in answer.headers.items() if name.lower() != "set-cookie"]
            self.said.append("\n".join([f"{method} {path} {answer.status}", *shown, answer.read().decode()]))
        return self.said[-1]

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(20)
        self.said += [log.read_text(errors="replace") for log in self._logs]
        self._processes, self._logs = [], []


def key_material(folder: Path) -> list[str]:
    """Telling parts of the keys that stand in files: the hexadecimal digits of one, a line of a PEM file's middle."""
    found = []
    for path in folder.rglob("*.key"):
        lines = path.read_text().splitlines()
        found.append(lines[len(lines) // 2].strip())
    return found


@pytest.fixture(scope="module")
def stand(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    stand = Stand(folder)
    request.addfinalizer(stand.stop)  # noqa: PT021  (of what is made here nothing outlives a failure, before a yield too)
    port = free_port()
    write_city(stand.folder, n_controllers=1, n_lamps=2, broker_port=1, more='username = "ingest"\n' + MORE)
    city = ("--city", stand.folder)
    stand.run("ingest.city", "ca", "init", *city, "--broker-name", "localhost", "--root-key", folder / "root.key")
    stand.run("ingest.city", "keys", "init", *city, "--recovery", folder / "recovery.key")
    stand.run("dashboard_api", "user", "add", "budi", "--role", "operator", "--password-stdin", *city, stdin=PASSWORD)
    token = stand.run("dashboard_api", "token", "add", "alat", "--scope", "read", *city).strip()
    broker = ("--broker", "mqtts://127.0.0.1:8883")
    code = stand.run("ingest.city", "enroll", "PJU-000", "--code", *city, *broker).strip()
    (folder / "agent-password").write_text(f"{MARK}-agent")
    (folder / "agent-password").chmod(0o600)
    agent = stand.run("ingest.city", "agent", "PJU-000", *city)
    agent = agent.replace("/var/lib/terang/", f"{folder}/")
    agent = agent.replace("[sweep]", f'username = "PJU-000"\npassword_file = "{folder}/agent-password"\n[sweep]', 1)
    (folder / "agent.toml").write_text(agent)
    stand.secrets += [token, code, *key_material(folder)]

    api = stand.start("dashboard_api", *city, "--port", port)
    stand.start("ingest", *city)
    stand.start("edge_agent", "run", "--config", folder / "agent.toml")
    without = stand.start("dashboard_api", *city, "--port", 0, TERANG_DATABASE_URL=DATABASE_URL)
    wait_until(lambda: f":{port}" in api.read_text() and re.search(r":\d+\n", without.read_text()) is not None)
    other = int(re.search(r":(\d+)\n", without.read_text())[1])
    bearer = {"Authorization": f"Bearer {token}"}
    stand.ask(port, "/metrics", **bearer)
    stand.ask(port, "/api/v1/lamps/L-000-000/readings", **bearer)  # InfluxDB does not answer
    stand.ask(port, "/api/v1/faults", Authorization=f"Bearer {MARK}-no-token")
    stand.ask(port, "/api/v1/session", "POST", {"name": "budi", "password": f"{MARK} wrong"})
    stand.ask(port, "/api/v1/session", "POST", {"name": "budi", "password": PASSWORD})
    stand.ask(port, "/api/v1/session", "POST", {"name": "budi", "password": {"of": PASSWORD}})
    stand.ask(port, "/sign-in/oidc")
    stand.ask(port, "/api/v1/enrolments", "POST", {"csr": MARK, "lookup": "00", "proof": "00"})
    for path in ("/readyz", "/api/v1/faults", "/api/v1/city"):  # the database does not answer
        stand.ask(other, path, **bearer)
    stand.run("ingest", *city, code=2, TERANG_DATABASE_URL=DATABASE_URL)
    stand.run("ingest.city", "apply", stand.folder, "--yes", code=2, TERANG_DATABASE_URL=DATABASE_URL)
    stand.run("dashboard_api", "user", "list", *city, code=2, TERANG_DATABASE_URL=DATABASE_URL)
    end = time.monotonic() + 10  # until each has logged its failure of broker, store or provider
    while time.monotonic() < end and "refused" not in "".join(log.read_text() for log in stand._logs):
        time.sleep(0.1)
    stand.said.append(stand.command_lines())
    stand.stop()
    return stand


def test_no_log_answer_metric_or_command_line_holds_a_secret(stand):
    everything = "\n".join(stand.said)
    for proof in ("GET /metrics 200", "/readings 503", "/api/v1/faults 503", "POST /api/v1/session 201", "edge_agent"):
        assert proof in everything  # that every process was really reached
    assert [secret for secret in stand.secrets if secret in everything] == []


def test_a_backup_as_the_manual_says_holds_no_key(stand, tmp_path):
    manual = (REPOSITORY / "docs" / "operations.md").read_text("utf-8")
    found = re.search(r"^tar .*$", manual, re.MULTILINE)
    assert found is not None
    command = found[0].replace("/usr/share/terang/backup-exclude.txt", str(REPOSITORY / "deploy/backup-exclude.txt"))
    command = command.replace("kota-a.tar.gz", str(tmp_path / "kota.tar.gz"))
    command = command.replace("/etc/terang/cities kota-a", f"{stand.folder.parent} {stand.folder.name}")
    (stand.folder / "influx.token").write_text(f"{MARK}-file")
    subprocess.run(command, shell=True, check=True)  # as a person types it
    with tarfile.open(tmp_path / "kota.tar.gz") as archive:
        names = archive.getnames()
        texts = [archive.extractfile(one).read() for one in archive.getmembers() if one.isfile()]
    assert {"city/lamps.csv", "city/city.toml", "city/pki/ca.crt", "city/pki/issued.json"} <= set(names)
    kept = b"\n".join(texts).decode("latin-1")
    assert [secret for secret in stand.secrets if secret in kept] == []
    assert not [name for name in names if name.endswith((".key", ".token"))]
