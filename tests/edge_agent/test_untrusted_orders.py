"""Messages that are not ours to believe: retained, stale, forged, deep or huge; and the way back from a forged one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.__main__ import main
from edge_agent.agent import Agent
from edge_agent.config import parse_config
from edge_agent.control.command import LONGEST_DIM_MS, BadCommand, parse_command
from edge_agent.control.orders_file import forget_request, load_orders, save_orders
from edge_agent.serial.profile_file import load_profiles
from edge_agent.tables import read_toml
from edge_agent.wire import DataType, Metric, Payload, encode_payload
from edge_agent.wire.schedule import BadSchedule, parse_schedule
from tests.edge_agent.broker_process import Broker, RecordingHost, wait_until
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

    monkeypatch.setattr("edge_agent.control.orders_keeper.save_orders", save)
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


@pytest.fixture
def broker(require_debian: Callable[[str], Path], tmp_path: Path) -> Iterator[Broker]:
    server = Broker(require_debian("mosquitto"), tmp_path)
    server.start()
    yield server
    server.kill()


def test_retained_command_on_a_real_broker_is_refused_at_each_connection(broker, tmp_path) -> None:
    host = RecordingHost(broker.port, "g", "n", is_acknowledging=False)
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
