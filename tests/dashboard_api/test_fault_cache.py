"""Texts of faults that are kept: never older than the row, never more than they may weigh, in few reads."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy import event, update
from ulid import ULID

from dashboard_api.store import fault_cache
from dashboard_api.store.engine import Database
from dashboard_api.store.fault_cache import FaultCache
from dashboard_api.store.fault_list import FaultFilter
from ingest.schema.tables import faults
from languages.catalogue import load_catalogue

HOUR = 3_600_000_000
T0 = 1_790_000_000_000_000


@pytest.fixture
def database(town):
    opened = Database(town.city)
    yield opened
    opened.close()


@pytest.fixture
def statements(database):
    """What is asked of the database, as ``(text, parameters)``."""
    seen = []
    event.listen(
        database._engine, "before_cursor_execute", lambda _c, _cur, text, given, *_: seen.append((text, given))
    )
    return seen


def test_a_fault_is_shown_as_its_row_is_whoever_wrote_it_last(town, client):
    town.darken(1)
    first = client.get("/api/v1/faults").json()["items"][0]
    assert first["title"] == "Lamp dark"
    body = {"action_id": str(ULID()), "action": "comment", "note": "seen"}
    assert client.post(f"/api/v1/faults/{first['id']}/actions", json=body).status_code == 200
    assert client.get("/api/v1/faults").json()["items"][0]["version"] == first["version"] + 1
    assert town.book.rank_again(T0 + 80 * HOUR) == 1  # a new priority is no new version, and no event
    ranked = client.get("/api/v1/faults").json()["items"][0]
    assert (ranked["version"], ranked["priority"]) == (first["version"] + 1, first["priority"] + 10)
    assert ranked["evidence"]["priority"]["age"]["hours"] == 80
    with town.engine.begin() as connection:
        connection.execute(update(faults).values(street="Jalan Baru"))
    assert client.get("/api/v1/faults").json()["items"][0]["street"] == "Jalan Baru"
    assert client.get("/api/v1/faults", params={"lang": "id"}).json()["items"][0]["title"] != first["title"]
    assert client.get("/api/v1/faults", params={"f": "geojson"}).json()["features"][0]["properties"] == {
        name: value
        for name, value in client.get("/api/v1/faults").json()["items"][0].items()
        if name not in {"latitude", "longitude"}
    }


def test_a_row_is_read_again_only_after_it_was_written_to(town, database, statements):
    town.darken(*range(12))
    cache = FaultCache(database)
    page = cache.page(FaultFilter(), load_catalogue("en"))
    assert len(page.texts) == 12
    statements.clear()
    assert cache.page(FaultFilter(), load_catalogue("en")).texts == page.texts
    assert len(statements) == 1
    with town.engine.begin() as connection:
        connection.execute(update(faults).where(faults.c.lamp_id == "L-004").values(assignee="Budi"))
    statements.clear()
    assert sum(b'"Budi"' in text for text in cache.page(FaultFilter(), load_catalogue("en")).texts) == 1
    (_list, (_rows, given)) = statements
    assert len(given) == 1


def test_what_is_kept_stays_within_its_weight_and_every_list_is_whole(town, database):
    town.darken(*range(30))
    cache = FaultCache(database, kept_bytes=8_000)
    whole = [fault["id"] for fault in FaultCache(database).page(FaultFilter(), load_catalogue("id")).items()]
    for _again in range(3):
        assert [fault["id"] for fault in cache.page(FaultFilter(), load_catalogue("id")).items()] == whole
        assert 2 <= len(cache._texts) < 10
        assert cache._n_bytes == sum(len(text) + fault_cache._ENTRY_BYTES for _rev, text in cache._texts.values())


def test_a_fault_that_closes_while_it_is_listed_is_not_on_the_list_of_open_ones(town, database, monkeypatch):
    town.darken(1, 2)
    cache = FaultCache(database)
    read = fault_cache.fault_rows

    def close_one_meanwhile(connection, ids):
        monkeypatch.setattr(fault_cache, "fault_rows", read)
        with town.engine.begin() as writing:
            writing.execute(update(faults).where(faults.c.lamp_id == "L-001").values(state="closed"))
        return read(connection, ids)

    monkeypatch.setattr(fault_cache, "fault_rows", close_one_meanwhile)
    assert [fault["lamp_id"] for fault in cache.page(FaultFilter(), load_catalogue("en")).items()] == ["L-002"]


EVERY = FaultFilter()
NARROWED = [
    EVERY,
    replace(EVERY, is_with_suppressed=True),
    replace(EVERY, district="Siak"),
    replace(EVERY, codes=("lampFailure",)),
    replace(EVERY, bbox=(102.0, 0.78, 102.01, 0.8)),
    replace(EVERY, lamp_id="L-001"),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # which tells the same plan on every machine
@pytest.mark.parametrize("order", ["priority", "-opened_at"])
@pytest.mark.parametrize("wanted", NARROWED, ids=["all", "suppressed", "district", "code", "bbox", "lamp"])
def test_no_list_of_open_faults_goes_through_the_closed_ones(town, database, statements, wanted, order):
    FaultCache(database).page(wanted, load_catalogue("en"), order=order)
    text, given = statements[0]
    with database.reading() as connection:
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given)]
    reads = [line for line in plan if line.startswith(("SCAN", "SEARCH"))]
    assert reads
    # by priority no row is read at all; a lamp's own faults, closed ones too, are a handful
    only_index = "COVERING " if order == "priority" and wanted.lamp_id is None else ""
    for read in reads:
        assert re.search(rf"{only_index}INDEX ix_faults_(open_|lamp_id \()", read), plan
