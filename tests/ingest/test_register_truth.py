"""Which register counts: the database's once one was applied; a folder may change it, never an older or a cut one."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import structlog

from ingest.assembly import CityIngest
from ingest.city.importing import replace_files
from ingest.database import open_database
from ingest.jobs.register_watch import RegisterWatch
from ingest.options import Options
from ingest.register.archive import KEPT, files_of, keep, kept_registers
from ingest.register.column_cache import FILE_NAME
from ingest.register.database_table import load_register, stored_version
from ingest.register.folder_register import read_city_files, read_folder
from ingest.register.position_order import is_along_cable
from ingest.register.sync import apply_folder, sync_register
from ingest.schema.city import read_city

HEADER = "lamp_id,cabinet_id,circuit,latitude,longitude,street"


def lamps_text(n_lamps, prefix="L"):
    rows = [f"{prefix}-{n},C-1,1,{0.5 + n * 0.0003:.4f},102.0,Jl. Melati" for n in range(n_lamps)]
    return "\n".join([HEADER, *rows]) + "\n"


def write(folder, lamps, url="sqlite:///data/terang.db"):
    folder.mkdir(exist_ok=True)
    if not (folder / "city.toml").exists():
        (folder / "city.toml").write_text(f'[city]\nname = "Kota"\n[database]\nurl = "{url}"\n')
    (folder / "cabinets.csv").write_text("cabinet_id,controller_id\nC-1,PJU-1\n")
    (folder / "lamps.csv").write_text(lamps)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "kota", lamps_text(600))
    return tmp_path / "kota"


@pytest.fixture
def engine(folder):
    opened = open_database(read_city(folder, {}))
    yield opened
    opened.dispose()


def waits(engine, folder):
    """The number of lamps that stay, and the reason that is logged."""
    with structlog.testing.capture_logs() as logged:
        register, _issues = sync_register(engine, folder)
    return len(register.lamps), " ".join(entry.get("reason", "") for entry in logged)


WHOLE = lamps_text(600)


@pytest.mark.parametrize(
    ("lamps", "said"),
    [
        (WHOLE[: len(WHOLE) // 2], "the last row of lamps.csv is cut off"),
        (WHOLE[:-4], "the last row of lamps.csv is cut off"),  # within the last field
        (lamps_text(598) + "L-598,C-1,1\n", "the last row of lamps.csv is cut off"),
        (lamps_text(300), "300 of 600 lamps would vanish"),
        (HEADER + "\n", "600 of 600 lamps would vanish"),
        (lamps_text(600, "X"), "600 of 600 lamps would vanish"),
        ("id,lat\n1,2\n", "the column lamp_id is missing"),
        ("", "no header"),
    ],
)
def test_a_file_that_was_copied_halfway_waits_for_a_persons_word(folder, engine, lamps, said):
    sync_register(engine, folder)
    (folder / "lamps.csv").write_text(lamps)
    for _look in range(2):
        n_lamps, reason = waits(engine, folder)
        assert (n_lamps, said in reason) == (600, True), reason
    (folder / "lamps.csv").unlink()
    assert waits(engine, folder)[0] == 600


def test_cabinets_that_vanish_wait_too(folder, engine):
    rows = "".join(f"C-{n},\n" for n in range(2, 40))
    (folder / "cabinets.csv").write_text("cabinet_id,controller_id\nC-1,PJU-1\n" + rows)
    sync_register(engine, folder)
    (folder / "cabinets.csv").write_text("cabinet_id,controller_id\nC-1,PJU-1\n")
    assert "38 of 39 cabinets would vanish" in waits(engine, folder)[1]


def test_small_changes_count_within_one_look(folder, engine):
    sync_register(engine, folder)
    (folder / "lamps.csv").write_text(lamps_text(590))
    assert waits(engine, folder) == (590, "")


def test_what_waits_is_applied_by_command(folder, engine):
    sync_register(engine, folder)
    (folder / "lamps.csv").write_text(lamps_text(300))
    waits(engine, folder)
    assert apply_folder(engine, folder, read_folder(folder), "by hand") == 2
    assert waits(engine, folder) == (300, "")


def test_a_header_without_lamps_does_not_end_ingest(tmp_path):
    write(tmp_path / "kota", HEADER + "\n")
    text = '[city]\nname = "Kota"\n[broker]\nurl = "embedded:127.0.0.1:0"\n'
    (tmp_path / "kota" / "city.toml").write_text(text)
    ingest = CityIngest(read_city(tmp_path / "kota", {}), Options(status_port=-1))
    ingest.close()


def test_a_takeover_with_an_older_folder_changes_nothing(tmp_path, postgresql):
    url = postgresql.make_database()
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write(ours, lamps_text(20), url)
    shutil.copytree(ours, theirs)
    engine = open_database(read_city(ours, {}))
    try:
        sync_register(engine, ours, is_takeover=True)
        sync_register(engine, theirs, is_takeover=True)
        (ours / "lamps.csv").write_text(lamps_text(19))
        sync_register(engine, ours)  # edited where the city is served
        assert stored_version(engine) == 2
        for is_takeover in (True, False):
            with structlog.testing.capture_logs() as logged:
                register, _ = sync_register(engine, theirs, is_takeover=is_takeover)
            assert (register.version, len(register.lamps)) == (2, 19)
            assert "the database holds version 2, the folder's files are version 1 of it" in logged[0]["reason"]
        (theirs / "lamps.csv").write_text(lamps_text(21))  # edited, but on an old version
        assert "were edited on version 1" in waits(engine, theirs)[1]
        shutil.rmtree(theirs / "data")  # a machine that is set up anew
        assert "nobody applied" in waits(engine, theirs)[1]
        assert apply_folder(engine, theirs, read_folder(theirs), "theirs") == 3
        assert waits(engine, ours)[0] == 21
    finally:
        engine.dispose()


def test_an_import_that_ends_between_database_and_folder_is_finished(folder, engine, monkeypatch):
    sync_register(engine, folder)
    lamps, cabinets = lamps_text(10).encode(), (folder / "cabinets.csv").read_bytes()

    class PowerCut(BaseException):
        pass

    def cut(_folder):
        raise PowerCut

    monkeypatch.setattr("ingest.city.importing.publish", cut)
    monkeypatch.setattr("ingest.city.importing.discard", lambda _folder: None)
    with pytest.raises(PowerCut):
        replace_files(folder, engine, lamps, cabinets, "a.csv")
    register, _ = sync_register(engine, folder)
    assert len(register.lamps) == 10
    assert (folder / "lamps.csv").read_bytes() == lamps


def test_the_watch_reads_a_file_only_once_it_stands_still(folder, engine):
    register, _ = sync_register(engine, folder)
    now = [0.0]
    got = []
    watch = RegisterWatch(engine, folder, register.version, got.append, lambda: now[0])
    for n_lamps in (599, 598, 597):  # a copy that grows from look to look
        (folder / "lamps.csv").write_text(lamps_text(n_lamps))
        now[0] += 5.0
        watch.run(0)
        assert got == []
    now[0] += 1.0
    watch.run(0)
    assert [len(new.lamps) for new in got] == [597]


def test_replaced_registers_are_kept_and_the_oldest_go(folder, engine):
    data = folder / "data"
    for n in range(KEPT + 3):
        (folder / "lamps.csv").write_text(lamps_text(600 - n))
        sync_register(engine, folder)
    kept = kept_registers(data)
    assert [one.version for one in kept] == list(range(KEPT + 3, 3, -1))
    lamps, _cabinets = files_of(kept[1])
    assert lamps.decode() == lamps_text(600 - KEPT - 1)
    (data / "registers" / "register-000099-abcdefabcdef.zip").write_bytes(b"rubbish")
    assert [one.version for one in kept_registers(data)] == [one.version for one in kept]


def test_a_register_from_before_is_kept_when_it_is_replaced(folder, engine):
    sync_register(engine, folder)
    shutil.rmtree(folder / "data" / "registers")  # as an older release left it
    (folder / "data" / FILE_NAME).unlink()
    (folder / "lamps.csv").write_text(lamps_text(599))
    sync_register(engine, folder)
    old = kept_registers(folder / "data")[-1]
    assert (old.version, old.n_lamps) == (1, 600)
    assert files_of(old)[0].count(b"\n") == 601


def test_a_full_disk_keeps_no_old_register_and_says_so(folder, engine, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ingest.register.sync.keep", full)
    with structlog.testing.capture_logs() as logged:
        sync_register(engine, folder)
    assert any("could not be kept" in entry["event"] for entry in logged)
    assert stored_version(engine) == 1


def test_keep_leaves_no_half_written_file(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _handle: (_ for _ in ()).throw(OSError(5, "I/O")))
    with pytest.raises(OSError, match="I/O"):
        keep(tmp_path, 1, "d" * 64, b"", b"", "a", 0)
    assert list((tmp_path / "registers").iterdir()) == []


def positions(order, blank=True):
    rows = [
        f"L-{at},C-1,1,{number},{'' if blank else 'survey'},{0.5 + at * 0.0003:.4f},102.0"
        for at, number in enumerate(order)
    ]
    return "lamp_id,cabinet_id,circuit,position,position_source,latitude,longitude\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("order", "source"),
    [
        (range(1, 11), "survey"),
        (range(10, 0, -1), "survey"),  # nobody knows where the cabinet stands
        ([5, 10, 20, 30, 40], "survey"),  # gaps are no contradiction
        ([1, 2, 4, 3, 5, 6, 7, 8], "estimated"),
        ([2, 1, 3, 4, 5, 6, 7, 8], "estimated"),
        ([1, 2, 3, 3, 4, 5], "estimated"),
        ([1, 5, 2, 6, 3, 7, 4, 8], "estimated"),
    ],
)
def test_positions_without_a_source_are_a_surveys_only_where_they_run_along_the_cable(tmp_path, order, source):
    write(tmp_path / "kota", positions(order))
    register, _ = read_city_files(tmp_path / "kota")
    assert set(register.lamps.position_source) == {source}
    found = read_folder(tmp_path / "kota")
    n_lamps = len(list(order))
    assert (found.n_survey, found.n_estimated) == ((n_lamps, 0) if source == "survey" else (0, n_lamps))
    write(tmp_path / "kota", positions(order, blank=False))
    assert set(read_city_files(tmp_path / "kota")[0].lamps.position_source) == {"survey"}


def test_the_first_lamp_stands_at_the_cabinet():
    latitude = 0.5 + np.arange(8) * 0.0003
    longitude = np.full(8, 102.0)
    position = np.arange(1, 9, dtype=np.int32)
    assert is_along_cable(latitude, longitude, position, (0.4998, 102.0))
    assert not is_along_cable(latitude, longitude, position[::-1], (0.4998, 102.0))


def test_ids_are_compared_in_one_normal_form(tmp_path):
    text = HEADER + "\nCafe\u0301-1,P\u00e9-1,1,0.5,102,a\nCaf\u00e9-1,Pe\u0301-1,1,0.6,102,b\n"
    write(tmp_path / "kota", text)
    (tmp_path / "kota" / "cabinets.csv").write_text("cabinet_id\nPe\u0301-1\n")
    register, issues = read_city_files(tmp_path / "kota")
    assert register.lamps.lamp_id == ["Caf\u00e9-1"]
    assert register.lamps.cabinet.tolist() == [0]
    assert "stands in line 2 already" in str(issues[0])


def test_the_database_holds_what_the_folder_says_after_all(folder, engine):
    sync_register(engine, folder)
    assert load_register(engine).lamps.lamp_id == read_city_files(folder)[0].lamps.lamp_id


def test_what_waits_is_told_until_it_waits_no_more(folder, engine):
    reported = []
    sync_register(engine, folder, tell=reported.append)
    assert reported == [None]
    (folder / "lamps.csv").write_text(lamps_text(300))
    sync_register(engine, folder, tell=reported.append)
    waits = "the folder's register waits for 'terang-city apply': 300 of 600 lamps would vanish"
    assert [str(one) for one in reported[1:]] == [waits]
    now = [0.0]
    watch = RegisterWatch(engine, folder, 1, lambda _register: None, lambda: now[0], reported.append)
    apply_folder(engine, folder, read_folder(folder), "a person")
    now[0] += 6.0
    watch.run(0)
    assert reported[2:] == [None]
    (folder / "lamps.csv").write_text(lamps_text(600))
    sync_register(engine, folder, tell=reported.append)
    assert reported[3:] == [None]
