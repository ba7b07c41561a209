"""Why a connection ended: the reason of MQTT or the socket, and the message that was too large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.link.lost_connection import LostConnection
from tests.edge_agent.broker_process import Broker, RecordingHost, wait_until
from tests.edge_agent.test_mqtt_link import Linked


@pytest.fixture
def broker(require_debian: Callable[[str], Path], tmp_path: Path) -> Iterator[Broker]:
    server = Broker(require_debian("mosquitto"), tmp_path)
    server.start()
    yield server
    server.kill()


def test_broker_that_refuses_an_oversized_birth_is_named_with_its_size(require_debian, tmp_path) -> None:
    server = Broker(require_debian("mosquitto"), tmp_path)
    server._config.write_text(server._config.read_text() + "max_packet_size 2000\n")
    server.start()
    try:
        agent = Linked(tmp_path, server.url)
        agent.ears.document = "x" * 30_000
        agent.beat()
        agent.link.start()
        wait_until(lambda: "connection lost" in agent.link.last_error)
        assert "NBIRTH of 3" in agent.link.last_error
        assert "accept messages of this size" in agent.link.last_error
        agent.close()
    finally:
        server.kill()


def test_message_that_is_too_large_ends_the_connection_and_not_the_agent(broker, tmp_path) -> None:
    host = RecordingHost(broker.port, "g", "n")
    agent = Linked(tmp_path, broker.url)
    agent.beat()
    agent.link.start()
    wait_until(lambda: agent.session.is_born)
    host.send(bytes(20_000_000))
    wait_until(lambda: "bytes came" in agent.link.last_error)
    wait_until(lambda: len(host.of("NBIRTH")) == 2)
    assert agent.session.n_refused == 0
    agent.close()
    host.close()


def test_reason_is_that_of_the_socket_or_of_mqtt() -> None:
    lost = LostConnection()
    assert lost.words(0.0) == "the broker closed it, before it answered CONNECT and SUBSCRIBE"
    lost.is_answered = True
    lost.disconnected("Unspecified error")
    assert lost.words(0.0) == "the broker closed it"
    lost.sent("NDATA", 900, 5.0)
    assert lost.words(5.5) == "the broker closed it, 0.5 s after NDATA of 900 bytes"
    assert lost.words(50.0) == "the broker closed it"
    lost.logged("failed to receive on socket: [Errno 104] Connection reset by peer")
    assert lost.words(50.0) == "[Errno 104] Connection reset by peer"
    other = LostConnection()
    other.disconnected("Keep alive timeout")
    assert other.words(0.0) == "the broker did not answer within the keep-alive time"
