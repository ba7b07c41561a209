"""docs/adopt.md, command by command: from another city's archive and a messy register to lamps that are lit.

The commands are those of the document, but for the ports, the folder of the cabinet, and that servers listen on this
machine alone.
"""

from __future__ import annotations

import http.cookies
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from firmware_sim.meters import LampNode, LampValues, LineFaults, LineTiming, MeterBus
from tests.ingest.city_stand import free_port, wait_until

GUIDE = (Path(__file__).parents[2] / "docs/adopt.md").read_text(encoding="utf-8")
PROGRAMS = Path(sys.executable).parent
LAMP = LampValues(
    voltage_v=229.7,
    current_a=0.4,
    power_w=90.0,
    energy_wh=1000,
    power_factor=0.97,
    temperature_c=40.0,
    illuminance_lux=37,
    level_percent=100,
    burning_hours=10,
    switch_count=2,
)
# a title row, another encoding, semicolons, decimal commas, a unit, a doubled id, a place that is missing, swapped ones
REGISTER = """\
Data PJU Kecamatan Mañana;;;;;;;;;;
No Tiang;Panel;Jurusan;Urutan;Lintang;Bujur;Daya;Jenis;Jalan;Kecamatan;Bus;Alamat Modbus
T-001;P-1;1;1;-7,5601;110,8201;90 W;LED;Jl. Peña;Laweyan;A;1
T-002;P-1;1;2;-7,5603;110,8203;90 W;LED;Jl. Peña;Laweyan;A;2
T-003;P-1;1;3;-7,5605;110,8205;90 W;LED;Jl. Peña;Laweyan;A;3
T-003;P-1;1;4;-7,5607;110,8207;90 W;LED;Jl. Peña;Laweyan;A;4
T-005;;;;-7,5609;110,8209;250;SON-T;Jl. Slamet;Laweyan;;
T-006;;;;;;250;SON-T;Jl. Slamet;Laweyan;;
"""


class Walk:
    """A folder in which the document's commands run, one after another."""

    def __init__(self, folder: Path, port: str) -> None:
        self.folder = folder
        self.api = f"http://127.0.0.1:{(api := free_port())}"
        self.ports = {"8000": api, "1883": free_port(), "8883": free_port(), "9108": free_port()}
        self.code = self.password = ""
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        cabinet = folder / "lemari"
        cabinet.mkdir()
        files = {"CA": "ca.crt", "CERT": "controller.crt", "KEY": "controller.key"}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TERANG_")},
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "TERANG_LANGUAGE": "en",
            "TERANG_SWEEP_INTERVAL_S": "1",
            "TERANG_SWEEP_INTERVAL_DAY_S": "1",
            "TERANG_OUTBOX_PATH": str(cabinet / "outbox.db"),
            **{f"TERANG_BROKER_{name}": str(cabinet / file) for name, file in files.items()},
        }
        self.cabinet = cabinet
        self.write_old_city()
        (folder / "daftar.csv").write_bytes(REGISTER.encode("cp1252"))
        panel = f"Panel;Raspberry;Nama;IDPEL;ports\nP-1;PJU-001;Panel Laweyan;531234567890;A={port}\n"
        (folder / "panel.csv").write_text(panel)

    def write_old_city(self) -> None:
        """A city whose lamps should be on now, with words and a title of its own."""
        now = datetime.now(ZoneInfo("Asia/Jakarta"))
        on, off = ((now - timedelta(hours=hours)).strftime("%H:%M") for hours in (1, 2))
        self.run("terang-city init kota-lama")
        toml = self.folder / "kota-lama/city.toml"
        text = toml.read_text().replace('"sunset+10m" ', f'"{on}" ').replace('"sunrise-10m" ', f'"{off}" ')
        toml.write_text(f'{text}[branding]\ntitle = "Lampu Kita"\n')
        (toml.parent / "languages").mkdir()
        (toml.parent / "languages/id.po").write_text('msgid "open.lead"\nmsgstr "Semua angka kota"\n')

    def adapted(self, line: str) -> list[str]:
        line = line.replace("0.0.0.0", "127.0.0.1").replace("CODE", self.code)
        for port, other in self.ports.items():
            line = re.sub(rf"(?<=[ :]){port}\b", str(other), line)
        words = shlex.split(line)
        if words[0] == "terang-agent":
            words += ["--config", str(self.cabinet / "agent.toml")]
            words += ["--folder", str(self.cabinet)] if words[1] == "enroll" else []
        return words

    def run(self, line: str) -> str:
        done = subprocess.run(
            self.adapted(line), capture_output=True, text=True, cwd=self.folder, env=self.environment, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, line: str) -> None:
        words = self.adapted(line)
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            self.running[" ".join(words[:2])] = subprocess.Popen(
                words, stdout=log, stderr=log, cwd=self.folder, env=self.environment
            )

    def get(self, path: str, cookie: str = "", body: dict[str, str] | None = None) -> tuple[int, str, str]:
        """``(status, body, cookie)``; status 0 = nobody answers."""
        headers = {"Accept-Language": "id", **({"Cookie": cookie} if cookie else {})}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"{self.api}{path}", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                cookies = http.cookies.SimpleCookie()
                for one in answer.headers.get_all("Set-Cookie", []):
                    cookies.load(one)
                shown = "; ".join(f"{name}={one.value}" for name, one in cookies.items())
                return answer.status, answer.read().decode(), shown
        except urllib.error.HTTPError as error:
            return error.code, "", ""
        except OSError:
            return 0, "", ""

    def close(self) -> None:
        for process in reversed(self.running.values()):
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def logs(self) -> str:
        return "\n".join(f"{path.name}:\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log")))


def commands() -> list[tuple[str, str]]:
    """``(language, text)`` of the document's blocks, those of a shell line by line."""
    found = []
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE):
        if language != "console":  # installs programs and folders, as root: docs/operations.md and docs/agent.md
            found += [(language, line) for line in text.splitlines()] if language == "sh" else [(language, text)]
    return found


@pytest.fixture
def walk(tmp_path):
    bus = MeterBus(
        {address: LampNode(lambda: LAMP) for address in (1, 2, 3, 4)},
        LineTiming(speed=4.0),
        LineFaults(),
        np.random.default_rng(1),
    )
    bus.start()
    walk = Walk(tmp_path, bus.port)
    yield walk
    walk.close()
    bus.close()


@pytest.mark.end_to_end
@pytest.mark.timeout(240)
def test_the_guide_leads_from_an_archive_to_lamps_that_are_lit(walk: Walk) -> None:
    begun_s = time.monotonic()
    for language, text in commands():
        if language == "toml":  # the one file that a person edits
            (walk.folder / "pemetaan.toml").write_text(text)
        elif text.endswith(" &"):
            walk.start(text.removesuffix(" &"))
            if text.startswith("terang-api"):
                wait_until(lambda: walk.get("/readyz")[0] == 200, 60)
        elif text == "terang-city approve --city kota":
            wait_until(lambda line=text: "PJU-001" in walk.run(line), 30)
        else:
            said = walk.run(text)
            if text.startswith("terang-city import"):
                assert "daftar.csv:8" in said, said  # the lamp without a place is told
                assert "named 'T-003-2'" in said, said  # and so is the doubled id
                assert "5  lamps" in said, said
            elif text.startswith("terang-city enroll"):
                walk.code = said.strip()
            elif text.startswith("terang-api user add"):
                walk.password = said.strip()
            elif text.startswith("terang-city approve"):
                assert walk.running["terang-agent enroll"].wait(30) == 0, walk.logs()

    assert walk.get("/")[0] == 200
    status, page, _ = walk.get("/open")
    assert (status, "Semua angka kota" in page, "Lampu Kita" in page) == (200, True, True)
    status, lamps, _ = walk.get("/ogc/collections/lamps/items")
    assert (status, len(json.loads(lamps)["features"])) == (200, 5)
    assert "531234567890" not in lamps
    assert walk.get("/api/v1/summary")[0] == 401
    status, _, cookie = walk.get("/api/v1/session", body={"name": "kepala", "password": walk.password})
    assert status == 201

    def lit() -> int:
        status, summary, _ = walk.get("/api/v1/summary", cookie)
        assert status == 200
        return int(json.loads(summary)["lamps"]["lit"])

    try:
        wait_until(lambda: lit() == 4, 60)
    except AssertionError:
        raise AssertionError(f"{walk.get('/api/v1/summary', cookie)}\n{walk.logs()}") from None
    print(f"walked in {time.monotonic() - begun_s:.1f} s")


def test_the_installation_is_that_of_the_guides_for_server_and_agent() -> None:
    blocks = re.findall(r"^```console\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    docs = Path(__file__).parents[2] / "docs"
    known = "".join((docs / name).read_text(encoding="utf-8") for name in ("operations.md", "agent.md"))
    assert len(lines) == 11
    assert [line for line in lines if line not in known and not line.startswith("export PATH=")] == []


def test_every_command_of_the_guide_is_run() -> None:
    shell = [text for language, text in commands() if language == "sh"]
    assert [line.split()[1] for line in shell if line.startswith("terang-city")] == [
        "export",
        "adopt",
        "suggest",
        "import",
        "import",
        "check",
        "apply",
        "ca",
        "enroll",
        "approve",
        "approve",
    ]
    assert len(GUIDE.split("```")) == 2 * len(re.findall(r"^```\w+$", GUIDE, re.MULTILINE)) + 1
