"""The played agents keep what is not acknowledged and send it again, as real agents do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from edge_agent.wire import DataType, Metric, Payload, decode_payload, encode_payload
from tests.ingest.city_stand import Mosquitto, wait_until
from tests.ingest.played_agents import GROUP, PlayedFleet

GARBLED = b"\x2a\x00"  # two bytes more, of an empty body


class DeafHost:
    """A host that acknowledges each record only when it comes for the n-th time."""

    def __init__(self, port: int, nth: int) -> None:
        self.heard: list[tuple[int, bool, bool]] = []  # number, whether as history, whether garbled
        self._nth = nth
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda *_: self._client.subscribe(f"spBv1.0/{GROUP}/NDATA/+")
        self.is_subscribed = False
        self._client.on_subscribe = lambda *_: setattr(self, "is_subscribed", True)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_until(lambda: self.is_subscribed)

    def _on_message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        metrics = decode_payload(message.payload).metrics
        _epoch, sequence, *_ = (metric.value for metric in metrics)
        assert isinstance(sequence, int)
        self.heard.append((sequence, metrics[3].is_historical, message.payload.endswith(GARBLED)))
        if [number for number, *_ in self.heard].count(sequence) == self._nth:
            words = (
                Metric(1000, name="Outbox/Epoch", datatype=DataType.UINT64),
                Metric(sequence, name="Outbox/Acknowledged", datatype=DataType.UINT64),
            )
            node = message.topic.rsplit("/", 1)[1]
            self._client.publish(f"spBv1.0/{GROUP}/NCMD/{node}", encode_payload(Payload(1, None, words)))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path, require_debian: Callable[[str], Path]) -> Iterator[Mosquitto]:
    opened = Mosquitto(require_debian("mosquitto"), tmp_path)
    opened.start()
    yield opened
    opened.stop()


def test_what_is_not_acknowledged_is_sent_again_as_history_and_as_it_was(broker: Mosquitto) -> None:
    host, fleet = DeafHost(broker.port, nth=3), PlayedFleet(broker.port, 1, 2)
    try:
        (agent,) = fleet.agents
        with fleet.lock:
            agent.garbled[1] = lambda payload: payload + GARBLED
            agent.sweep()
        n_resent = fleet.settle(60, resend_after_s=0.2)
    finally:
        fleet.close()
        host.close()
    assert n_resent >= 2
    assert host.heard[:3] == [(1, False, True), (1, True, True), (1, True, True)]
    assert agent.acknowledged == 1


def test_what_is_never_acknowledged_is_told_with_its_number(broker: Mosquitto) -> None:
    fleet = PlayedFleet(broker.port, 1, 2)
    try:
        fleet.sweep()
        with pytest.raises(AssertionError, match=r"sent again \d times: {'PJU-000': \[1\]}"):
            fleet.settle(0.5, resend_after_s=0.1)
    finally:
        fleet.close()
