"""Parquet segments: what is written comes back, merging and thinning change nothing that they should not."""

from dataclasses import fields
from pathlib import Path

import duckdb
import numpy as np
import pytest

from ingest.errors import StoreUnavailableError
from ingest.model.batch import Batch
from ingest.model.block import slice_batch
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.schema.segments import US_PER_DAY, table_files, visible
from ingest.telemetry.compaction import Compaction, Policy
from ingest.telemetry.merged_tables import THIN_US
from ingest.telemetry.parquet import ParquetStore
from tests.ingest.block_factory import T0_US, Row, make_block, make_directory

MINUTE_US = 60_000_000


def assert_same(first: Batch, second: Batch) -> None:
    for column in fields(Batch):
        np.testing.assert_array_equal(getattr(first, column.name), getattr(second, column.name), err_msg=column.name)


def count(root: Path, what: str = "count(*)", table: str = "lamps") -> int:
    row = duckdb.execute(f"SELECT {what} FROM read_parquet($1)", [list(map(str, table_files(root, table)))]).fetchone()
    assert row is not None
    return int(row[0])


def fill(store: ParquetStore, n_writes: int, *, at_us: int = T0_US) -> ReceivedRangesTable:
    directory, received = make_directory(), ReceivedRangesTable()
    for i in range(n_writes):
        rows = [Row(c, i + 1, at_us + i * MINUTE_US) for c in range(3)]
        store.write(make_block(directory, rows, received, seed=i))
    return received


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [2, 3, 0, 1], [1], [3, 1, 2, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0]], ids=str)
@pytest.mark.parametrize("n_lamps", [1500, 700, 3])
def test_every_reading_is_its_own_lamps(tmp_path: Path, order: list[int], n_lamps: int) -> None:
    """Cabinets in the register's order are sliced out of its names, others looked up, often repeated ones numbered."""
    store, directory = ParquetStore(tmp_path), make_directory(4, n_lamps)
    block = make_block(directory, [Row(c, 1 + i) for i, c in enumerate(order)])
    store.write(block)
    (path,) = table_files(tmp_path, "lamps")
    query = (
        "SELECT lamp_id, controller_id, sequence FROM read_parquet($1, file_row_number = true) ORDER BY file_row_number"
    )
    found = duckdb.execute(query, [str(path)]).fetchall()
    assert found == [(f"L-{c}-{i}", f"PJU-{c}", 1 + n) for n, c in enumerate(order) for i in range(n_lamps)]


def test_what_is_written_is_read_back_in_rounds(tmp_path: Path) -> None:
    store, directory = ParquetStore(tmp_path), make_directory()
    rows = [Row(0, 1), Row(1, 1), Row(0, 2, T0_US + MINUTE_US), Row(2, 9, T0_US - MINUTE_US, is_historical=True)]
    block = make_block(directory, rows)
    store.write(block)
    live, second, history = store.records(directory, after=0)
    assert_same(live, slice_batch(block.batch, 0, 2))
    assert_same(second, slice_batch(block.batch, 2, 3))
    assert_same(history, slice_batch(block.batch, 3, 4))
    assert not list(store.records(directory, after=store.position()))


def test_a_period_comes_in_order_of_time_also_after_merging(tmp_path: Path) -> None:
    store, directory = ParquetStore(tmp_path), make_directory()
    fill(store, 40)
    before = list(store.period(directory, T0_US, T0_US + 30 * MINUTE_US))
    store.settle(store.position(), [])
    assert store.upkeep(T0_US + 2 * US_PER_DAY)
    after = list(store.period(directory, T0_US, T0_US + 30 * MINUTE_US))
    assert sum(batch.n_records for batch in before) == 90
    assert [batch.at_us.tolist() for batch in before] == [batch.at_us.tolist() for batch in after]
    for one, other in zip(before, after, strict=True):
        order = [np.lexsort((batch.lamp,)) for batch in (one, other)]
        np.testing.assert_array_equal(one.power_w[order[0]], other.power_w[order[1]])


def test_a_restart_knows_every_record_with_and_without_the_marks_file(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    received = fill(store, 3)
    assert sorted(map(str, ParquetStore(tmp_path).received())) == sorted(map(str, received.states()))
    store.settle(store.position(), received.states())
    assert sorted(map(str, ParquetStore(tmp_path).received())) == sorted(map(str, received.states()))
    (tmp_path / "marks.json").write_text("{broken")
    assert sorted(map(str, ParquetStore(tmp_path).received())) == sorted(map(str, received.states()))


def test_a_block_over_midnight_is_known_by_its_halves(tmp_path: Path) -> None:
    store, directory = ParquetStore(tmp_path), make_directory()
    midnight = T0_US // US_PER_DAY * US_PER_DAY + US_PER_DAY
    rows = [Row(0, 1, midnight - 1), Row(0, 2, midnight), Row(0, 3, midnight + 1)]
    store.write(make_block(directory, rows))
    _, second = sorted(tmp_path.glob("day=*"))
    for path in second.iterdir():  # the crash came between the two
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    held = ReceivedRangesTable()
    for state in ParquetStore(tmp_path).received():
        held.restore(state)
    ranges = held.get("PJU-0", rows[0].epoch)
    assert ranges is not None
    assert [ranges.holds(n) for n in (1, 2, 3)] == [True, False, False]


def test_merging_keeps_every_row_and_mark_and_sorts_by_lamp(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    received = fill(store, 40)
    size = count(tmp_path)
    store.settle(store.position() - 5, [])
    while store.upkeep(T0_US + 2 * US_PER_DAY):
        pass
    (tmp_path / "marks.json").unlink()
    assert count(tmp_path) == size
    assert count(tmp_path, "count(DISTINCT (controller_id, epoch, sequence, lamp_id))") == size
    assert len(table_files(tmp_path, "lamps")) == 6
    merged = duckdb.execute("SELECT lamp_id, at_us FROM read_parquet($1)", [str(table_files(tmp_path, "lamps")[0])])
    rows = merged.fetchall()
    assert rows == sorted(rows)
    assert sorted(map(str, ParquetStore(tmp_path).received())) == sorted(map(str, received.states()))


def test_what_a_merge_covers_is_hidden_at_once_and_deleted_later(tmp_path: Path) -> None:
    store, clock = ParquetStore(tmp_path), Time()
    fill(store, 4)
    (staging,) = tmp_path.glob("tmp-*")
    compaction = Compaction(tmp_path, Policy(), staging=staging, monotonic=clock)
    assert compaction.run(T0_US + 2 * US_PER_DAY, store.position())
    (day,) = tmp_path.glob("day=*")
    assert len(list(day.iterdir())) == 5
    assert len(visible(path.name for path in day.iterdir())) == 1
    compaction.run(T0_US + 2 * US_PER_DAY, store.position())
    clock.now = 61.0
    while compaction.run(T0_US + 2 * US_PER_DAY, store.position()):
        pass
    assert len(list(day.iterdir())) == 1


def test_small_segments_of_today_merge_and_the_newest_stay(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    fill(store, 40)
    store.settle(store.position(), [])
    assert store.upkeep(T0_US)
    assert len(table_files(tmp_path, "lamps")) == 9


def test_old_readings_thin_to_quarter_hours_once(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path, Policy(full_days=10, keep_days=100))
    at_us = T0_US // THIN_US * THIN_US
    fill(store, 60, at_us=at_us)
    store.settle(store.position(), [])
    is_first = f"at_us < {at_us + THIN_US} AND lamp_id = 'L-1-2'"
    first_quarter = f"CAST(round(1000 * avg(power_w) FILTER ({is_first})) AS BIGINT)"
    measured = count(tmp_path, first_quarter)
    while store.upkeep(at_us + 20 * US_PER_DAY):
        pass
    assert count(tmp_path) == 12 * 4
    assert abs(count(tmp_path, first_quarter) - measured) <= 1
    assert count(tmp_path, table="cabinets") == 180
    assert not store.upkeep(at_us + 20 * US_PER_DAY)


def test_what_is_past_its_time_goes(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path, Policy(full_days=10, keep_days=100))
    fill(store, 2)
    assert store.upkeep(T0_US + 102 * US_PER_DAY)
    assert not table_files(tmp_path, "lamps")
    store.settle(store.position(), [])
    assert ParquetStore(tmp_path).position() == 2


def test_a_refused_write_leaves_nothing_and_may_be_tried_again(tmp_path: Path) -> None:
    store, directory = ParquetStore(tmp_path), make_directory()
    day = tmp_path / "day=2026-09-21"
    day.write_text("in the way")
    block = make_block(directory, [Row(0, 1)])
    with pytest.raises(StoreUnavailableError):
        store.write(block)
    assert [path.name for path in tmp_path.rglob("*") if not path.name.startswith("tmp-")] == [day.name]
    day.unlink()
    store.write(block)
    assert count(tmp_path) == 4


def test_a_writer_that_hung_while_another_opened_the_store_can_add_and_change_nothing(tmp_path: Path) -> None:
    hung, directory = ParquetStore(tmp_path, Policy(full_days=10, keep_days=100)), make_directory()
    received = fill(hung, 40)
    hung.settle(hung.position(), received.states())
    owner = ParquetStore(tmp_path)
    for touch in (
        lambda: hung.write(make_block(directory, [Row(0, 41)])),
        lambda: hung.upkeep(T0_US + 2 * US_PER_DAY),  # a merge
        lambda: hung.upkeep(T0_US + 20 * US_PER_DAY),  # a thinning
    ):
        with pytest.raises(StoreUnavailableError, match="another ingest has opened this store"):
            touch()
    assert owner.position() == 40
    owner.write(make_block(directory, [Row(0, 41)]))
    assert count(tmp_path, "count(*)", "cabinets") == count(
        tmp_path, "count(DISTINCT (controller_id, sequence))", "cabinets"
    )
    owner.close()
    assert not list(tmp_path.glob("tmp-*"))


def test_a_day_at_rest_is_looked_at_again_when_something_comes_or_its_time_has_come(tmp_path: Path) -> None:
    store, directory, clock = ParquetStore(tmp_path), make_directory(), Time()
    (staging,) = tmp_path.glob("tmp-*")
    compaction = Compaction(tmp_path, Policy(full_days=10, keep_days=100), staging=staging, monotonic=clock)
    later = T0_US + 2 * US_PER_DAY

    def work(settled: int, now_us: int = later) -> int:
        n_pieces = 0
        while compaction.run(now_us, settled):
            clock.now += 100.0
            n_pieces += 1
        return n_pieces

    fill(store, 3)
    assert work(store.position() - 1)
    assert len(table_files(tmp_path, "lamps")) == 2, "the newest is not settled yet"
    clock.now += 100.0
    assert work(store.position())
    clock.now += 100.0
    work(store.position())
    assert len(list(tmp_path.glob("day=*/*"))) == 1
    store.write(make_block(directory, [Row(1, 99, T0_US, is_historical=True)]))
    assert work(store.position())
    assert len(table_files(tmp_path, "lamps")) == 1
    n_rows = count(tmp_path)
    clock.now += 100.0
    work(store.position())
    assert work(store.position(), later + 10 * US_PER_DAY)
    assert count(tmp_path) < n_rows, "thinned"


def test_a_file_that_the_disk_has_damaged_hides_and_stops_nothing_else(tmp_path: Path) -> None:
    store, directory = ParquetStore(tmp_path), make_directory()
    received = fill(store, 3)
    whole = count(tmp_path, table="cabinets")
    damaged = table_files(tmp_path, "lamps")[1]
    damaged.write_bytes(damaged.read_bytes()[:100])
    again = ParquetStore(tmp_path)
    assert sum(batch.n_records for batch in again.records(directory, after=0)) == whole
    period = list(again.period(directory, T0_US, T0_US + 30 * MINUTE_US))
    assert sum(batch.n_readings for batch in period) == 24
    again.settle(again.position(), received.states())
    while again.upkeep(T0_US + 2 * US_PER_DAY):
        pass
    assert damaged.exists(), "left for a person to look at"
