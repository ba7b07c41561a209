"""A damaged SQLite database is set aside and made anew; one that is locked, newer or merely new is left alone."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from sqlalchemy.exc import DatabaseError, OperationalError

from dashboard_api.access.admission import LOCAL, PUBLIC, Admission
from dashboard_api.errors import UnavailableError
from dashboard_api.store.engine import Database
from ingest import __main__ as main_module
from ingest.assembly import CityIngest
from ingest.damaged_database import damage_of, kept_databases, kept_warning, replace_damaged
from ingest.database import is_damage, open_database
from ingest.errors import DamagedDatabaseError, UnusableError
from ingest.jobs.faults import FaultJob
from ingest.metrics import Metrics, Readiness
from ingest.options import Options
from ingest.pipeline.job_guard import JobGuard
from ingest.register.sync import sync_register
from ingest.schema.city import City, read_city
from tests.ingest.city_stand import IngestProcess, Mosquitto, PlayedFleet, wait_until, write_city


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))


def header(path: Path) -> None:
    path.write_bytes(b"garbage" * 700 + path.read_bytes()[4900:])


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def a_few_bytes(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def zeroes(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def torn_pages(path: Path) -> None:
    """Every fourth page is half of what it was."""
    data = bytearray(path.read_bytes())
    for begin in range(4096, len(data), 4 * 4096):
        data[begin : begin + 2048] = random.Random(begin).randbytes(2048)
    path.write_bytes(data)


def the_schemas_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:4096] = random.Random(2).randbytes(3996)
    path.write_bytes(data)


def shuffled_pages(path: Path) -> None:
    """As a disk that wrote to the wrong places."""
    data = path.read_bytes()
    pages = [data[i : i + 4096] for i in range(4096, len(data), 4096)]
    random.Random(3).shuffle(pages)
    path.write_bytes(data[:4096] + b"".join(pages))


DAMAGES = (garbage, header, half, a_few_bytes, zeroes, torn_pages, the_schemas_page, shuffled_pages)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_city(tmp_path_factory.mktemp("whole") / "city", n_controllers=3, n_lamps=40, broker_port=1)
    made = read_city(folder, {})
    made.data_folder.mkdir()
    engine = open_database(made)
    sync_register(engine, made.folder)
    engine.dispose()
    return folder


@pytest.fixture
def city(whole: Path, tmp_path: Path) -> City:
    return read_city(Path(shutil.copytree(whole, tmp_path / "city")), {})


def database_of(city: City) -> Path:
    return city.data_folder / "terang.db"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_is_set_aside_whole_and_the_register_comes_from_the_folder(
    city: City, damage: Callable[[Path], None]
) -> None:
    path = database_of(city)
    damage(path)
    damaged = path.read_bytes()
    kept = replace_damaged(city)
    assert kept is not None
    assert kept.name.startswith("terang.db.damaged-")
    assert kept.read_bytes() == damaged
    assert kept_databases(city) == [kept]
    assert kept.name in str(kept_warning(city))
    engine = open_database(city)
    register, _ = sync_register(engine, city.folder)
    engine.dispose()
    assert len(register.lamps) == 120
    assert register.version == 2, "no version is given to two registers"
    assert replace_damaged(city) is None
    assert damage_of(path) is None


def test_any_page_that_is_torn_is_noticed_or_holds_nothing_that_can_be_checked(city: City) -> None:
    path = database_of(city)
    whole = path.read_bytes()
    noticed = 0
    rng = random.Random(4)
    pages = range(0, len(whole), 4096)
    for begin in pages:
        data = bytearray(whole)
        data[begin : begin + 4096] = rng.randbytes(4096)
        path.write_bytes(data)
        noticed += damage_of(path) is not None
    assert noticed == len(pages)


def test_a_database_that_somebody_has_locked_is_left_alone(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.damaged_database._BUSY_TIMEOUT_S", 0.1)
    holder = sqlite3.connect(database_of(city))
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    assert replace_damaged(city) is None
    holder.rollback()
    holder.close()
    assert replace_damaged(city) is None
    assert kept_databases(city) == []


def test_a_database_of_a_newer_version_is_left_alone_and_refused_in_one_line(city: City) -> None:
    with sqlite3.connect(database_of(city)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert replace_damaged(city) is None
    with pytest.raises(UnusableError, match="another version of Terang"):
        open_database(city)
    assert kept_databases(city) == []


@pytest.mark.parametrize("what", ["missing", "empty", "folder", "no tables", "rows that break a rule"])
def test_what_is_no_damage_is_left_alone(city: City, what: str) -> None:
    path = database_of(city)
    if what == "rows that break a rule":
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("CREATE TABLE old (a TEXT)")
            connection.execute("INSERT INTO old VALUES (NULL)")
            connection.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE old (a TEXT NOT NULL)' WHERE name = 'old'")
    else:
        path.unlink()
        if what == "empty":
            path.touch()
        elif what == "folder":
            path.mkdir()
        elif what == "no tables":
            with sqlite3.connect(path) as connection:
                connection.execute("PRAGMA user_version = 3")
    assert replace_damaged(city) is None
    assert kept_databases(city) == []


def test_an_empty_file_beside_a_log_is_damage_and_both_are_kept(city: City) -> None:
    path = database_of(city)
    path.write_bytes(b"")
    path.with_name("terang.db-wal").write_bytes(b"log")
    kept = replace_damaged(city)
    assert kept is not None
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == b"log"
    assert not path.with_name("terang.db-wal").exists()


@pytest.mark.parametrize("what", ["readable", "unreadable", "never any"])
def test_a_city_that_had_accounts_is_not_open_to_everybody_at_the_machine_afterwards(city: City, what: str) -> None:
    path = database_of(city)
    if what != "never any":
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("INSERT INTO users VALUES ('u', 'ani', 'administrator', '[]', NULL, 0, NULL, NULL, 1)")
        (city.data_folder / "audit-head.json").write_text("{}")
    if what == "readable":
        (city.data_folder / "audit-head.json").unlink()
        with closing(sqlite3.connect(path)) as connection:
            (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'lamps'").fetchone()
        data = bytearray(path.read_bytes())
        data[(page - 1) * 4096 : page * 4096] = bytes(4096)
        path.write_bytes(data)
    else:
        garbage(path)
    assert replace_damaged(city) is not None
    open_database(city).dispose()
    database = Database(city)
    lost = city.data_folder / "accounts-lost.txt"
    admission = Admission(database, lambda: 0, is_loopback=True, are_accounts_lost=lost.exists)
    principal = admission.nobody(has_accounts=admission.has_accounts())
    assert principal is (LOCAL if what == "never any" else PUBLIC)
    database.close()


def test_the_api_turns_to_the_new_file_and_says_that_the_old_one_was_damaged(city: City) -> None:
    database = Database(city)
    assert database.register_version() == 1
    assert database.warnings() == {}
    garbage(database_of(city))
    kept = replace_damaged(city)
    assert kept is not None
    with pytest.raises(UnavailableError):
        database.register_version()
    engine = open_database(city)
    sync_register(engine, city.folder)
    engine.dispose()
    assert database.register_version() == 2
    assert kept.name in database.warnings()["database"]
    database.close()


def damaged_error() -> DatabaseError:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT | 1 << 8
    return DatabaseError("SELECT 1", {}, error)


def test_damage_that_is_met_while_in_use_is_not_taken_for_a_database_that_is_away() -> None:
    locked = sqlite3.OperationalError("database is locked")
    locked.sqlite_errorcode = sqlite3.SQLITE_BUSY
    assert not is_damage(OperationalError("SELECT 1", {}, locked))
    assert not is_damage(sqlite3.OperationalError("no such table: lamps"))
    error = damaged_error()

    def fails(*_: object) -> None:
        raise error

    job = FaultJob(SimpleNamespace(apply=fails, poll_claims=fails))  # type: ignore[arg-type]  # what is asked of it
    with pytest.raises(DamagedDatabaseError):
        job.apply([SimpleNamespace()], 1)  # type: ignore[list-item]  # as above
    with pytest.raises(DamagedDatabaseError):
        job.poll_claims()
    guard = JobGuard(Metrics(), Readiness(), lambda: 0.0)
    with pytest.raises(DamagedDatabaseError):
        guard.call("job", fails)


def test_damage_in_the_middle_opens_the_city_again_without_that_database(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bool] = []

    class Ingest:
        def __init__(self, _city: City, options: Options) -> None:
            opened.append(options.is_database_damaged)
            self.kept = replace_damaged(city, is_known=options.is_database_damaged)
            self.intake = SimpleNamespace(run=self._run)

        def _run(self, _is_stopped: object) -> None:
            if self.kept is None:
                raise DamagedDatabaseError("malformed")

        def close(self) -> None:
            opened.append(False)

    monkeypatch.setattr(main_module, "CityIngest", Ingest)
    for name in ("StopSignal", "collect_rarely", "keep_memory", "gc", "os.umask"):  # what a process does to itself
        monkeypatch.setattr(f"ingest.__main__.{name}", MagicMock())
    main_module.run(SimpleNamespace(invoked_subcommand=None), city.folder)  # type: ignore[arg-type]  # what is asked of it
    assert opened == [False, False, True, False], "opened, closed, opened again knowing it, closed"
    assert len(kept_databases(city)) == 1


def test_damage_that_the_check_does_not_find_is_found_by_the_start(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.damaged_database.damage_of", lambda _path: None)
    garbage(database_of(city))
    with pytest.raises(DamagedDatabaseError):
        open_database(city)
    ingest = CityIngest(city, Options(status_port=-1))
    ingest.close()
    assert len(kept_databases(city)) == 1
    assert damage_of(database_of(city)) is None


@pytest.mark.timeout(120)
def test_ingest_goes_on_with_its_open_faults_after_a_damaged_database(
    tmp_path: Path, require_debian: Callable[[str], Path]
) -> None:
    broker = Mosquitto(require_debian("mosquitto"), tmp_path)
    broker.start()
    more = '[schedule]\non = "00:00"\noff = "00:00"\n'
    folder = write_city(tmp_path / "city", n_controllers=2, n_lamps=6, broker_port=broker.port, more=more)
    ingest, fleet = IngestProcess(folder, "--clock", "data"), PlayedFleet(broker.port, 2, 6)
    path = folder / "data" / "terang.db"

    def faults() -> list[tuple[str, str, int]]:
        query = "SELECT code, lamp_id, opened_at_us FROM faults ORDER BY lamp_id"
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                return connection.execute(query).fetchall()
        except sqlite3.Error:  # one file is on its way out, another one on its way in
            return []

    def sweeps(n: int) -> None:
        for _ in range(n):
            with fleet.lock:
                fleet.at_ms += 60_000
                for agent in fleet.agents:
                    powers = bytearray(agent.values()["Lamps/Power"])  # type: ignore[arg-type]  # bytes
                    powers[:4] = bytes(4)
                    agent.sweep(agent.values(**{"Lamps/Power": bytes(powers)}))

    try:
        ingest.start()
        wait_until(ingest.is_ready, 60)
        fleet.birth()
        sweeps(6)
        wait_until(lambda: len(faults()) == 2, 30)
        before = faults()
        assert ingest.stop() == 0
        torn_pages(path)
        n_births = [agent.n_rebirths for agent in fleet.agents]
        ingest.start()
        wait_until(lambda: ingest.is_ready() and faults() == before, 60)
        warnings = json.loads(ingest.page("/readyz")[1])["warnings"]
        (kept,) = path.parent.glob("terang.db.damaged-*Z")
        assert kept.name in warnings["database"]
        assert ingest.counter("terang_ingest_damaged_databases") == 1
        assert "the database is damaged" in ingest.log()
        wait_until(lambda: all(agent.n_rebirths > n for agent, n in zip(fleet.agents, n_births, strict=True)), 30)
        sweeps(2)
        wait_until(fleet.is_settled, 30)
        assert ingest.process is not None
        assert ingest.process.poll() is None
        assert ingest.stop() == 0
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    except BaseException:
        print(ingest.log())
        raise
    finally:
        fleet.close()
        ingest.kill()
        broker.stop()
