"""What every telemetry store owes ingest, over Parquet and over a real InfluxDB alike."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.energy.from_batches import gather
from ingest.energy.from_parquet import read_counters
from ingest.errors import StoreUnavailableError
from ingest.model.received_ranges import StoredRanges
from ingest.schema.influx import parse_address
from ingest.telemetry.influx import InfluxStore
from ingest.telemetry.parquet import ParquetStore
from ingest.telemetry.store import TelemetryStore
from tests.ingest.seeded_blocks import EPOCH, T0_US, block_of, rows_of, town

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000

Opener = Callable[[], TelemetryStore]


@pytest.fixture(params=["parquet", "influxdb"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the same store again and again, as restarts do."""
    opened: list[TelemetryStore] = []
    if request.param == "influxdb":
        url = request.getfixturevalue("influx").new_bucket(tmp_path.name)

    def open_again() -> TelemetryStore:
        store: TelemetryStore
        if request.param == "parquet":
            store = ParquetStore(tmp_path / "telemetry")
        else:
            store = InfluxStore(parse_address(url), None, tmp_path / "data")
        opened.append(store)
        return store

    yield open_again
    for store in opened:
        store.close()


def read_back(store: TelemetryStore, directory, start_us=T0_US - DAY_US, end_us=T0_US + DAY_US):
    return rows_of(list(store.period(directory, start_us, end_us)))


def test_every_column_comes_back_as_it_was_written_and_unknown_stays_unknown(open_store: Opener) -> None:
    directory = town(3, 40)
    block = block_of(directory)
    open_store().write(block)
    assert read_back(open_store(), directory) == rows_of([block.batch])


def test_nothing_known_comes_back_as_nothing_known(open_store: Opener) -> None:
    directory = town(2, 5)
    block = block_of(directory, unknown_share=1.1)
    open_store().write(block)
    assert read_back(open_store(), directory) == rows_of([block.batch])


def test_ids_with_any_character_come_back(open_store: Opener) -> None:
    directory = town(2, 3, controller_name="PJU ,={}\\", lamp_name='Jl. Melati "5%"\n=,é{}\\')
    block = block_of(directory)
    store = open_store()
    store.write(block)
    assert read_back(store, directory) == rows_of([block.batch])
    assert {ranges.controller_id for ranges in store.received()} == {"PJU ,=0\\", "PJU ,=1\\"}


def test_records_of_one_time_stay_apart(open_store: Opener) -> None:
    directory = town(1, 4)
    store = open_store()
    blocks = [block_of(directory, sequence=number) for number in (1, 2, 3)]
    for block in blocks:
        store.write(block)
    found = sorted(read_back(store, directory), key=lambda row: row["sequence"])
    assert found == rows_of([block.batch for block in blocks])


def test_marks_survive_a_restart(open_store: Opener) -> None:
    directory = town(2, 3)
    store = open_store()
    store.write(block_of(directory, sequence=1))
    ahead = StoredRanges("PJU-000", EPOCH, 2, (5, 9), (7, 9))
    block = block_of(directory, sequence=2, at_us=T0_US + MINUTE_US, controllers=[0])
    store.write(type(block)(block.batch, directory, block.lamp_name, block.circuit_name, (ahead,)))
    again = open_store()
    assert sorted(again.received(), key=lambda m: m.controller_id) == [ahead, StoredRanges("PJU-001", EPOCH, 1)]
    assert again.position() == store.position()


def test_marks_stand_after_settling(open_store: Opener) -> None:
    directory = town(1, 3)
    store = open_store()
    store.write(block_of(directory, sequence=1))
    store.settle(store.position(), store.received())
    store.write(block_of(directory, sequence=2, at_us=T0_US + MINUTE_US))
    assert open_store().received() == [StoredRanges("PJU-000", EPOCH, 2)]


def test_what_came_after_a_position_comes_in_the_order_of_writing(open_store: Opener) -> None:
    directory = town(2, 5)
    store = open_store()
    store.write(block_of(directory, sequence=1))
    position = store.position()
    late = block_of(directory, sequence=2, at_us=T0_US + MINUTE_US)
    old = block_of(directory, sequence=3, at_us=T0_US - 3 * 3_600_000_000, is_historical=True)
    store.write(late)
    store.write(old)
    again = open_store()
    assert rows_of(list(again.records(directory, after=position))) == rows_of([late.batch, old.batch])
    assert list(again.records(directory, after=again.position())) == []


def test_a_period_holds_its_start_and_not_its_end(open_store: Opener) -> None:
    directory = town(1, 3)
    store = open_store()
    blocks = [block_of(directory, sequence=i + 1, at_us=T0_US + i * MINUTE_US) for i in range(4)]
    for block in blocks:
        store.write(block)
    found = read_back(store, directory, T0_US + MINUTE_US, T0_US + 3 * MINUTE_US)
    assert found == rows_of([block.batch for block in blocks[1:3]])


def test_days_far_apart_in_one_block_are_all_found(open_store: Opener) -> None:
    directory = town(3, 4)
    block = block_of(directory)
    block.batch.at_us[:] = [T0_US - 20 * DAY_US, T0_US - 3 * DAY_US, T0_US]
    store = open_store()
    store.write(block)
    assert read_back(store, directory, T0_US - 30 * DAY_US, T0_US + 1) == rows_of([block.batch])


def test_records_of_controllers_that_the_register_has_lost_are_left_out(open_store: Opener) -> None:
    directory = town(3, 4)
    block = block_of(directory)
    store = open_store()
    store.write(block)
    found = read_back(store, town(2, 4))
    assert found == rows_of([block.batch])[:2]


def test_a_block_of_marks_alone_is_kept(open_store: Opener) -> None:
    directory = town(1, 3)
    block = block_of(directory, controllers=[])
    ranges = StoredRanges("PJU-000", 7, 12)
    open_store().write(type(block)(block.batch, directory, block.lamp_name, block.circuit_name, (ranges,)))
    assert open_store().received() == [ranges]


def test_upkeep_ends(open_store: Opener) -> None:
    directory = town(1, 3)
    store = open_store()
    store.write(block_of(directory))
    assert sum(1 for _ in range(1000) if store.upkeep(T0_US + MINUTE_US)) < 1000
    assert len(read_back(store, directory)) == 1


def test_an_unreachable_server_is_said_at_once(tmp_path: Path) -> None:
    address = parse_address("influxdb://127.0.0.1:1?org=o&bucket=b")
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        InfluxStore(address, None, tmp_path)


def test_energy_is_reckoned_from_the_same_counters_wherever_they_are_kept(open_store: Opener, tmp_path: Path) -> None:
    directory = town(3, 40)
    store, twin = open_store(), ParquetStore(tmp_path / "twin")
    for n in range(4):
        block = block_of(directory, sequence=n + 1, seed=n, at_us=T0_US + n * 15 * MINUTE_US)
        store.write(block)
        twin.write(block)
    span = (T0_US, T0_US + 20 * MINUTE_US)
    by_column = read_counters(twin.root, directory.places, *span, margin_us=DAY_US, lit_margin_us=5 * MINUTE_US)
    batches = store.period(directory, span[0] - DAY_US, span[1] + DAY_US)
    by_batch = gather(batches, directory.places, span[0] - 5 * MINUTE_US, span[1] + 5 * MINUTE_US)
    for name in ("lamps", "circuits", "cabinets", "power"):
        one, other = (getattr(counters, name) for counters in (by_column, by_batch))
        rows = sorted(zip(one.meter.tolist(), one.at_us.tolist(), one.value.tolist(), strict=True))
        assert rows == sorted(zip(other.meter.tolist(), other.at_us.tolist(), other.value.tolist(), strict=True))
        assert len(rows) > 5
