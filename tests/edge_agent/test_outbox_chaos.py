"""Kill -9 of agent and broker under load: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.edge_agent.broker_process import Broker, Host, wait_until

REPOSITORY = Path(__file__).parents[2]


def start_agent(folder: Path, url: str, seed: int, n_sweeps: int = 0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.edge_agent.chaos_agent", str(folder), url, "0.002", str(seed)]
    command.append(str(n_sweeps))
    return subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | {"PYTHONPATH": str(REPOSITORY)})


def stored_keys(folder: Path) -> set[tuple[int, int]]:
    file = folder / "stored.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    return {(int(line.split()[0]), int(line.split()[1])) for line in lines if line.count(" ") == 1}


@pytest.mark.chaos
@pytest.mark.timeout(120)
def test_agent_and_broker_killed_at_random_lose_and_double_nothing(
    require_debian: Callable[[str], Path], tmp_path: Path
) -> None:
    random_source = random.Random(20261123)
    broker = Broker(require_debian("mosquitto"), tmp_path)
    broker.start()
    host = Host(broker.port, "terang", "chaos")
    agent = None
    try:
        goal = 0
        for round_number in range(5):
            agent = start_agent(tmp_path, broker.url, round_number)
            goal += random_source.randrange(50, 130)
            wait_until(lambda: len(stored_keys(tmp_path)) >= goal, 30)  # noqa: B023 - waited for within the round
            if round_number % 2:
                broker.kill()
                time.sleep(random_source.uniform(0.0, 0.3))
                broker.start()
                time.sleep(random_source.uniform(0.1, 0.5))
            agent.kill()
            agent.wait()
        agent = start_agent(tmp_path, broker.url, 99, n_sweeps=60)
        wait_until(lambda: len(stored_keys(tmp_path)) >= goal + 60, 30)
        wait_until(lambda: stored_keys(tmp_path) <= set(host.stored), 20)
    finally:
        if agent is not None:
            agent.kill()
            agent.wait()
        host.close()
        broker.kill()
    stored = stored_keys(tmp_path)
    epochs = {epoch for epoch, _ in stored}
    assert len(epochs) == 1, "a kill must not cost the epoch"
    assert len(stored) > 300
    sequences = sorted(number for _, number in host.stored)
    assert sequences == list(range(1, sequences[-1] + 1)), "the host has every number up to its newest"
    assert host.n_conflicts == 0, "a number was used for two sweeps"
