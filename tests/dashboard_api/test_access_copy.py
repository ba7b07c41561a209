"""Accounts, maintenance and citizens' open reports outlive a damaged SQLite database."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from dashboard_api.app import create_app
from dashboard_api.neighbours.citizens.contacts import Contacts
from ingest.city.exporting import export_files
from ingest.damaged_database import kept_warning, replace_damaged
from ingest.database import open_database, sqlite_path
from ingest.schema.access_tables import ACCOUNTS_LOST_FILE, tokens, users
from ingest.schema.report_tables import reports
from ingest.schema.settings_copy import ACCESS, KINDS, REPORTS
from ingest.schema.tables import maintenance
from ingest.settings_restore import restore_settings
from tests.dashboard_api.people import bearer, sign_in

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
T0 = 1_790_000_000_000_000


def torn_in_the_middle(path):
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 4096 // 2 * 4096)
        file.write(os.urandom(4096))


def torn_at_the_header(path):
    with path.open("r+b") as file:
        file.write(os.urandom(100))


def emptied(path):
    path.write_bytes(b"")


def garbage(path):
    path.write_bytes(os.urandom(20_000))


DAMAGES = (torn_in_the_middle, torn_at_the_header, emptied, garbage)


def rows(engine, table):
    with engine.connect() as connection:
        return sorted(tuple(map(str, row)) for row in connection.execute(select(table)))


@pytest.fixture
def filled(town, people):
    """A city with two accounts, a token, maintenance and two reports, one of them closed by a crew."""
    people.add("budi", "administrator")
    people.add("ani", "crew", "Kecamatan 1")
    secret = people.token("display", "read")
    with TestClient(create_app(town.city)) as client:
        known = sign_in(client.app, "budi")
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))
        body = {"cabinet_id": "C-1", "until": until, "note": "new cable"}
        assert known.post("/api/v1/maintenance", json=body).status_code in {200, 201}
        numbers = []
        for lamp, contact in (("L-001", "siti@example.org"), ("L-001", ""), ("L-002", "")):
            form = {"place": lamp, "contact": contact}
            answer = client.post("/lapor", data=form, follow_redirects=False)
            numbers.append(answer.headers["location"].partition("?")[0].rpartition("/")[2])
        assert known.post(f"/api/v1/checks/{numbers[2]}", json={"outcome": "in_order"}).status_code == 200
        client.app.state.context.database.keep_reports()
    return secret, numbers


def settle(town):
    """All that was committed is in the file itself, as after a while of running."""
    town.engine.dispose()
    with sqlite3.connect(sqlite_path(town.city)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def restored(town, damage):
    settle(town)
    damage(sqlite_path(town.city))
    assert replace_damaged(town.city) is not None
    engine = open_database(town.city)
    return engine, restore_settings(engine, town.city.data_folder)


@pytest.mark.parametrize("damage", DAMAGES)
def test_who_had_an_account_signs_in_after_any_damage(town, filled, damage):
    secret, numbers = filled
    before = {table: rows(town.engine, table) for table in (users, tokens, maintenance)}
    engine, found = restored(town, damage)
    assert {table: rows(engine, table) for table in before} == before
    assert found["users"] == found["reports"] == 2
    assert not (town.city.data_folder / ACCOUNTS_LOST_FILE).exists()
    with engine.connect() as connection:
        kept = {row.number: row for row in connection.execute(select(reports))}
    engine.dispose()
    assert kept.keys() == {numbers[0], numbers[1]}, "the closed one has its outcome"
    assert kept[numbers[1]].joined_to == numbers[0]
    assert Contacts(town.city.data_folder).plain(kept[numbers[0]].contact) == "siti@example.org"
    app = create_app(town.city)
    with TestClient(app) as client:
        sign_in(app, "budi").get("/api/v1/me").raise_for_status()
        assert bearer(app, secret).get("/api/v1/summary").status_code == 200
        assert client.get("/api/v1/summary").status_code == 401
        assert "L-001" in client.get(f"/lapor/{numbers[0]}").text
        warning = client.app.state.context.database.warnings()["database"]
    assert "2 accounts, 1 tokens, 2 open reports" in str(warning)
    assert "2 accounts" in str(kept_warning(town.city))


def test_the_copies_are_for_their_owner_alone_and_go_into_no_archive(town, filled, tmp_path):
    for kind in (ACCESS, REPORTS):
        path = town.city.data_folder / kind.copy_file
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"siti@" not in path.read_bytes()
    (town.city.folder / "lamps.csv").write_text("lamp_id,cabinet_id,latitude,longitude\nL-001,,0.79,102.0\n")
    (town.city.folder / "cabinets.csv").write_text("cabinet_id\n")
    files = export_files(town.city.folder, [], {}).files
    assert not any("copy" in name for name in files)
    assert not any(b"budi" in data or b"argon2" in data for data in files.values())


def test_what_was_revoked_is_not_brought_back(town, people, filled):
    people.accounts.disable("ani")
    people.accounts.revoke_token("display", T0)
    engine, _found = restored(town, garbage)
    with engine.connect() as connection:
        assert {row.name: row.is_disabled for row in connection.execute(select(users))} == {"ani": True, "budi": False}
        assert connection.execute(select(tokens)).one().revoked_at_us == T0
    engine.dispose()


def test_a_copy_that_cannot_be_written_leaves_no_older_one(town, people, filled, monkeypatch):
    def fails(*_arguments):
        raise OSError("disk full")

    monkeypatch.setattr("dashboard_api.store.engine.write_copy", fails)
    people.add("dewi", "viewer")
    assert not (town.city.data_folder / ACCESS.copy_file).exists()
    monkeypatch.undo()
    engine, found = restored(town, garbage)
    assert "users" not in found
    assert (town.city.data_folder / ACCOUNTS_LOST_FILE).exists()
    engine.dispose()


def test_a_writer_that_is_killed_at_any_moment_leaves_a_whole_copy(town, filled):
    """The child writes the copy again and again; what stands there after the kill is one of its states."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom sqlalchemy import create_engine\n"
        "from ingest.schema.settings_copy import ACCESS, REPORTS, write_copy\n"
        "engine = create_engine('sqlite:///' + sys.argv[1])\nprint('ready', flush=True)\n"
        "with engine.connect() as connection:\n"
        "    while True:\n"
        "        write_copy(connection, Path(sys.argv[2]), ACCESS)\n"
        "        write_copy(connection, Path(sys.argv[2]), REPORTS)\n"
    )
    folder = town.city.data_folder
    for wait_s in (0.0, 0.003, 0.01, 0.021, 0.05):
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(sqlite_path(town.city)), str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout.readline() == "ready\n"
        time.sleep(wait_s)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        for kind in (ACCESS, REPORTS):
            document = json.loads((folder / kind.copy_file).read_bytes())
            assert document.keys() == {table.name for table in kind.tables}
    engine, found = restored(town, garbage)
    assert (found["users"], found["tokens"], found["reports"]) == (2, 1, 2)
    engine.dispose()


def test_a_restore_that_was_killed_is_taken_up_again(town, filled):
    settle(town)
    garbage(sqlite_path(town.city))
    assert replace_damaged(town.city) is not None
    folder = town.city.data_folder
    there = [kind.restore_file for kind in KINDS if (folder / kind.restore_file).exists()]
    assert there == [ACCESS.restore_file, REPORTS.restore_file]
    waiting = {name: (folder / name).read_bytes() for name in there}
    engine = open_database(town.city)
    restore_settings(engine, folder)
    for name, data in waiting.items():
        (folder / name).write_bytes(data)  # killed before it was removed
    assert set(restore_settings(engine, folder).values()) == {0}
    assert len(rows(engine, users)) == 2
    engine.dispose()


@pytest.mark.parametrize("what", [b"", b"{", b'{"reports":[{"number":1}]}', b"[" * 100_000])
def test_a_copy_of_reports_that_cannot_be_read_holds_back_no_account(town, filled, what):
    settle(town)
    (town.city.data_folder / REPORTS.copy_file).write_bytes(what)
    engine, found = restored(town, garbage)
    assert found["users"] == 2
    assert "reports" not in found
    assert list(town.city.data_folder.glob(f"{REPORTS.restore_file}.damaged-*"))
    engine.dispose()


def test_no_database_at_all_is_no_reason_to_bring_something_back(town):
    town.engine.dispose()
    sqlite_path(town.city).write_bytes(b"")
    assert replace_damaged(town.city) is None
