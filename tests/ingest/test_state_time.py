"""A STATE with a later time than ours is answered by a new connection, but not by one for each of them."""

from types import SimpleNamespace

import pytest

from edge_agent.wire import encode_state
from ingest.mqtt.connection import Broker, BrokerAddress
from ingest.mqtt.state_time import StateTime


@pytest.fixture
def stand() -> SimpleNamespace:
    now = SimpleNamespace(s=1000.0)
    reported: list[str] = []
    state = StateTime(lambda: int(now.s * 1000), lambda: now.s)
    state.tell = reported.append
    state.renew()
    return SimpleNamespace(now=now, state=state, reported=reported)


def test_the_first_later_state_is_answered_at_once_by_a_later_time(stand: SimpleNamespace) -> None:
    later = stand.state.ms + 60_000
    assert stand.state.hear(later)
    assert stand.state.must_reconnect()
    assert not stand.state.must_reconnect()
    assert stand.state.renew() == later + 1
    assert len(stand.reported) == 1


def test_ever_later_states_cost_few_connections_and_each_is_reported(stand: SimpleNamespace) -> None:
    n_connections = 0
    for _ in range(36_000):  # an hour, ten a second
        stand.now.s += 0.1
        stand.state.hear(stand.state.ms + 1)
        if stand.state.must_reconnect():
            n_connections += 1
            stand.state.renew()
    assert 60 <= n_connections <= 70
    assert len(stand.reported) >= n_connections


def test_the_wait_ends_and_the_latest_of_all_times_counts(stand: SimpleNamespace) -> None:
    for _ in range(6):
        stand.now.s += 60
        stand.state.hear(stand.state.ms + 1)
        assert stand.state.must_reconnect()
        stand.state.renew()
    latest = stand.state.ms + 7_000_000
    for at_ms in (latest - 5, latest, latest - 9):
        stand.state.hear(at_ms)
        assert not stand.state.must_reconnect()
    stand.now.s += 60
    assert stand.state.must_reconnect()
    assert stand.state.renew() == latest + 1
    stand.now.s += 3600
    stand.state.hear(stand.state.ms + 1)
    assert stand.state.must_reconnect(), "after a quiet hour it is the first again"


def test_absurd_and_older_times_change_nothing(stand: SimpleNamespace) -> None:
    for at_ms in (0, stand.state.ms, stand.state.ms + 2 * 86_400_000):
        assert not stand.state.hear(at_ms)
    assert not stand.state.must_reconnect()
    assert not stand.reported


def test_a_connection_is_given_up_for_the_first_of_many_forged_states_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = SimpleNamespace(s=1000.0)
    broker = Broker(
        BrokerAddress("127.0.0.1", 1),
        group="g",
        host_id="h",
        client_id="c",
        wall_ms=lambda: int(now.s * 1000),
        monotonic=lambda: now.s,
    )
    lost: list[str] = []
    monkeypatch.setattr(broker, "_lost", lost.append)
    monkeypatch.setattr(broker, "flush", lambda: None)
    monkeypatch.setattr(broker._client, "buffer", SimpleNamespace(is_dry=False))
    monkeypatch.setattr(broker._client, "loop_read", lambda: 1)
    monkeypatch.setattr(broker._client, "loop_misc", lambda: 0)
    broker._is_open = broker.is_subscribed = True
    for i in range(50):
        now.s += 0.01
        broker.state_time.renew()
        broker._on_state(encode_state(is_online=False, timestamp_ms=broker.state_time.ms + 1000 * i + 1))
        broker._turn(0.0, 1)
    assert [reason.code for reason in lost] == ["readiness.later_state"]
