"""Ingest is killed under a flood that fills both cores: what was acknowledged is stored, and nothing is there twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
N_CONTROLLERS = 60
N_DARK = N_CONTROLLERS // 10


@pytest.mark.chaos
@pytest.mark.end_to_end
@pytest.mark.timeout(300)
def test_kills_of_ingest_under_the_flood_lose_and_double_nothing(require_debian: Callable[[str], Path]) -> None:
    require_debian("mosquitto")
    options = ["--kills=3", f"--controllers={N_CONTROLLERS}", "--warm=3", "--seconds=15"]
    command = [sys.executable, "-m", "benchmarks.bench_ingest", *options]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=280, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    counted = json.loads(run.stdout.splitlines()[-1])
    assert counted["kills"] >= 2
    assert counted["resent"] > 0, "no kill left anything unacknowledged: it was no flood"
    assert (counted["lost"], counted["doubled"], counted["unacknowledged"]) == (0, 0, 0), counted
    assert counted["faults"] == {"lampFailure open": {"faults": N_DARK, "lamps": N_DARK, "events": N_DARK}}
