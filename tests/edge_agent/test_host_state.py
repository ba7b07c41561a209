"""The primary host's STATE: both versions of Sparkplug, hostile, forged and stale ones; and what `status` says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.link.host_state import HostState
from edge_agent.printout import show_status
from edge_agent.status import AgentStatus
from edge_agent.wire import WireError, encode_state
from languages.catalogue import load_catalogue
from tests.edge_agent.broker_process import Broker, RecordingHost, wait_until
from tests.edge_agent.played_session import START_MS, Played
from tests.edge_agent.test_mqtt_link import Linked


def test_sparkplug_2_2_host_is_understood_until_a_statement_of_3_0_comes() -> None:
    host = HostState("scada")
    assert host.topics == ("spBv1.0/STATE/scada", "STATE/scada")
    assert host.received(b"ONLINE", START_MS) is True
    assert host.is_version_2_2
    assert host.received(b"OFFLINE", START_MS) is False
    assert host.received(encode_state(is_online=True, timestamp_ms=START_MS), START_MS) is True
    assert host.received(b"OFFLINE", START_MS) is None
    assert host.is_online


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"online?",
        b"[" * 100_000,
        b"{" * 4000,
        b"\xff\xfe",
        b'{"online": true}',
        b'{"online": 1, "timestamp": 5}',
        b'{"online": true, "timestamp": -1}',
        b'{"online": true, "timestamp": 1e3}',
        b'{"online": true, "timestamp": true}',
        b'{"online": true, "timestamp": 9223372036854775808}',
        b'{"online": true, "timestamp": ' + b"9" * 4500 + b"}",
        b'{"online": true, "timestamp": 9007199254740991}',
        b" " * 1_000_000 + b"ONLINE",
    ],
)
def test_hostile_state_is_refused_and_the_host_stays_awaited(tmp_path, payload: bytes) -> None:
    played = Played(tmp_path, primary_host="scada")
    played.sweep()
    played.connect()
    played.session.received("spBv1.0/STATE/scada", payload, 0.0, is_retained=True)
    assert played.session.n_refused == 1
    assert played.session.is_waiting_for_host
    with pytest.raises(WireError):
        HostState("scada").received(payload, START_MS)


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=200), json_values.map(json.dumps).map(str.encode)))
def test_state_of_any_bytes_gives_an_answer_or_a_wire_error(payload: bytes) -> None:
    with suppress(WireError):
        assert HostState("h").received(payload, START_MS) in {True, False, None}


def test_forged_state_from_the_future_does_not_make_the_hosts_own_words_stale() -> None:
    host = HostState("scada")
    assert host.received(encode_state(is_online=False, timestamp_ms=START_MS + 10**11), START_MS) is False
    assert host.received(encode_state(is_online=True, timestamp_ms=START_MS + 10), START_MS + 1000) is True


def test_stale_state_is_passed_over() -> None:
    host = HostState("scada")
    assert host.received(encode_state(is_online=True, timestamp_ms=START_MS), START_MS)
    assert host.received(encode_state(is_online=False, timestamp_ms=START_MS - 1), START_MS) is None


def test_status_says_that_the_primary_host_is_waited_for() -> None:
    status = AgentStatus(0, 0, 1, "1", "PJU-1", 4, broker_url="mqtt://b", waiting_for_host="scada")
    assert "mqtt://b: connected, waiting for primary host scada" in show_status(status, 1000, load_catalogue("en"))


@pytest.fixture
def broker(require_debian: Callable[[str], Path], tmp_path: Path) -> Iterator[Broker]:
    server = Broker(require_debian("mosquitto"), tmp_path)
    server.start()
    yield server
    server.kill()


def test_host_of_sparkplug_2_2_on_a_real_broker_is_waited_for_by_name_and_followed(broker, tmp_path) -> None:
    host = RecordingHost(broker.port, "g", "n")
    agent = Linked(tmp_path, broker.url, primary_host="scada")
    agent.beat()
    agent.link.start()
    wait_until(lambda: agent.session.is_waiting_for_host)
    assert not host.of("NBIRTH")
    host._client.publish("STATE/scada", b"ONLINE", 1, retain=True)
    wait_until(lambda: host.of("NBIRTH"))
    host._client.publish("STATE/scada", b"OFFLINE", 1, retain=True)
    wait_until(lambda: host.of("NDEATH"))
    agent.close()
    host.close()
