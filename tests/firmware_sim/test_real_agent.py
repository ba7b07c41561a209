"""What the simulation can do to a real agent: take its network, stop its process, spoil its lamps' replies."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

from firmware_sim.fleet.player import Pace
from firmware_sim.fleet.real_agent import RealAgent, RealAgentError
from firmware_sim.fleet.simulation import FleetOptions, Simulation
from firmware_sim.fleet.town import read_town
from firmware_sim.fleet.uplink import Network
from tests.firmware_sim.injection_city import write_city

NIGHT_US = 1_795_611_600_000_000  # 2026-11-25 13:00 UTC, 20:00 in Jakarta


@pytest.fixture
def network():
    network = Network()
    yield network
    network.close()


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def wait_until(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_uplink_carries_bytes_both_ways_until_the_network_goes_and_again_after_it(network):
    with socket.create_server(("127.0.0.1", 0)) as broker:
        broker.settimeout(5)
        uplink = network.open(broker.getsockname()[:2])

        def connect():
            near = socket.create_connection(("127.0.0.1", uplink.port), 5)
            far, _ = broker.accept()
            return near, far

        near, far = connect()
        near.sendall(b"up")
        assert far.recv(10) == b"up"
        far.sendall(b"down")
        assert near.recv(10) == b"down"
        network.set_up(uplink, is_up=False)
        with suppress(ConnectionError):
            assert near.recv(10) == b""
        with socket.create_connection(("127.0.0.1", uplink.port), 5) as refused, suppress(ConnectionError):
            assert refused.recv(10) == b""
        network.set_up(uplink, is_up=True)
        again, other = connect()
        again.sendall(b"up again")
        assert other.recv(10) == b"up again"
        for end in (near, far, again, other):
            end.close()


def test_a_dead_agent_is_its_own_stopped_process_and_no_other(network, tmp_path):
    agent = RealAgent("PJU-1", tmp_path, network, ("127.0.0.1", 9))
    with pytest.raises(RealAgentError, match="not swept yet"):
        agent.follow(is_offline=False, is_down=True)
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    mine = subprocess.Popen([*sleeper, str(agent.config_path)])
    stranger = subprocess.Popen(sleeper)
    try:
        agent.status_path.write_text(json.dumps({"pid": stranger.pid}))
        with pytest.raises(RealAgentError, match="no agent runs"):
            agent.follow(is_offline=False, is_down=True)
        agent.status_path.write_text(json.dumps({"pid": mine.pid}))
        agent.follow(is_offline=False, is_down=True)
        wait_until(lambda: state_of(mine.pid) == "T")
        agent.release()
        wait_until(lambda: state_of(mine.pid) != "T")
        assert state_of(stranger.pid) != "T"
    finally:
        for process in (mine, stranger):
            process.kill()
            process.wait()


def test_benches_follow_what_is_injected_at_their_controllers(tmp_path):
    town = read_town(write_city(tmp_path))
    simulation = Simulation(town, ("127.0.0.1", 9), FleetOptions(n_benches=1), Pace(NIGHT_US), seed=1)
    try:
        (bench,) = simulation.benches
        node = bench.controller.controller_id
        (bus,) = [bus for name, bus in bench._buses.items() if name == "A"]
        simulation._handle({"do": "inject", "code": "lostReplies", "place": "L-113", "params": {"share": 0.5}})
        assert dict(bus.faults.no_reply_from) == {3: 0.5}
        with pytest.raises(RealAgentError, match="not swept yet"):
            simulation._handle(
                {"do": "inject", "code": "controllerOffline", "place": node, "params": {"cause": "dead"}}
            )
        assert [held["code"] for held in simulation._handle({"do": "list"})["held"]] == ["lostReplies"]
        simulation._handle({"do": "inject", "code": "controllerOffline", "place": node})
        (agent,) = simulation._agents
        with socket.create_connection(("127.0.0.1", agent.port), 5) as refused, suppress(ConnectionError):
            assert refused.recv(10) == b""
        simulation._handle({"do": "repair", "place": "L-113"})
        assert dict(bus.faults.no_reply_from) == {}
        truth = [json.loads(line) for line in (tmp_path / "data" / "truth.jsonl").read_text().splitlines()]
        holds = {(line["code"], line["params"].get("cause")): line["end"] is None for line in truth}
        assert holds[("lostReplies", None)] is False
        assert holds[("controllerOffline", "network")] is True
    finally:
        simulation.close()


def test_one_of_three_benches_measures_its_circuits_alone(tmp_path):
    write_city(tmp_path)
    cabinets = tmp_path / "cabinets.csv"
    rows = cabinets.read_text().splitlines()
    cabinets.write_text("\n".join([f"{rows[0]},metering,meters", *(f"{row},lamp,cabinet" for row in rows[1:3]),
                                  f"{rows[3]},circuit,circuit+cabinet"]))  # fmt: skip
    simulation = Simulation(read_town(tmp_path), ("127.0.0.1", 9), FleetOptions(n_benches=3), Pace(NIGHT_US), seed=1)
    try:
        texts = {agent.controller_id: agent.config_path.read_text() for agent in simulation._agents}
    finally:
        simulation.close()
    documents = {node: tomllib.loads(text)["bus"] for node, text in texts.items()}
    assert set(documents) == {"PJU-1", "PJU-2", "PJU-3"}
    (only,) = documents["PJU-3"]
    assert only["lamps"] == []
    assert [circuit["circuit"] for circuit in only["circuits"]] == ["1", "2"]
    assert all("circuits" not in bus for bus in documents["PJU-1"])
