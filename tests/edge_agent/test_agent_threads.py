"""The agent's threads: whatever one of them raises is logged, and its work goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.agent import Agent
from edge_agent.config import parse_config
from edge_agent.serial.profile_file import load_profiles
from edge_agent.wire import Metric
from tests.edge_agent.broker_process import wait_until
from tests.edge_agent.played_session import Played

DOCUMENT = {
    "controller": {"group": "terang", "id": "PJU-1", "latitude": 0.8, "longitude": 102.0},
    "broker": {"url": "mqtt://127.0.0.1:1"},
    "sweep": {"interval_s": 0.1, "interval_day_s": 0.1, "slow_s": 0.1},
    "bus": [{"name": "A", "port": "/dev/none", "lamps": [{"address": 1, "lamp_id": "L1", "profile": "sdm120"}]}],
}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    document = DOCUMENT | {"outbox": {"path": str(tmp_path / "outbox.db")}}
    config = parse_config(document, tmp_path / "agent.toml", {})
    made = Agent(config, load_profiles(config.profile_names, tmp_path), {})
    stop = threading.Event()
    runner = threading.Thread(target=made.run, args=(stop,))
    runner.start()
    yield made
    assert runner.is_alive(), "the agent ended by itself"
    stop.set()
    runner.join()
    made.close()


@pytest.mark.parametrize("error", [OverflowError("inf"), RecursionError("deep"), MemoryError(), RuntimeError("ours")])
def test_sweep_that_raises_is_logged_and_the_next_one_is_stored(agent, monkeypatch, caplog, error) -> None:
    def fail(_n_refused: int) -> None:
        raise error

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(agent._rounds, "turn", fail)
        wait_until(lambda: "sweep: unexpected" in caplog.text)
    n_before = agent._outbox.last_sequence
    wait_until(lambda: agent._outbox.last_sequence >= n_before + 2)
    assert agent._link.is_alive()


def test_control_and_status_that_raise_are_logged_and_tried_again(agent, monkeypatch, caplog) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("ours")

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(agent._control, "carry_out", fail)
        patch.setattr(agent, "_status", fail)
        wait_until(lambda: "control: unexpected" in caplog.text)
        wait_until(lambda: "status: unexpected" in caplog.text)
    called = threading.Event()
    monkeypatch.setattr(agent._control, "carry_out", called.set)
    assert called.wait(60)


def test_message_whose_handling_raises_is_logged_and_counted_and_the_connection_stands(tmp_path, monkeypatch) -> None:
    played = Played(tmp_path)
    played.sweep()
    played.connect()

    def fail(*_: object) -> None:
        raise RecursionError("deep")

    monkeypatch.setattr(played.session, "_obey", fail)
    played.ncmd(Metric(True, name="Node Control/Rebirth"))
    assert (played.session.n_refused, played.session.is_born) == (1, True)
