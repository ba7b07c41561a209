"""Messages that are not ours to believe: retained, stale, forged, deep or huge; and the way back from a forged one."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.__main__ import main
from edge_agent.agent import Agent
from edge_agent.config import parse_config
from edge_agent.control.command import LONGEST_DIM_MS, BadCommand, parse_command
from edge_agent.control.orders_file import forget_request, load_orders, save_orders
from edge_agent.errors import ConfigError
from edge_agent.link.host_state import HostState
from edge_agent.link.lost_connection import LostConnection
from edge_agent.printout import show_status
from edge_agent.schedule import BadSchedule, parse_schedule
from edge_agent.serial.profile import load_profiles
from edge_agent.status import AgentStatus
from edge_agent.tables import Table, read_toml
from edge_agent.wire import DataType, Metric, Payload, WireError, encode_payload, encode_state
from tests.edge_agent.broker_process import Broker, Host, wait_until
from tests.edge_agent.played_session import START_MS, Played
from tests.edge_agent.test_agent_cli import GOOD
from tests.edge_agent.test_control import Cabinet
from tests.edge_agent.test_mqtt_link import Linked

YEAR_9999_MS = 253_370_764_800_000


def document(version: int, **more: object) -> str:
    return json.dumps({"version": version, "timezone": "Asia/Jakarta", "on": "sunset", "off": "sunrise", **more})


def ncmd(*metrics: Metric, at_ms: int | None = None) -> bytes:
    return encode_payload(Payload(at_ms, None, metrics))


ORDERS = {
    "rebirth": (Metric(True, name="Node Control/Rebirth", datatype=DataType.BOOLEAN),),
    "schedule": (Metric(document(9), name="Schedule/Document", datatype=DataType.STRING),),
    "dim": (
        Metric(bytes([50] * 4), name="Lamps/Dim Command", datatype=DataType.UINT8_ARRAY),
        Metric(START_MS + 3_600_000, name="Lamps/Dim Until", datatype=DataType.DATE_TIME),
    ),
    "acknowledgement": (Metric(1, name="Outbox/Acknowledged", datatype=DataType.UINT64),),
}


@pytest.mark.parametrize("kind", ORDERS)
def test_retained_command_of_every_kind_is_refused_and_counted_and_the_same_one_live_is_taken(tmp_path, kind) -> None:
    played = Played(tmp_path)
    played.sweep()
    played.sweep()
    played.connect()
    played.now_s += 10
    epoch = Metric(played.outbox.epoch, name="Outbox/Epoch", datatype=DataType.UINT64)
    payload = ncmd(*ORDERS[kind], epoch)

    def effects() -> tuple:
        births = [name for name, _, _ in played.pump() if name == "NBIRTH"]
        return len(births), played.ears.document, len(played.ears.dims), played.outbox.n_held

    before = effects()
    for _ in range(3):
        played.session.received("spBv1.0/g/NCMD/n", payload, played.now_s, is_retained=True)
    assert played.session.n_refused == 3
    assert effects() == before
    played.session.received("spBv1.0/g/NCMD/n", payload, played.now_s)
    assert effects() != before
    assert played.session.n_refused == 3


def test_older_schedule_is_refused_and_newer_and_equal_ones_are_taken(tmp_path) -> None:
    control = Cabinet(tmp_path).control
    assert control.schedule(document(5))
    assert not control.schedule(document(4, on="18:00"))
    assert control.held_schedule() == document(5)
    assert control.schedule(document(5))
    assert control.schedule(document(6, on="18:00"))
    again = Cabinet(tmp_path).control
    assert again.held_schedule() == document(6, on="18:00")
    assert not again.schedule(document(5)), "also after a restart"


@pytest.mark.parametrize("version", [2**31, 2**31 + 1, 2**53, 2**63, 10**30, 10**39])
def test_version_from_two_to_the_31_on_is_refused_and_nobody_is_locked_out(tmp_path, version: int) -> None:
    control = Cabinet(tmp_path).control
    assert not control.schedule(document(version))
    assert control.held_schedule() is None
    assert control.schedule(document(2**31 - 1))


def test_version_of_thousands_of_digits_is_refused() -> None:
    text = document(1).replace('"version": 1', f'"version": {"9" * 9000}')
    with pytest.raises(BadSchedule):
        parse_schedule(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        document(1)[:-1] + ', "x": ' + "[" * 8000 + "]" * 8000 + "}",
        document(1).replace('"sunset"', "1e999"),
        document(1).replace("Asia/Jakarta", "A" * 10_000),
        document(1).replace("Asia/Jakarta", "\\u0000"),
        document(1, dim=[{"at": "١٢:00", "level": 5}]),
        document(1)[:-1] + ', "version": 2}',
    ],
    ids=["arrays", "objects", "deep in a good one", "infinity", "long zone", "null zone", "foreign digits", "twice"],
)
def test_hostile_document_is_refused_whole(tmp_path, text: str) -> None:
    played = Played(tmp_path)
    played.connect()
    with pytest.raises(BadSchedule):
        parse_schedule(text)
    control = Cabinet(tmp_path).control
    assert not control.schedule(text)
    assert control.held_schedule() is None


def test_schedule_on_the_card_that_is_hostile_leaves_the_sun(tmp_path) -> None:
    path = tmp_path / "orders.json"
    for schedule in (document(2**31), "[" * 60_000):
        path.write_text(json.dumps({"schedule": schedule, "overrides": {}}))
        assert Cabinet(tmp_path).control.held_schedule() is None
    for text in ("[" * 100_000, '{"schedule": null, "overrides": {"L-0000": [50, 1e400]}}', "9" * 2_000_000, "\xff"):
        path.write_text(text)
        assert Cabinet(tmp_path).control.held_schedule() is None


def test_forged_version_is_forgotten_by_the_command_while_the_agent_runs_and_the_next_birth_says_so(tmp_path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(GOOD.replace("mqtt://10.0.0.2:1883", "mqtt://127.0.0.1:1"))
    loaded = parse_config(read_toml(config), config, {})
    agent = Agent(loaded, load_profiles(loaded.profile_names, tmp_path), {})
    stop = threading.Event()
    runner = threading.Thread(target=agent.run, args=(stop,))
    runner.start()
    try:
        assert agent._control.schedule(document(2**31 - 1))
        assert not agent._control.schedule(document(7))
        assert main(["schedule", "forget", "--config", str(config)]) == 0
        wait_until(lambda: agent._control.held_schedule() is None)
        assert agent._control.schedule(document(7))
    finally:
        stop.set()
        runner.join()
        agent.close()
    assert load_orders(loaded.outbox.orders_path).schedule == document(7)


def test_schedule_is_shown_and_forgotten_while_the_agent_is_stopped(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("edge_agent.__main__.FORGET_WAIT_S", 0.1)
    config = tmp_path / "agent.toml"
    config.write_text(GOOD)
    orders = tmp_path / "outbox.db.orders.json"
    orders.write_text(json.dumps({"schedule": document(3), "overrides": {}}))
    assert main(["schedule", "show", "--config", str(config)]) == 0
    assert document(3) in capsys.readouterr().out
    assert main(["schedule", "forget", "--config", str(config)]) == 0
    assert "when it starts" in capsys.readouterr().out
    assert forget_request(orders).exists()
    cabinet = Cabinet(tmp_path)  # its orders stand elsewhere: nothing is forgotten there
    assert cabinet.control.held_schedule() is None
    loaded = parse_config(read_toml(config), config, {})
    agent = Agent(loaded, load_profiles(loaded.profile_names, tmp_path), {})
    assert agent._control.held_schedule() is None
    assert not forget_request(orders).exists()
    agent.close()


def test_birth_is_sent_anew_when_the_schedule_was_forgotten(tmp_path) -> None:
    played = Played(tmp_path)
    played.sweep()
    played.ears.document = document(5)
    played.connect()
    played.run(5)
    n_births = sum(kind == "NBIRTH" for kind, _, _ in played.sent)
    played.ears.document = None
    played.run(5)
    assert sum(kind == "NBIRTH" for kind, _, _ in played.sent) == n_births + 1


# --- dim commands ------------------------------------------------------------------------------------------------


def dim_until(until_ms: int, at_ms: int | None = None) -> bytes:
    levels = Metric(bytes([50] * 4), name="Lamps/Dim Command", datatype=DataType.UINT8_ARRAY)
    return ncmd(levels, Metric(until_ms, name="Lamps/Dim Until", datatype=DataType.DATE_TIME), at_ms=at_ms)


@pytest.mark.parametrize(
    ("until_ms", "at_ms"),
    [
        *((until_ms, at_ms) for until_ms in (YEAR_9999_MS, 2**63, 2**64 - 1) for at_ms in (None, 0, YEAR_9999_MS)),
        *((START_MS + LONGEST_DIM_MS + 1, at_ms) for at_ms in (None, 0, START_MS)),
    ],
)
def test_dim_for_years_is_refused(until_ms: int, at_ms: int | None) -> None:
    with pytest.raises(BadCommand, match="Lamps/Dim Until"):
        parse_command(dim_until(until_ms, at_ms), 4, START_MS)


def test_dim_within_a_year_is_taken_also_by_an_agent_whose_clock_is_early() -> None:
    assert parse_command(dim_until(START_MS + LONGEST_DIM_MS), 4, START_MS).dim
    assert parse_command(dim_until(START_MS + 1000, at_ms=START_MS), 4, 1_767_225_600_000).dim


def test_flood_of_dim_commands_writes_little_to_the_card_and_the_last_one_holds(tmp_path, monkeypatch) -> None:
    cabinet = Cabinet(tmp_path)
    written: list[int] = []

    def save(path: Path, orders) -> None:
        save_orders(path, orders)
        written.append(path.stat().st_size)

    monkeypatch.setattr("edge_agent.control.controller.save_orders", save)
    for i in range(2000):
        payload = ncmd(
            Metric(bytes([i % 100] * 3), name="Lamps/Dim Command", datatype=DataType.UINT8_ARRAY),
            Metric(cabinet.system_ms() + 3_600_000, name="Lamps/Dim Until", datatype=DataType.DATE_TIME),
        )
        command = parse_command(payload, 3, cabinet.system_ms())
        assert command.dim is not None
        cabinet.control.dim(command.dim)
        cabinet.now_s += 0.1
        cabinet.control.carry_out()
    assert sum(written) < 20_000
    assert len(written) <= 10
    cabinet.control.close()
    levels = {order.level for order in load_orders(tmp_path / "orders.json").overrides.values()}
    assert levels == {1999 % 100}


# --- the primary host --------------------------------------------------------------------------------------------


def test_sparkplug_2_2_host_is_understood_until_a_statement_of_3_0_comes() -> None:
    host = HostState("scada")
    assert host.topics == ("spBv1.0/STATE/scada", "STATE/scada")
    assert host.told(b"ONLINE", START_MS) is True
    assert host.is_version_2_2
    assert host.told(b"OFFLINE", START_MS) is False
    assert host.told(encode_state(is_online=True, timestamp_ms=START_MS), START_MS) is True
    assert host.told(b"OFFLINE", START_MS) is None
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
        HostState("scada").told(payload, START_MS)


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=200), json_values.map(json.dumps).map(str.encode)))
def test_state_of_any_bytes_gives_an_answer_or_a_wire_error(payload: bytes) -> None:
    with suppress(WireError):
        assert HostState("h").told(payload, START_MS) in {True, False, None}


def test_forged_state_from_the_future_does_not_make_the_hosts_own_words_stale() -> None:
    host = HostState("scada")
    assert host.told(encode_state(is_online=False, timestamp_ms=START_MS + 10**11), START_MS) is False
    assert host.told(encode_state(is_online=True, timestamp_ms=START_MS + 10), START_MS + 1000) is True


def test_stale_state_is_passed_over() -> None:
    host = HostState("scada")
    assert host.told(encode_state(is_online=True, timestamp_ms=START_MS), START_MS)
    assert host.told(encode_state(is_online=False, timestamp_ms=START_MS - 1), START_MS) is None


def test_status_says_that_the_primary_host_is_waited_for() -> None:
    status = AgentStatus(0, 0, 1, "1", "PJU-1", 4, broker_url="mqtt://b", waiting_for_host="scada")
    assert "mqtt://b: connected, waiting for primary host scada" in show_status(status, 1000)


@pytest.fixture
def broker(require_debian: Callable[[str], Path], tmp_path: Path) -> Iterator[Broker]:
    server = Broker(require_debian("mosquitto"), tmp_path)
    server.start()
    yield server
    server.kill()


def test_host_of_sparkplug_2_2_on_a_real_broker_is_waited_for_by_name_and_followed(broker, tmp_path) -> None:
    host = Host(broker.port, "g", "n")
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


def test_retained_command_on_a_real_broker_is_refused_at_each_connection(broker, tmp_path) -> None:
    host = Host(broker.port, "g", "n", is_acknowledging=False)
    payload = ncmd(*ORDERS["schedule"])
    host._client.publish("spBv1.0/g/NCMD/n", payload, 1, retain=True).wait_for_publish(5)
    agent = Linked(tmp_path, broker.url)
    agent.beat()
    agent.link.start()
    wait_until(lambda: agent.session.n_refused == 1)
    wait_until(lambda: agent.session.is_born)
    assert agent.ears.document is None
    host._client.publish("spBv1.0/g/NCMD/n", payload, 1, retain=True)  # to who is subscribed it comes as a live one
    wait_until(lambda: agent.ears.document is not None)
    agent.close()
    host.close()


# --- why a connection ended --------------------------------------------------------------------------------------


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
    host = Host(broker.port, "g", "n")
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


# --- the agent's own files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('id = "PJU-017"', 'id = "' + "x" * 10_000 + '"'),
        ('id = "PJU-017"', 'id = "a\\u0000b"'),
        ("latitude = 0.7893", "latitude = nan"),
        ("latitude = 0.7893", "latitude = " + "9" * 400),
        ("latitude = 0.7893", "latitude = " + "9" * 5000),
        ("latitude = 0.7893", "latitude = 1" + "0" * 400 + ".0"),
        ("address = 1,", "address = 1e999,"),
        ('path = "outbox.db"', 'path = "outbox\\u0000.db"'),
        ('path = "outbox.db"', 'path = "outbox.db"\nmax_mb = ' + "9" * 400),
        ('url = "mqtt://10.0.0.2:1883"', "url = " + json.dumps(["mqtt://10.0.0.2"] * 1000)),
        ('url = "mqtt://10.0.0.2:1883"', "url = " + "[" * 100_000),
        ("[controller]", "x = " + "[" * 5000 + "]" * 5000 + "\n[controller]"),
        ("[controller]", "#" + "x" * 1_100_000 + "\n[controller]"),
        ("[controller]", "a" + ".a" * 3000 + " = 1\n[controller]"),
    ],
)  # fmt: skip
def test_hostile_agent_file_is_one_clear_line(tmp_path, capsys, old: str, new: str) -> None:
    path = tmp_path / "agent.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    assert main(["check", "--config", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"terang-agent: {path}")
    assert len(said) < 500


def test_hostile_profile_is_one_clear_error(tmp_path) -> None:
    for text in ("[" * 100_000, "title = " + "9" * 5000, "\xff", "x = " + "[" * 50_000):
        (tmp_path / "own.toml").write_text(text, encoding="latin-1")
        with pytest.raises(ConfigError, match=r"own\.toml"):
            load_profiles(["own.toml"], tmp_path)


def test_number_of_any_size_is_refused_without_another_error() -> None:
    for value in (10**400, -(10**400), float("nan"), float("inf"), 10**5000):
        with pytest.raises(ConfigError):
            Table("f", {"x": value}).number("x")
        with pytest.raises(ConfigError):
            Table("f", {"x": value}).integer("x")


def test_random_status_file_is_one_clear_error(tmp_path, capsys) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(GOOD)
    source = random.Random(3)
    for data in (b"[" * 100_000, b"{}", b"null", source.randbytes(500), b'{"at_ms": "x"}', b"9" * 5000):
        (tmp_path / "outbox.db.status.json").write_bytes(data)
        assert main(["status", "--config", str(config)]) == 1
        assert capsys.readouterr().err.startswith("terang-agent:")
