"""The agent as a process: meters on a pseudo-terminal on one side, Mosquitto and a host on the other."""

from __future__ import annotations

import json
import math
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from edge_agent.wire import BY_NAME, DataType, Metric, unpack_array, unpack_strings
from tests.edge_agent.broker_process import Broker, RecordingHost, wait_until

REPOSITORY = Path(__file__).parents[2]
GROUP, NODE = "terang", "PJU-017"
AGENT_TOML = """
[controller]
group = "{group}"
id = "{node}"
latitude = 0.7893
longitude = 102.0489
timezone = "Asia/Jakarta"
[broker]
url = {urls}
[sweep]
interval_s = 0.2
interval_day_s = 0.2
slow_s = 1
[outbox]
path = "{folder}/outbox.db"
resend_after_s = 2
[[bus]]
name = "A"
port = "{port}"
baud = 115200
lamps = [
  {{ address = 1, lamp_id = "L-0001", profile = "lamp-node" }},
  {{ address = 2, lamp_id = "L-0002", profile = "lamp-node" }},
  {{ address = 9, lamp_id = "L-0003", profile = "lamp-node" }},
]
"""


class Process:
    """A running terang-agent."""

    def __init__(self, folder: Path, config: Path) -> None:
        self._log = (folder / "agent.log").open("ab")
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", "run", "--config", str(config)],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            stderr=self._log,
        )

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def end(self, number: int = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        code = self.popen.wait(60)
        self._log.close()
        return code


@pytest.fixture
def broker(require_debian: Callable[[str], Path], tmp_path: Path) -> Iterator[Broker]:
    server = Broker(require_debian("mosquitto"), tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def start(make_pty_bus, make_node, tmp_path) -> Iterator[Callable[..., tuple[Process, list]]]:
    running: list[Process] = []

    def launch(*urls: str) -> tuple[Process, list]:
        nodes = [make_node(1), make_node(2)]
        bus = make_pty_bus(nodes)
        config = tmp_path / "agent.toml"
        text = AGENT_TOML.format(group=GROUP, node=NODE, urls=json.dumps(list(urls)), folder=tmp_path, port=bus.path)
        config.write_text(text)
        running.append(Process(tmp_path, config))
        return running[-1], nodes

    yield launch
    for process in running:
        if process.popen.poll() is None:
            process.end(signal.SIGKILL)


def test_meters_on_a_pty_reach_the_host_and_its_orders_reach_the_meters(broker, start, tmp_path):
    host = RecordingHost(broker.port, GROUP, NODE)
    process, nodes = start(broker.url)
    wait_until(lambda: len(host.of("NDATA")) >= 5)

    birth = {metric.name: metric for metric in host.of("NBIRTH")[0].metrics}
    assert unpack_strings(birth["Lamps/Id"].value) == ("L-0001", "L-0002", "L-0003")
    data = host.of("NDATA")[3]
    values = {metric.alias: metric for metric in data.metrics}
    voltage = unpack_array(DataType.FLOAT_ARRAY, values[BY_NAME["Lamps/Voltage"].alias].value)
    assert voltage[0] == pytest.approx(230.0)
    assert voltage[2] != voltage[2]  # nobody at address 9: unknown, never 0
    assert values[BY_NAME["Lamps/Quality"].alias].value == b"\0\0\1"
    assert {metric.timestamp_ms for metric in data.metrics} == {data.timestamp_ms}
    assert abs(data.timestamp_ms - time.time() * 1000) < 60_000

    host.command(
        Metric(bytes([30, 254, 40]), name="Lamps/Dim Command", datatype=DataType.UINT8_ARRAY),
        Metric(int((time.time() + 60) * 1000), name="Lamps/Dim Until", datatype=DataType.DATE_TIME),
    )
    wait_until(lambda: nodes[0].holding[0] == 30)
    alias = BY_NAME["Lamps/Dim Level"].alias
    wait_until(lambda: next(m.value for m in host.of("NDATA")[-1].metrics if m.alias == alias)[0] == 30)
    assert nodes[1].holding[0] in {0, 100}

    assert process.rss_mb() <= 40
    status = tmp_path / "outbox.db.status.json"
    wait_until(lambda: json.loads(status.read_text())["is_connected"])
    assert process.end() == 0
    wait_until(lambda: host.of("NDEATH"))
    assert host.of("NDEATH")[0].metrics[0].value == birth["bdSeq"].value
    assert (host.n_conflicts, host.n_seq_gaps) == (0, 0)
    host.close()


def test_hostile_registers_do_not_end_the_agent_and_its_birth_reaches_the_broker(
    broker, make_pty_bus, make_node, tmp_path
):
    good, hostile = make_node(1), make_node(2)
    values = {0: 230.0, 6: 0.5, 12: 90.0, 0x1E: 0.9, 0x46: 50.0, 0x48: 12.5}
    for node, energy in ((good, 12.5), (hostile, math.inf)):
        node.input = [0] * 128
        for register, value in (values | {0x48: energy}).items():
            node.input[register : register + 2] = struct.unpack(">2H", struct.pack(">f", value))
    bus = make_pty_bus([good, hostile])
    text = AGENT_TOML.format(group=GROUP, node=NODE, urls=json.dumps(broker.url), folder=tmp_path, port=bus.path)
    (tmp_path / "agent.toml").write_text(text.replace('profile = "lamp-node"', 'profile = "sdm120"'))
    host = RecordingHost(broker.port, GROUP, NODE)
    process = Process(tmp_path, tmp_path / "agent.toml")
    try:
        wait_until(lambda: host.of("NBIRTH"))
        wait_until(lambda: len(host.of("NDATA")) >= 3)
        n_before = len(host.of("NDATA"))
        random = Random(20261129)
        for _ in range(10):
            hostile.input = [random.choice((0x7F80, 0xFFFF, 0x7FC0, random.randrange(0x10000))) for _ in range(128)]
            time.sleep(0.1)
        wait_until(lambda: len(host.of("NDATA")) >= n_before + 5)
        alias = BY_NAME["Lamps/Energy"].alias
        energies = [m.value for data in host.of("NDATA") for m in data.metrics if m.alias == alias]
        assert all(unpack_array(DataType.UINT32_ARRAY, value)[0] == 12500 for value in energies)
        assert unpack_array(DataType.UINT32_ARRAY, energies[0])[1] == 0xFFFFFFFF
        assert process.end() == 0
    finally:
        host.close()
        if process.popen.poll() is None:
            process.end(signal.SIGKILL)
