"""Schedules, TALQ's documents and subscriptions outlive a damaged SQLite database."""

from __future__ import annotations

import json
import os
import stat

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, select

from dashboard_api.app import create_app
from ingest.damaged_database import replace_damaged
from ingest.database import open_database, sqlite_path
from ingest.register.controller_schedules import read_schedules
from ingest.schema.city import read_city
from ingest.schema.ngsi_tables import ngsi_subscriptions
from ingest.schema.settings_copy import COPIED, COPY_FILE, RESTORE_FILE
from ingest.schema.talq_tables import talq_documents
from ingest.settings_restore import restore_settings
from tests.dashboard_api.talq_plans import T0, assign, calendar, program, send
from tests.dashboard_api.test_talq import ask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def changed(town):
    """A city whose calendar is in force at one controller."""
    town.write_live([2] * 40)
    with TestClient(create_app(town.city, lambda: T0)) as client:
        assert send(client, "POST", "/control-programs", [program()]).status_code == 201
        assert send(client, "POST", "/calendars", [calendar()]).status_code == 201
        assert assign(client, "every-night", "cabinet.C-2").status_code == 201
        yield client


def rows_of(engine):
    with engine.connect() as connection:
        return {table.name: {tuple(map(str, row)) for row in connection.execute(select(table))} for table in COPIED}


def damage(town):
    """What a disk does; then what ingest does before it opens the database."""
    town.engine.dispose()
    sqlite_path(town.city).write_bytes(os.urandom(20_000))
    kept = replace_damaged(town.city, is_known=True)  # its -wal is whole
    assert kept is not None
    return open_database(town.city)


def test_a_damaged_database_loses_neither_calendars_nor_who_follows_them(town, changed):
    before, folder = rows_of(town.engine), town.city.data_folder
    assert stat.S_IMODE((folder / COPY_FILE).stat().st_mode) == 0o600
    engine = damage(town)
    assert not any(rows_of(engine).values())
    restored = restore_settings(engine, folder)
    assert restored == {"schedules": 1, "controller_schedules": 1, "talq_documents": 3, "ngsi_subscriptions": 0}
    assert rows_of(engine) == before
    assert read_schedules(engine, town.city.schedule).of_controller.keys() == {"PJU-2"}
    assert ask(changed, "/calendars").json() == [calendar()]
    assert not (folder / RESTORE_FILE).exists()
    assert (folder / COPY_FILE).exists()
    assert restore_settings(engine, folder) == {}
    engine.dispose()


def test_a_restore_that_was_killed_is_taken_up_again_and_doubles_nothing(town, changed):
    before, folder = rows_of(town.engine), town.city.data_folder
    engine = damage(town)
    waiting = (folder / RESTORE_FILE).read_bytes()
    restore_settings(engine, folder)
    (folder / RESTORE_FILE).write_bytes(waiting)  # killed before it was removed
    assert set(restore_settings(engine, folder).values()) == {0}
    assert rows_of(engine) == before
    engine.dispose()


@pytest.mark.parametrize(
    "what", [b"", b"{", b"[]", b"[" * 100_000, b'{"schedules":[]}', b'{"schedules":[{"id":1}]}', b"\xff"]
)
def test_a_copy_that_cannot_be_read_is_kept_aside_and_brings_back_nothing(town, what):
    folder = town.city.data_folder
    folder.mkdir(exist_ok=True)
    (folder / RESTORE_FILE).write_bytes(what)
    assert restore_settings(town.engine, folder) == {}
    assert not any(rows_of(town.engine).values())
    assert not (folder / RESTORE_FILE).exists()
    (kept,) = folder.glob(f"{RESTORE_FILE}.damaged-*")
    assert kept.read_bytes() == what


def test_a_copy_with_one_impossible_row_brings_back_nothing_of_it(town, changed):
    folder = town.city.data_folder
    document = json.loads((folder / COPY_FILE).read_bytes())
    document["controller_schedules"][0]["schedule_id"] = "no such schedule"
    (folder / COPY_FILE).write_text(json.dumps(document), encoding="utf-8")
    engine = damage(town)
    assert restore_settings(engine, folder) == {}
    assert not any(rows_of(engine).values())
    engine.dispose()


def test_a_database_of_an_earlier_version_gets_its_first_copy_when_ingest_starts(town):
    folder = town.city.data_folder
    folder.mkdir(exist_ok=True)
    row = {"kind": "calendars", "id": "old", "created_at_us": 1, "document": {"id": "old"}}
    with town.engine.begin() as connection:
        connection.execute(insert(talq_documents), row)
    restore_settings(town.engine, folder)
    assert json.loads((folder / COPY_FILE).read_bytes())["talq_documents"] == [row]


def test_a_subscription_is_in_the_copy_and_leaves_it(town, changed):
    city = town.city
    folder = city.data_folder
    (city.folder / "city.toml").open("a").write('[ngsi]\nnotify = ["broker.test:1026"]\n')
    document = {
        "id": "urn:x:1",
        "type": "Subscription",
        "entities": [{"type": "Streetlight"}],
        "notification": {"endpoint": {"uri": "http://broker.test:1026/notify"}},
    }
    with TestClient(create_app(read_city(city.folder, {}), lambda: T0)) as client:
        answer = client.post("/ngsi-ld/v1/subscriptions", json=document)
        assert answer.status_code == 201, answer.text
        (kept,) = json.loads((folder / COPY_FILE).read_bytes())[ngsi_subscriptions.name]
        assert kept["document"]["notification"]["endpoint"]["uri"].startswith("http://broker.test")
        assert client.delete("/ngsi-ld/v1/subscriptions/urn:x:1").status_code == 204
    assert json.loads((folder / COPY_FILE).read_bytes())[ngsi_subscriptions.name] == []


def test_a_change_is_taken_where_the_copy_cannot_be_written(town, changed, monkeypatch):
    def fails(*_arguments):
        raise OSError("disk full")

    monkeypatch.setattr("dashboard_api.store.engine.write_copy", fails)
    assert send(changed, "POST", "/calendars", [calendar("other")]).status_code == 201
    assert ask(changed, "/calendars/count").json() == 2
