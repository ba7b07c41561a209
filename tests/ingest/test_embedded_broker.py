"""The broker inside the process: a whole city without any server installed."""

import sys
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from ingest.city.__main__ import main as terang_city
from ingest.errors import UnusableError
from ingest.mqtt.embedded_broker import EmbeddedBroker, parse_embedded
from tests.ingest.city_stand import IngestProcess, free_port, stored_records, wait_until, write_city
from tests.ingest.played_agents import PlayedFleet


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("embedded:", ("127.0.0.1", 1883)),
        ("embedded:1884", ("127.0.0.1", 1884)),
        ("embedded:0.0.0.0:1885", ("0.0.0.0", 1885)),
    ],
)
def test_an_embedded_address(url: str, address: tuple[str, int]) -> None:
    assert parse_embedded(url) == address


def test_a_port_in_use_is_reported() -> None:
    first = EmbeddedBroker("127.0.0.1", free_port())
    first.start()
    try:
        second = EmbeddedBroker(*first._bind.split(":"))  # type: ignore[arg-type]  # text serves as a port as well
        with pytest.raises(UnusableError, match="address already in use"):
            second.start()
    finally:
        first.stop()


def test_agents_reach_ingest_through_the_broker_inside_it(tmp_path: Path) -> None:
    port = free_port()
    city = write_city(tmp_path / "city", n_controllers=2, n_lamps=3, broker_port=port)
    path = city / "city.toml"
    path.write_text(path.read_text().replace(f"mqtt://127.0.0.1:{port}", f"embedded:{port}"))
    ingest = IngestProcess(city)
    ingest.start()
    try:
        wait_until(ingest.is_ready, 60)
        fleet = PlayedFleet(port, 2, 3)
        fleet.birth()
        fleet.sweep(dt_ms=1000)
        fleet.settle()
        fleet.close()
        assert len(stored_records(city)) == 2
        assert ingest.stop() == 0
    finally:
        ingest.kill()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.10", "[::]", "::", "broker.kota", "127.0.0.1.example"])
def test_beyond_this_machine_only_with_passwords(host: str) -> None:
    with pytest.raises(UnusableError, match="only with passwords"):
        EmbeddedBroker(host, 1883)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "[::1]", "::1", "localhost"])
def test_on_this_machine_without(host: str) -> None:
    EmbeddedBroker(host, 1883)


@pytest.mark.parametrize("mode", [0o640, 0o644])
def test_a_file_of_passwords_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "passwords"
    path.write_text("x:y\n")
    path.chmod(mode)
    with pytest.raises(UnusableError, match="chmod 600"):
        EmbeddedBroker("127.0.0.1", 1883, path)


def test_who_has_no_password_does_not_get_in(tmp_path: Path, monkeypatch, capsys) -> None:
    city = write_city(tmp_path / "city", n_controllers=1, n_lamps=1, broker_port=1)
    with (city / "city.toml").open("a") as file:
        file.write('passwords = "passwords"\n')
    secrets = {}
    for name in ("PJU-000", "ingest", "PJU-000"):  # the second one of a name takes the first one's place
        monkeypatch.setattr(sys, "argv", ["terang-city", "broker-password", name, "--city", str(city)])
        with pytest.raises(SystemExit):
            terang_city()
        first, secrets[name] = secrets.get(name), capsys.readouterr().out.strip()
    path = city / "passwords"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not any(secret in path.read_text() for secret in secrets.values())
    broker = EmbeddedBroker("0.0.0.0", port := free_port(), path)
    broker.start()
    try:
        for username, password, is_welcome in (
            ("PJU-000", secrets["PJU-000"], True),
            ("ingest", secrets["ingest"], True),
            ("PJU-000", first, False),
            ("PJU-000", secrets["ingest"], False),
            ("PJU-000", None, False),
            ("stranger", secrets["ingest"], False),
            (None, None, False),
        ):
            assert _connects(port, username, password) == is_welcome, username
    finally:
        broker.stop()


def _connects(port: int, username: str | None, password: str | None) -> bool:
    answers: list[bool] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    client.on_connect = lambda _client, _userdata, _flags, reason, _properties: answers.append(not reason.is_failure)
    client.on_disconnect = lambda *_: answers.append(False)
    if username is not None:
        client.username_pw_set(username, password)
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(lambda: bool(answers))
    client.disconnect()
    client.loop_stop()
    return answers[0]
