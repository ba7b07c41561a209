"""Citizens' pages that are kept as they are sent: never older than what they show, and the same with gzip."""

from __future__ import annotations

import gzip
import sqlite3

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from dashboard_api.access.window_counts import WindowCounts
from dashboard_api.app import create_app
from dashboard_api.http.answer_cache import AnswerCache
from dashboard_api.http.prepared_answer import header_lines, prepared
from dashboard_api.neighbours.citizens.filled_page import MARK, FilledPage
from dashboard_api.neighbours.citizens.lamp_choice import LampPlaces
from dashboard_api.store.engine import Database
from dashboard_api.store.file_revision import FileRevision
from dashboard_api.store.reports import one_report
from ingest.register.database_table import store_register
from ingest.schema.city import read_city
from ingest.schema.report_tables import reports
from tests.dashboard_api.conftest import register_of
from tests.dashboard_api.test_citizens_page import send

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
T0 = 1_790_000_000_000_000
MINUTE = 60_000_000


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(max_size=300), st.text(max_size=300), st.binary(max_size=3000))
def test_a_filled_page_unpacks_to_its_parts(before, after, fill):
    before, after = before.replace(MARK, ""), after.replace(MARK, "")
    body, packed = FilledPage(f"{before}{MARK}{after}").filled(fill)
    assert body == before.encode() + fill + after.encode()
    assert gzip.decompress(packed) == body


def test_a_page_with_no_gap_or_two_and_a_fill_that_is_too_long_are_refused():
    for page in ("", MARK * 2):
        with pytest.raises(ValueError, match="unpack"):
            FilledPage(page)
    with pytest.raises(ValueError, match="65536"):
        FilledPage(MARK).filled(b"x" * 65_536)


@SQLITE
@pytest.mark.parametrize("path", ["/lapor", "/lapor?lamp=L-001", "/lapor/lamps", "/lapor/map.js", "/lapor/{number}"])
def test_a_page_is_the_same_in_both_forms_and_is_not_sent_again_to_who_holds_it(client, path):
    path = path.format(number=send(client, place="L-001"))
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert plain.content == packed.content
    assert packed.headers.get("content-encoding") == "gzip" or len(plain.content) < 2048
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] == packed.headers["etag"]
    for held in (plain.headers["etag"], "*", f'"x", {plain.headers["etag"]}'):
        again = client.get(path, headers={"If-None-Match": held})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == plain.headers["cache-control"]
    assert client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200
    assert client.head(path).headers["etag"] == plain.headers["etag"]
    assert "accept-encoding" in plain.headers["vary"].lower()


def test_the_form_is_in_the_language_that_is_asked_for(client):
    for ask in ({"params": {"lang": "id"}}, {"headers": {"Accept-Language": "id-ID,id;q=0.9"}}):
        answer = client.get("/lapor", **ask)
        assert (answer.headers["content-language"], 'lang="id"' in answer.text) == ("id", True)
    assert client.get("/lapor").headers["content-language"] == "en"
    assert client.get("/lapor?lang=xx").status_code == 400


@SQLITE
def test_the_script_stays_for_ever_under_the_address_that_names_its_bytes(client):
    address = client.get("/lapor").text.partition('<script src="')[2].partition('"')[0]
    assert "immutable" in client.get(address).headers["cache-control"]
    for other in ("/lapor/map.js", "/lapor/map.js?v=0"):
        assert "immutable" not in client.get(other).headers["cache-control"]


def test_a_report_is_shown_as_it_is_now_however_often_it_was_read(town, client):
    number = send(client, place="L-001", lang="en")
    for _ in range(3):
        assert "Known since" not in client.get(f"/lapor/{number}?lang=en").text
    town.darken(1, at_us=T0 + MINUTE)  # by another process
    assert "Known since" in client.get(f"/lapor/{number}?lang=en").text
    assert "Known since" in client.get(f"/lapor/{number}?lang=en").text
    send(client, place="L-001")
    fault = client.get("/api/v1/faults").json()["items"][0]
    body = {"action_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC", "action": "assign", "assignee": "Budi"}
    assert client.post(f"/api/v1/faults/{fault['id']}/actions", json=body).status_code == 200
    assert "A crew is assigned." in client.get(f"/lapor/{number}?lang=en").text


def test_the_map_shows_a_new_register_at_once(town, client):
    assert client.get("/lapor/lamps").json()["n"] == 40
    store_register(town.engine, register_of(60, 2), "another")
    assert client.get("/lapor/lamps").json()["n"] == 60


@SQLITE
def test_limits_of_an_address_hold_for_kept_pages(town, people):
    people.add("budi", "operator")
    (town.city.folder / "city.toml").open("a").write("[web]\npublic_per_minute = 5\n")
    with TestClient(create_app(read_city(town.city.folder, {})), client=("10.0.0.1", 1)) as client:
        found = [client.get("/lapor").status_code for _ in range(8)]
    assert found == [200] * 5 + [429] * 3


@SQLITE
def test_a_hundred_reports_at_once_of_one_address_are_ten(client):
    answers = [client.post("/lapor", data={"place": "L-001"}, follow_redirects=False) for _ in range(100)]
    assert [answer.status_code for answer in answers] == [303] * 10 + [429] * 90
    assert int(answers[-1].headers["retry-after"]) > 0


def test_the_cache_stays_within_its_bytes_and_forgets_what_was_not_asked_for_longest():
    lines = header_lines("text/plain", {})
    cache, size = AnswerCache(20_000), prepared(b"x" * 1000, lines).n_bytes
    for key in range(100):
        cache.keep(key, 0, prepared(b"x" * 1000, lines))
        cache.get(0, 0)
        assert cache.n_bytes == len(cache) * size <= 20_000
    assert cache.get(0, 0) is not None
    assert cache.get(1, 0) is None
    assert cache.get(99, "another") is None, "made of something else"


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.lists(st.floats(-180, 180), min_size=2, max_size=2), st.floats(0, 90))
def test_lamps_of_a_box_are_those_of_a_look_at_each(seed, meridians, north):
    random = np.random.default_rng(seed)
    longitude, latitude = random.integers(-180, 181, 300).astype(float), random.integers(-90, 91, 300).astype(float)
    west, east = meridians
    found = LampPlaces([str(n) for n in range(300)], longitude, latitude).choice((west, -north, east, north))

    def is_inside(x, y):
        return -north <= y <= north and (west <= x <= east if west <= east else x >= west or x <= east)

    assert [int(lamp[2]) for lamp in found["lamps"]] == [n for n in range(300) if is_inside(longitude[n], latitude[n])]


def test_counts_begin_anew_with_their_window_and_are_bounded():
    clock = [0.0]
    counts = WindowCounts(3, lambda: clock[0])
    assert [counts.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    assert (counts.get("a"), counts.get_expiry("a")) == (3, 60.0)
    clock[0] = 59.9
    assert counts.incr("a", 60, 2) == 5
    clock[0] = 60.0
    assert counts.get("a") == 0
    assert counts.incr("a", 60) == 1
    for number in range(10):
        counts.incr(f"b-{number}", 60)
    assert len(counts) == 3
    assert counts.get("a") == 0, "whose window began first is forgotten first"
    clock[0] = 200.0
    counts.incr("c", 60)
    assert len(counts) == 1
    clock[0] = 0.0  # the clock was set back: nobody waits longer than a window for that
    assert counts.incr("d", 60) == 1
    assert (counts.check(), counts.reset(), len(counts)) == (True, 2, 0)


def test_a_revision_changes_with_every_commit_and_with_another_file(tmp_path):
    path = tmp_path / "a.db"
    revision = FileRevision(path)
    assert revision.read() is None
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE t (x)")
    seen = {revision.read()}
    assert seen == {revision.read()}
    for number in range(3):
        with writer:
            writer.execute("INSERT INTO t VALUES (?)", (number,))
        seen.add(revision.read())
    assert len(seen) == 4
    writer.execute("INSERT INTO t VALUES (9)")
    assert revision.read() in seen, "nothing is committed"
    writer.rollback()
    writer.close()
    path.rename(tmp_path / "kept.db")
    assert revision.read() is None
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    assert revision.read() not in {None, *seen}
    path.write_bytes(b"garbage" * 1000)
    revision.close()
    assert revision.read() is None or isinstance(revision.read(), tuple)
    revision.close()


@SQLITE
def test_what_a_page_costs_does_not_grow_with_the_reports_that_are_open(town, client):
    number = send(client, place="L-001")
    database, steps = Database(town.city), [0]

    def count():
        steps[0] += 1

    event.listen(database._engine, "connect", lambda connection, _record: connection.set_progress_handler(count, 50))

    def cost():
        steps[0] = 0
        assert one_report(database, number, T0).lamp_id == "L-001"
        return steps[0]

    few = cost()
    common = {"at_us": T0, "service": "lamp-dark", "found": "unknown", "n_joined": 0}
    rows = [{"number": f"N{n:09d}", "lamp_id": f"L-{n}", **common} for n in range(10_000)]
    with town.engine.begin() as connection:
        connection.execute(reports.insert(), rows)
    assert cost() <= 2 * few + 5
    database.close()
