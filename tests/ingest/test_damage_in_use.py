# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Damage of the database that ingest meets while it starts or runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from sqlalchemy.exc import OperationalError

from ingest import __main__ as main_module
from ingest.assembly import CityIngest
from ingest.damaged_database import damage_of, kept_databases, replace_damaged
from ingest.database import is_damage, open_database
from ingest.errors import DamagedDatabaseError
from ingest.jobs.faults import FaultJob
from ingest.metrics import Metrics
from ingest.options import Options
from ingest.pipeline.job_guard import JobGuard
from ingest.readiness import Readiness
from ingest.schema.city import City
from tests.ingest.city_stand import IngestProcess, Mosquitto, wait_until, write_city
from tests.ingest.damaged_files import city, damaged_error, database_of, garbage, torn_pages, whole  # noqa: F401
from tests.ingest.played_agents import PlayedFleet


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
        fleet.settle()
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
