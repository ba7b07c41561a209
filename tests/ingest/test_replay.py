"""``terang-ingest replay`` over what a real ingest stored: the same fault, and another one under other limits."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.ingest.city_stand import REPOSITORY, IngestProcess, Mosquitto, wait_until, write_city
from tests.ingest.played_agents import PlayedFleet

N_LAMPS = 6


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, require_debian: Callable[[str], Path]) -> Path:
    """A town in which a lamp went dark at 21:00 Jakarta time on 2026-09-21."""
    folder = tmp_path_factory.mktemp("replay")
    broker = Mosquitto(require_debian("mosquitto"), folder)
    broker.start()
    city = write_city(folder / "city", n_controllers=2, n_lamps=N_LAMPS, broker_port=broker.port)
    ingest = IngestProcess(city, "--clock", "data")
    ingest.start()
    fleet = PlayedFleet(broker.port, 2, N_LAMPS)
    try:
        wait_until(ingest.is_ready, 60)
        fleet.at_ms = 1_789_999_200_000 - 40 * 60_000
        fleet.birth()
        rng = np.random.default_rng(3)
        for minute in range(80):
            power = rng.normal(90, 1, N_LAMPS).round(1).astype("<f4")
            if minute >= 40:
                power[2] = 0.3
            power[4] -= 26
            with fleet.lock:
                fleet.at_ms += 60_000
                for agent in fleet.agents:
                    agent.sweep(agent.values(**({"Lamps/Power": power.tobytes()} if agent.number else {})))
        fleet.settle()
        assert ingest.stop() == 0
    finally:
        fleet.close()
        ingest.kill()
        broker.stop()
    return city


def run(city: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ingest", "replay", "--city", str(city), *options]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_same_limits_open_the_same_fault(city: Path) -> None:
    answer = run(city, "--from", "2026-09-21T20:00", "--to", "2026-09-21T23:00")
    assert answer.returncode == 0, answer.stderr
    (line,) = [line for line in answer.stdout.splitlines() if "lampFailure" in line]
    assert "L-001-002" in line
    assert "opened 09-21 21:0" in line
    assert "0 faults of the book would not have opened." in answer.stdout


def test_other_limits_show_what_would_change(city: Path, tmp_path: Path) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text("lamp_failure_power = 0.8\n")
    answer = run(city, "--from", "2026-09-21T20:00", "--to", "2026-09-21T23:00", "--limits", str(limits))
    assert answer.returncode == 0, answer.stderr
    assert [line for line in answer.stdout.splitlines() if "L-001-004" in line and "lampFailure" in line]


@pytest.mark.parametrize(
    "options",
    [
        ("--from", "yesterday", "--to", "2026-09-22"),
        ("--from", "2026-09-22", "--to", "2026-09-21"),
        ("--from", "2026-09-21", "--to", "2026-09-22", "--limits", "no-such-file.toml"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(city: Path, options: tuple[str, ...]) -> None:
    answer = run(city, *options)
    assert answer.returncode == 2
    assert len(answer.stderr.strip().splitlines()) == 1
    assert "Traceback" not in answer.stderr
