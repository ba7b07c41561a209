"""Kill -9 of agent, broker and host in turn under load: thousands of records, nothing lost, nothing doubled."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.edge_agent.broker_process import Broker, wait_until
from tests.edge_agent.chaos_host import read_file

REPOSITORY = Path(__file__).parents[2]
N_BLOWS = 12
N_LAST = 60  # sweeps of the agent that is left to deliver what is held


class Program:
    """A Python program that can be killed and started again."""

    def __init__(self, *words: str) -> None:
        self._command = [sys.executable, "-m", *words]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        self._process = subprocess.Popen(self._command, cwd=REPOSITORY, env=environment)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def agent(folder: Path, url: str, seed: int, n_sweeps: int = 0) -> Program:
    return Program("tests.edge_agent.chaos_agent", str(folder), url, "0.002", str(seed), str(n_sweeps))


def stored_keys(folder: Path) -> set[tuple[int, int]]:
    """(epoch, number) of what the agent had in its outbox."""
    file = folder / "stored.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    return {(int(line.split()[0]), int(line.split()[1])) for line in lines if line.count(" ") == 1}


@pytest.mark.chaos
@pytest.mark.timeout(400)
def test_agent_broker_and_host_killed_in_turn_lose_and_double_nothing(
    require_debian: Callable[[str], Path], tmp_path: Path
) -> None:
    random_source = random.Random(20261123)
    broker = Broker(require_debian("mosquitto"), tmp_path)
    host = Program("tests.edge_agent.chaos_host", str(tmp_path), str(broker.port))
    sender = agent(tmp_path, broker.url, seed=0)
    victims = [broker, host, sender]
    try:
        for victim in victims:
            victim.start()
        goal = 0
        for blow in range(N_BLOWS):
            goal += random_source.randrange(120, 280)
            wait_until(lambda: len(stored_keys(tmp_path)) >= goal, 60)  # noqa: B023 - waited for within the round
            victim = victims[blow % len(victims)]
            victim.kill()
            time.sleep(random_source.uniform(0.0, 0.5))
            if victim is sender:  # another seed, so that no two sweeps read the same
                victims[victims.index(sender)] = victim = sender = agent(tmp_path, broker.url, seed=blow)
            victim.start()
        sender.kill()
        sender = agent(tmp_path, broker.url, seed=99, n_sweeps=N_LAST)
        sender.start()
        wait_until(lambda: len(stored_keys(tmp_path)) >= goal + N_LAST, 60)
        wait_until(lambda: stored_keys(tmp_path) <= {line[:2] for line in read_file(tmp_path)}, 60)
    finally:
        for victim in (sender, host, broker):
            victim.kill()
    received = read_file(tmp_path)
    assert len(received) > 2000
    assert len({epoch for epoch, _, _ in received}) == 1, "a kill must not cost the epoch"
    numbers = [number for _, number, _ in received]
    assert sorted(numbers) == list(range(1, max(numbers) + 1)), "lost, or a number used for two sweeps"
    assert len({digest for _, _, digest in received}) == len(received), "a sweep came under two numbers"
