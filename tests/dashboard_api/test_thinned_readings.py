"""Last year's readings from Parquet and from a real InfluxDB alike: quarter-hour means, made by each store's upkeep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dashboard_api.readings.store import ReadingStore, open_readings
from ingest.schema.city import City, read_city
from ingest.schema.influx_thinning import HOUR_NS, setup_statements
from ingest.telemetry.opening import open_store
from tests.influx_server import InfluxServer
from tests.ingest.seeded_blocks import T0_US, block_of, town

MINUTE_US, HOUR_US, DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000
T0 = T0_US // HOUR_US * HOUR_US + 20 * MINUTE_US
N_OLD, N_NEW = 150, 20  # sweeps of a minute: from 20 past on for two and a half hours; and some of yesterday
NOW = T0 + 40 * DAY_US
NEW = NOW - DAY_US
QUARTER_US = 15 * MINUTE_US
BUCKET = "thinned city"


def fill(city: City) -> int:
    """Old and new readings, and upkeep until there is no more to do; how many pieces there were."""
    directory = town(2, 3)
    store = open_store(city)
    times = [T0 + i * MINUTE_US for i in range(N_OLD)] + [NEW + i * MINUTE_US for i in range(N_NEW)]
    for i, at_us in enumerate(times):
        block = block_of(directory, sequence=i + 1, at_us=at_us)
        energy = np.arange(6, dtype=np.uint32) + i
        store.write(replace(block, batch=replace(block.batch, energy_wh=energy)))
    store.settle(store.position(), store.received())
    n_pieces = 0
    while store.upkeep(NOW):
        n_pieces += 1
    store.close()
    again = open_store(city)  # as after a restart: what is thinned is not thinned again
    assert not again.upkeep(NOW)
    again.close()
    return n_pieces


def city_with(folder: Path, url: str) -> City:
    folder.mkdir()
    (folder / "city.toml").write_text(
        f'[city]\nname = "Kota Uji"\n[telemetry]\nurl = "{url}"\nfull_resolution_days = 30\n', encoding="utf-8"
    )
    return read_city(folder, {})


@pytest.fixture(scope="module")
def both(influx: InfluxServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ReadingStore, ReadingStore]]:
    folder = tmp_path_factory.mktemp("thinned")
    url = influx.new_bucket(BUCKET)
    for statement in setup_statements(BUCKET, 30, 100_000):
        influx.ask(statement.replace("37d SHARD", "0d SHARD"))  # this test's readings are years old already
    cities = [city_with(folder / "parquet", "parquet:data/telemetry"), city_with(folder / "influx", url)]
    n_pieces = [fill(city) for city in cities]
    assert n_pieces[1] == 3  # hours
    stores = [open_readings(city) for city in cities]
    yield stores[0], stores[1]
    for store in stores:
        store.close()


def rows(store: ReadingStore, start_us: int, end_us: int, every_s: int | None = None) -> dict[int, dict[str, object]]:
    """Readings by the quarter of an hour in which they stand, or by their time if there are several in one."""
    table = store.lamp("L-000004", start_us, end_us, every_s).to_pylist()
    step = QUARTER_US if start_us < NEW else 1
    found = {row.pop("at_us") // step: {k: None if v is None else round(v, 3) for k, v in row.items()} for row in table}
    assert len(found) == len(table)
    return found


def test_old_readings_are_the_same_means(both: tuple[ReadingStore, ReadingStore]) -> None:
    parquet, influx = (rows(store, T0 - HOUR_US, T0 + 3 * HOUR_US) for store in both)
    assert len(influx) == 11  # 20 past to 50 past, ten quarters and the part of one at either end
    assert influx == parquet


def test_new_readings_are_whole(both: tuple[ReadingStore, ReadingStore]) -> None:
    parquet, influx = (rows(store, NEW, NOW) for store in both)
    assert len(influx) == N_NEW
    assert influx == parquet


def test_a_span_over_both_holds_both(both: tuple[ReadingStore, ReadingStore]) -> None:
    for store in both:
        assert store.lamp("L-000004", T0 - DAY_US, NOW, None).num_rows == 11 + N_NEW
        means = store.lamp("L-000004", T0 - DAY_US, NOW, 86_400)
        assert means.num_rows == 2
        assert means.column("at_us").to_pylist() == [T0 // DAY_US * DAY_US, NEW // DAY_US * DAY_US]


def test_circuits_and_cabinets_are_kept_whole(both: tuple[ReadingStore, ReadingStore], influx: InfluxServer) -> None:
    del both  # filled
    for measurement, field, n in (("cabinets", "sequence", 2), ("circuits", "sequence", 4)):
        (series,) = influx.ask(f'SELECT count("{field}") FROM "terang_thinned"."{measurement}"', BUCKET)
        assert series["values"][0][1] == n * N_OLD
    (progress,) = influx.ask('SELECT last("hours") FROM "thinning"', BUCKET)
    assert progress["values"][0][1] == (T0 + (N_OLD - 1) * MINUTE_US) * 1000 // HOUR_NS + 1


def test_without_the_policy_nothing_is_thinned(influx: InfluxServer, tmp_path: Path) -> None:
    city = city_with(tmp_path / "city", influx.new_bucket("whole city"))
    assert fill(city) == 0
    assert open_readings(city).lamp("L-000004", T0, NOW, None).num_rows == N_OLD + N_NEW
