# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""A damaged SQLite database is set aside and made anew; one that is locked, newer or merely new is left alone."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dashboard_api.access.admission import LOCAL, PUBLIC, Admission
from dashboard_api.errors import UnavailableError
from dashboard_api.store.engine import Database
from ingest.damaged_database import damage_of, kept_databases, kept_warning, replace_damaged
from ingest.database import open_database
from ingest.errors import UnusableError
from ingest.register.sync import sync_register
from ingest.schema.city import City
from tests.ingest.damaged_files import DAMAGES, city, database_of, garbage, whole  # noqa: F401


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
    assert kept.name in str(database.warnings()["database"])
    database.close()
