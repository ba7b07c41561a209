"""The broker inside the process: a whole city without any server installed."""

from pathlib import Path

import pytest

from ingest.errors import UnusableError
from ingest.mqtt.embedded_broker import EmbeddedBroker, parse_embedded
from tests.ingest.city_stand import IngestProcess, PlayedFleet, free_port, stored_records, wait_until, write_city


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


def test_a_port_in_use_is_told() -> None:
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
        wait_until(fleet.is_settled)
        fleet.close()
        assert len(stored_records(city)) == 2
        assert ingest.stop() == 0
    finally:
        ingest.kill()
