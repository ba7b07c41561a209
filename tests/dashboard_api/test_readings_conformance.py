"""What the API answers of a lamp's readings, from Parquet and from a real InfluxDB alike: the same."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dashboard_api.errors import UnavailableError, UnusableError
from dashboard_api.readings.store import ReadingStore, open_readings
from ingest.schema.city import City, read_city
from ingest.telemetry.opening import open_store
from tests.influx_server import InfluxServer
from tests.ingest.seeded_blocks import T0_US, block_of, town

MINUTE_US = 60_000_000
T0 = T0_US // (900 * 1_000_000) * 900 * 1_000_000  # a quarter of an hour begins
N_SWEEPS = 40


def city_with(folder: Path, url: str, environment: dict[str, str] | None = None) -> City:
    folder.mkdir(exist_ok=True)
    (folder / "city.toml").write_text(f'[city]\nname = "Kota Uji"\n[telemetry]\nurl = "{url}"\n')
    return read_city(folder, environment or {})


def fill(city: City) -> None:
    directory = town(2, 3, lamp_name="Jl. Melati {}")
    store = open_store(city)
    for i in range(N_SWEEPS):
        block = block_of(directory, sequence=i + 1, at_us=T0 + i * MINUTE_US)
        energy = np.arange(6, dtype=np.uint32) + i
        store.write(replace(block, batch=replace(block.batch, energy_wh=energy)))
    store.close()


@pytest.fixture(scope="module")
def both(influx: InfluxServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ReadingStore, ReadingStore]]:
    folder = tmp_path_factory.mktemp("cities")
    cities = [
        city_with(folder / "parquet", "parquet:data/telemetry"),
        city_with(folder / "influx", influx.new_bucket("readings")),
    ]
    for city in cities:
        fill(city)
    stores = [open_readings(city) for city in cities]
    yield stores[0], stores[1]
    for store in stores:
        store.close()


def plain(table: pa.Table) -> dict[str, list[float]]:
    """The columns; NaN where a value is unknown."""
    return {
        name: [np.nan if value is None else float(value) for value in table.column(name).to_pylist()]
        for name in table.column_names
    }


def same(columns: dict[str, list[float]]) -> dict[str, object]:
    """What equals ``columns`` as far as float32 resolves: each store adds up in its own order."""
    return {
        name: values if name == "at_us" else pytest.approx(values, rel=3e-7, nan_ok=True)
        for name, values in columns.items()
    }


@pytest.mark.parametrize("every_s", [None, 60, 300, 900, 3600])
def test_both_stores_answer_the_same(both: tuple[ReadingStore, ReadingStore], every_s: int | None) -> None:
    for lamp_id in ("Jl. Melati 0", "Jl. Melati 5"):
        parquet, influx = (plain(store.lamp(lamp_id, T0, T0 + 3_600_000_000, every_s)) for store in both)
        assert influx == same(parquet)
        assert len(influx["at_us"]) == N_SWEEPS if every_s in {None, 60} else len(influx["at_us"]) < N_SWEEPS


def test_a_span_holds_its_start_and_not_its_end(both: tuple[ReadingStore, ReadingStore]) -> None:
    for store in both:
        table = store.lamp("Jl. Melati 1", T0 + MINUTE_US, T0 + 3 * MINUTE_US, None)
        assert table.column("at_us").to_pylist() == [T0 + MINUTE_US, T0 + 2 * MINUTE_US]


def test_a_lamp_that_never_spoke_has_no_readings(both: tuple[ReadingStore, ReadingStore]) -> None:
    for store in both:
        for every_s in (None, 900):
            assert store.lamp("nobody' OR 1=1 --", T0, T0 + MINUTE_US, every_s).num_rows == 0


def test_a_server_that_does_not_answer_is_told_as_unavailable(tmp_path: Path) -> None:
    store = open_readings(city_with(tmp_path, "influxdb://127.0.0.1:1?org=o&bucket=b"))
    with pytest.raises(UnavailableError, match=r"telemetry\.no_answer"):
        store.lamp("L-1", T0, T0 + 1, None)


def test_a_bucket_that_is_not_there_is_told_as_unavailable(influx: InfluxServer, tmp_path: Path) -> None:
    url = f"influxdb://127.0.0.1:{influx.port}?org=terang&bucket=nowhere"
    with pytest.raises(UnavailableError, match="database not found"):
        open_readings(city_with(tmp_path, url)).lamp("L-1", T0, T0 + 1, None)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("influxdb://127.0.0.1:8086", "org is missing"),
        ("influxdb://127.0.0.1:8086?org=o", "bucket is missing"),
        ("influxdb://127.0.0.1:8086?org=o&bucket=b&token=x", "token: unknown"),
        ("influxdb://127.0.0.1:none?org=o&bucket=b", "is not influxdb://HOST"),
        ("influxdb://a:b@127.0.0.1?org=o&bucket=b", "is not influxdb://HOST"),
    ],
)
def test_a_broken_address_is_one_clear_line(tmp_path: Path, url: str, reason: str) -> None:
    with pytest.raises(UnusableError, match=reason):
        open_readings(city_with(tmp_path, url))


def test_the_token_comes_from_the_environment_or_its_file(tmp_path: Path) -> None:
    url = "influxdb://127.0.0.1:8086?org=o&bucket=b"
    assert city_with(tmp_path, url).telemetry_token() is None
    assert city_with(tmp_path, url, {"TERANG_TELEMETRY_TOKEN": "abc"}).telemetry_token() == "abc"
    from_file = {"TERANG_TELEMETRY_TOKEN_FILE": "token.txt"}
    with pytest.raises(UnusableError, match=r"token_file: .*token\.txt"):
        open_readings(city_with(tmp_path, url, from_file))
    (tmp_path / "token.txt").write_text("def\n")
    assert city_with(tmp_path, url, from_file).telemetry_token() == "def"
