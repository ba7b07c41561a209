"""The systemd unit that ships: valid for systemd itself, and hardened."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy/terang-agent.service"


@pytest.fixture
def analyze(require_debian: Callable[[str], Path]) -> str:
    return str(require_debian("systemd"))


def test_unit_is_valid_for_systemd(analyze: str, tmp_path: Path) -> None:
    program = tmp_path / "terang-agent"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/terang/bin/terang-agent", str(program)))
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_unit_restarts_for_ever_is_watched_and_bounded() -> None:
    lines = UNIT.read_text().splitlines()
    for setting in ("Type=notify", "Restart=always", "StartLimitIntervalSec=0", "ProtectSystem=strict"):
        assert setting in lines
    assert any(line.startswith("WatchdogSec=") for line in lines)
    assert any(line.startswith("MemoryMax=") for line in lines)
