"""The systemd unit that ships: valid for systemd itself, and hardened."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "terang-agent.service"
UNITS = sorted(path.name for path in DEPLOY.glob("terang-*.*") if path.suffix in {".service", ".path", ".timer"})


@pytest.fixture
def analyze(require_debian: Callable[[str], Path]) -> str:
    return str(require_debian("systemd"))


@pytest.mark.parametrize("name", UNITS)
def test_unit_is_valid_for_systemd(analyze: str, tmp_path: Path, name: str) -> None:
    program = tmp_path / "terang-agent"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for each in UNITS:  # a timer is looked at together with what it starts
        text = re.sub(r"/opt/terang/bin/terang-\w+", str(program), (DEPLOY / each).read_text())
        (tmp_path / each).write_text(text.replace("/usr/bin/systemctl", str(program)))
    done = subprocess.run(
        [analyze, "verify", str(tmp_path / name)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_unit_restarts_for_ever_is_watched_and_bounded() -> None:
    lines = UNIT.read_text().splitlines()
    for setting in ("Type=notify", "Restart=always", "StartLimitIntervalSec=0", "ProtectSystem=strict"):
        assert setting in lines
    assert any(line.startswith("WatchdogSec=") for line in lines)
    assert any(line.startswith("MemoryMax=") for line in lines)
