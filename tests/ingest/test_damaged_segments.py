"""A segment that is torn, empty, garbage or incomplete: every reader leaves it out, lists it, and goes on."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.__main__ import main
from ingest.database import open_database
from ingest.energy.database_table import cabinet_sums, renew_hours
from ingest.energy.from_parquet import read_counters
from ingest.energy.report import list_missing
from ingest.model.batch import UNKNOWN_UINT32, UNKNOWN_UINT64
from ingest.model.fleet import Fleet
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.register.sync import sync_register
from ingest.replay import run_replay
from ingest.schema.city import read_city
from ingest.schema.segments import US_PER_DAY, segment_folders, table_files
from ingest.telemetry.compaction import SET_ASIDE
from ingest.telemetry.damaged_files import DamagedFiles, read_file
from ingest.telemetry.parquet import ParquetStore
from languages.catalogue import load_catalogue
from languages.message import Message
from tests.ingest.block_factory import T0_US, Row, make_block, make_directory

MINUTE_US = 60_000_000
N_WRITES, N_CONTROLLERS = 6, 3
TABLES = ("lamps", "circuits", "cabinets")


def cut_to_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def break_footer(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-40:-8] = random.Random(1).randbytes(32)
    path.write_bytes(data)


def break_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4 : len(data) // 2] = random.Random(1).randbytes(len(data) // 2 - 4)
    path.write_bytes(data)


def remove(path: Path) -> None:
    path.unlink()


def replace_by_another_table(path: Path) -> None:
    pq.write_table(pa.table({"nothing": [1, 2, 3]}), path)


def make_unreadable(path: Path) -> None:
    path.unlink()
    path.mkdir()  # permissions hold nobody back who is root; a folder cannot be read by anybody


def put_a_pipe_there(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)  # whoever opens it waits for a writer


DAMAGES = [
    cut_to_half, empty, break_footer, remove, replace_by_another_table, make_unreadable, break_pages, put_a_pipe_there,
]  # fmt: skip  # a list of words


def fill(root: Path, n_writes: int = N_WRITES) -> tuple[ParquetStore, ReceivedRangesTable]:
    store, directory, received = ParquetStore(root), make_directory(), ReceivedRangesTable()
    for i in range(n_writes):
        rows = [Row(c, i + 1, T0_US + i * MINUTE_US) for c in range(N_CONTROLLERS)]
        store.write(make_block(directory, rows, received, seed=i))
    return store, received


def exhaust(store: ParquetStore, now_us: int) -> None:
    for _ in range(200):
        if not store.upkeep(now_us):
            return
    raise AssertionError("upkeep never comes to an end")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_reader_goes_on_without_the_file_and_lists_it(
    tmp_path: Path, damage: Callable[[Path], None], table: str
) -> None:
    _store, received = fill(tmp_path)
    victim = table_files(tmp_path, table)[2]
    damage(victim)
    reported: list[tuple[int, Message | None]] = []
    damaged = DamagedFiles(lambda n, warning: reported.append((n, warning)))
    again, directory = ParquetStore(tmp_path, damaged=damaged), make_directory()

    assert len(again.received()) == N_CONTROLLERS
    n_records = sum(batch.n_records for batch in again.records(directory, after=0))
    assert n_records >= (N_WRITES - 1) * N_CONTROLLERS
    period = list(again.period(directory, T0_US, T0_US + 30 * MINUTE_US))
    assert sum(batch.n_records for batch in period) >= (N_WRITES - 1) * N_CONTROLLERS

    again.settle(again.position(), received.states())
    exhaust(again, T0_US + 2 * US_PER_DAY)
    exhaust(again, T0_US + 90 * US_PER_DAY)  # beyond full resolution: thinning
    assert victim.parent.exists(), "nothing merges over a segment that it could not read"
    assert victim in damaged.paths()
    assert reported[-1][0] == 1
    assert reported[-1][1] is not None
    assert victim.name in str(reported[-1][1])
    # the others were merged on both sides of it
    assert len(segment_folders(tmp_path)) == 3
    store_without = sum(
        batch.n_records for batch in ParquetStore(tmp_path, is_reader=True).records(directory, after=-1)
    )
    assert store_without >= (N_WRITES - 1) * N_CONTROLLERS

    again.write(make_block(directory, [Row(0, 99, T0_US + 99 * MINUTE_US)], received, seed=99))


def test_a_file_that_comes_back_is_struck_off_the_list(tmp_path: Path) -> None:
    fill(tmp_path)
    victim = table_files(tmp_path, "lamps")[2]
    whole = victim.read_bytes()
    cut_to_half(victim)
    damaged = DamagedFiles()
    store, directory = ParquetStore(tmp_path, damaged=damaged), make_directory()
    list(store.records(directory, after=0))
    assert damaged.paths() == [victim]
    victim.write_bytes(whole)
    assert len({batch.n_readings for batch in store.records(directory, after=0)}) == 1
    assert damaged.paths() == []
    assert damaged.warning() is None


def test_a_torn_merged_segment_gives_way_to_those_that_it_was_merged_from(tmp_path: Path) -> None:
    store, received = fill(tmp_path)
    store.settle(store.position(), received.states())
    before = [path.parent for path in table_files(tmp_path, "cabinets")]
    copies = {folder: shutil.copytree(folder, tmp_path / f"copy-{folder.name}") for folder in before}
    exhaust(store, T0_US + 2 * US_PER_DAY)
    (merged,) = segment_folders(tmp_path)
    for folder, copy in copies.items():  # as they stand until a minute after the merge
        if not folder.exists():
            shutil.copytree(copy, folder)
    cut_to_half(merged / "lamps.parquet")
    again = ParquetStore(tmp_path)
    again.settle(again.position(), received.states())
    exhaust(again, T0_US + 2 * US_PER_DAY)
    batches = list(again.records(make_directory(), after=-1))
    assert sum(batch.n_records for batch in batches) == N_WRITES * N_CONTROLLERS
    assert sum(batch.n_readings for batch in batches) > 0
    aside = merged.with_name(f"{SET_ASIDE}{merged.name}")
    assert aside.is_dir(), "kept for a person to look at"
    assert aside in again.damaged.paths()


@pytest.mark.parametrize("seed", range(24))
def test_no_mutation_of_a_file_escapes_a_reader(tmp_path: Path, city, seed: int) -> None:
    _settings, _engine, fleet = city
    tmp_path = tmp_path / "store"
    _store, received = fill(tmp_path, 3)
    rng = random.Random(seed)
    victim = table_files(tmp_path, rng.choice(TABLES))[1]
    data = bytearray(victim.read_bytes())
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    victim.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
    store, directory = ParquetStore(tmp_path), make_directory()
    store.received()
    list(store.records(directory, after=0))
    list(store.period(directory, T0_US, T0_US + 30 * MINUTE_US))
    read_counters(tmp_path, fleet, T0_US, T0_US + 30 * MINUTE_US, margin_us=0, lit_margin_us=0, damaged=store.damaged)
    list_missing(tmp_path, T0_US, T0_US + 30 * MINUTE_US, store.damaged)
    store.settle(store.position(), received.states())
    exhaust(store, T0_US + 2 * US_PER_DAY)
    exhaust(store, T0_US + 90 * US_PER_DAY)


CITY = """[city]\nname = "Kota"\n[schedule]\non = "18:00"\noff = "06:00"\n"""
LAMPS = """lamp_id,cabinet_id,circuit,latitude,longitude,rated_power_w,technology,bus,address,profile
L-0-0,C-1,1,0.5,102,100,HPS,A,1,pzem-016
"""


@pytest.fixture
def city(tmp_path: Path):
    """A city with two stored segments of lamp counters, 15 minutes apart."""
    (tmp_path / "city.toml").write_text(CITY)
    (tmp_path / "lamps.csv").write_text(LAMPS)
    (tmp_path / "cabinets.csv").write_text("cabinet_id,controller_id\nC-1,PJU-0\n")
    found = read_city(tmp_path, {})
    engine = open_database(found)
    fleet = Fleet.from_register(sync_register(engine, tmp_path)[0])
    yield found, engine, fleet
    engine.dispose()


def write_counts(store: ParquetStore, start_us: int, counts: list[int]) -> None:
    """A segment for each count of one lamp's counter, 15 minutes apart."""
    directory, received = make_directory(1, 1), ReceivedRangesTable()
    for i, count in enumerate(counts):
        block = make_block(directory, [Row(0, i + 1, start_us + i * 15 * MINUTE_US)], received)
        changed = {"energy_wh": np.array([count], np.uint32), "cabinet_energy_wh": np.array([UNKNOWN_UINT64])}
        changed |= {"circuit_energy_wh": np.array([UNKNOWN_UINT32], np.uint32)}
        store.write(replace(block, batch=replace(block.batch, **changed)))


@pytest.mark.parametrize("table", ["lamps", "cabinets"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_energy_of_the_city_goes_on_and_the_command_says_what_is_missing(
    city,
    damage: Callable[[Path], None],
    table: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings, engine, fleet = city
    root = settings.folder / "data" / "telemetry"
    start = T0_US // US_PER_DAY * US_PER_DAY + 13 * 60 * MINUTE_US
    write_counts(ParquetStore(root), start, [1000, 1025, 1050, 1075, 1100, 1125, 1150, 1175, 1200])
    damage(table_files(root, table)[4])
    damaged = DamagedFiles()
    for _ in renew_hours(engine, settings, fleet, start, start + 120 * MINUTE_US, damaged=damaged):
        pass
    (row,) = cabinet_sums(engine, start, start + 120 * MINUTE_US)
    assert row.measured_wh + row.interpolated_wh == pytest.approx(200)

    month = str(np.datetime64(start, "us"))[:7]
    monkeypatch.setattr(sys, "argv", ["terang-ingest", "energy", "--city", str(settings.folder), "--month", month])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    out = capsys.readouterr()
    assert "C-1" in out.out
    assert "incomplete: 1 file" in out.err

    day = str(np.datetime64(start, "us"))[:10]
    run_replay(settings, day, f"{day}T23:59", None, load_catalogue("en"))


@pytest.mark.parametrize("column", ["power_w", "energy_wh", "lamp_id", "at_us"])
def test_a_flipped_bit_makes_no_other_reading(tmp_path: Path, column: str) -> None:
    """Parquet's pages bear checksums: what is read is what was written, or is not read."""
    fill(tmp_path, 1)
    path = table_files(tmp_path, "lamps")[0]
    written, rng, good = pq.read_table(path, partitioning=None), random.Random(1), path.read_bytes()
    group = pq.read_metadata(path).row_group(0)
    (chunk,) = (group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == column)
    end = chunk.data_page_offset + chunk.total_compressed_size
    for _ in range(20):
        data = bytearray(good)
        data[end - rng.randrange(1, 16)] ^= 1 << rng.randrange(8)  # of the page's values
        path.write_bytes(data)
        assert read_file(path, DamagedFiles()) is None
    path.write_bytes(good)
    found = read_file(path, DamagedFiles())
    assert found is not None
    assert found.equals(written)


def test_somebodys_file_where_a_day_should_be_is_passed_over(tmp_path: Path) -> None:
    store, _ = fill(tmp_path)
    before = store.received()
    (tmp_path / "day=2026-01-01").write_bytes(b"a copy that went wrong")
    assert ParquetStore(tmp_path).received() == before
    assert len(table_files(tmp_path, "lamps")) == N_WRITES
