"""The thread from a sweep to an acknowledged record, through a real Mosquitto."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.link.link_settings import LinkSettings
from edge_agent.link.mqtt_link import MqttLink
from edge_agent.link.resend import Resend
from edge_agent.link.session import Node, NodeSession
from edge_agent.outbox.queue import Outbox
from edge_agent.outbox.record import Circumstances, encode_body
from edge_agent.outbox.waiting import Draft
from tests.edge_agent.broker_process import Broker, RecordingHost, wait_until
from tests.edge_agent.stub_meters import StubMeters, bytes_array, lamp_layout

GROUP, NODE = "terang", "PJU-017"
LAYOUT = lamp_layout(3)


class NoOrders:
    def dim(self, command):
        raise AssertionError(command)

    def schedule(self, text):
        raise AssertionError(text)

    def held_schedule(self):
        return None


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def broker(require_debian, tmp_path) -> Iterator[Broker]:
    server = Broker(require_debian("mosquitto"), tmp_path)
    server.start()
    yield server
    server.kill()


class Agent:
    """Outbox, session and link with stub meters; sweeps when the test calls for it."""

    def __init__(self, path: Path, url: str, resend_after_s: float = 120.0) -> None:
        self.outbox = Outbox(path, retention_s=86400, max_bytes=10_000_000, random_epoch=lambda: random.getrandbits(63))
        resend = Resend(resend_after_s=resend_after_s, window=100, rate_per_s=1000)
        node = Node(GROUP, NODE, LAYOUT, "1.0")
        self.session = NodeSession(node, self.outbox, resend, NoOrders(), now_ms)
        self.link = MqttLink(LinkSettings((url,), "agent"), self.session, time.monotonic, lambda: 0.0)
        self.meters = StubMeters(3, now_ms)

    def sweep(self) -> None:
        sweep = self.meters.sweep(slow=True)
        body = encode_body(sweep, LAYOUT, Circumstances(bytes_array(b"\x64" * 3), True, 60))
        self.session.offer(self.outbox.append(Draft(sweep.at_ms, 0.0, LAYOUT, body)))
        self.link.wake()

    def close(self) -> None:
        self.link.stop(5)
        self.outbox.close()


def test_a_sweep_reaches_the_host_and_its_acknowledgement_comes_back(broker, tmp_path):
    host = RecordingHost(broker.port, GROUP, NODE)
    agent = Agent(tmp_path / "outbox.db", broker.url)
    agent.sweep()
    agent.link.start()
    wait_until(lambda: agent.session.is_born)
    for _ in range(5):
        agent.sweep()
    wait_until(lambda: agent.outbox.n_held == 0)
    agent.close()
    wait_until(lambda: host.of("NDEATH"))
    host.close()
    kinds = [kind for kind, _ in host.messages]
    assert kinds[0] == "NBIRTH"
    assert kinds[-1] == "NDEATH"
    assert len(host.stored) == 6
    assert (host.n_conflicts, host.n_seq_gaps) == (0, 0)
    births = {metric.name: metric for metric in host.of("NBIRTH")[0].metrics}
    assert births["bdSeq"].value == 0 == host.of("NDEATH")[0].metrics[0].value
