"""A city that signs orders, and an agent that checks them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from city_pki.order_keys import OrderSigner, create_keys, read_public
from edge_agent.clock import Trust
from edge_agent.control.command import BadCommand, Command, parse_command
from edge_agent.control.order_gate import OrderGate
from edge_agent.settings import KeysConfig
from edge_agent.wire import DataType, Metric
from ingest.metrics import Metrics
from ingest.sparkplug.command_queue import CommandQueue

NOW_MS = 1_795_000_000_000
SCHEDULE = json.dumps({"version": 1, "timezone": "Asia/Jakarta", "on": "sunset", "off": "sunrise"})
LEVELS = bytes([0] * 4)


class Stand:
    """A city that signs and one controller that checks."""

    def __init__(self, folder: Path, *, group: str = "terang", controller: str = "A", is_signing: bool = True) -> None:
        self.group = group
        self.now_ms = NOW_MS
        self.trust = Trust.SYNCHRONISED
        self.folder, self.recovery = folder / "pki", folder / "stick" / "recovery.key"
        self.recovery.parent.mkdir(parents=True)
        self.keys = create_keys(self.folder, self.recovery)
        self.controller = controller
        self.host_ms = 0
        self.queue = CommandQueue(group, Metrics(), monotonic=lambda: 0.0, wall_ms=lambda: self.now_ms + self.host_ms)
        if is_signing:
            self.sign_anew()
        self.keys_file = folder / "outbox.db.keys.json"
        self.start()

    def sign_anew(self) -> None:
        counter = self.folder.parent / "order_counter"
        self.queue.signer = OrderSigner(self.folder / "orders.key", counter, lambda: self.now_ms + self.host_ms)

    def start(self, keys: KeysConfig | None = None) -> None:
        pinned = keys or KeysConfig(self.keys.working, self.keys.recovery)
        self.gate = OrderGate(
            pinned, self.group, self.controller, self.keys_file, lambda: self.now_ms, lambda: self.trust
        )

    def schedule(self, node: str = "A", text: str = SCHEDULE) -> Command:
        return self._sent(node, Metric(text, name="Schedule/Document", datatype=DataType.STRING))

    def dim(self, node: str = "A", levels: bytes = LEVELS, until_ms: int = NOW_MS + 3_600_000) -> Command:
        metrics = (
            Metric(levels, name="Lamps/Dim Command", datatype=DataType.UINT8_ARRAY),
            Metric(until_ms, name="Lamps/Dim Until", datatype=DataType.DATE_TIME),
        )
        return self._sent(node, *metrics)

    def rotation(self) -> Command:
        text = str(read_public(self.folder).rotation)
        return self._sent("A", Metric(text, name="Keys/Rotation", datatype=DataType.STRING))

    def _sent(self, node: str, *metrics: Metric) -> Command:
        self.queue.add(node, metrics)
        [(_, payload)] = self.queue.outgoing(())
        return parse_command(payload, 4)


@pytest.fixture
def stand(tmp_path):
    return Stand(tmp_path)


def refused(stand: Stand, command: Command, reason: str) -> None:
    with pytest.raises(BadCommand, match=reason):
        stand.gate.admit(command)
