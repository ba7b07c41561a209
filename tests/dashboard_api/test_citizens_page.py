"""Citizens' page: the form without any script, what a reporter is told, duplicates, contacts."""

from __future__ import annotations

import re
import stat
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, select

from dashboard_api.app import create_app
from dashboard_api.context import Context
from dashboard_api.errors import TooManyError
from dashboard_api.neighbours.citizens.lamp_choice import LampPlaces
from dashboard_api.neighbours.citizens.rate_limit import RateLimit
from dashboard_api.neighbours.citizens.report_intake import ReportIntake, Wish
from ingest.model.finding import Cleared, Key, Place
from ingest.schema.report_tables import reports

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000


def send(client, **fields):
    answer = client.post("/lapor", data=fields, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0].rpartition("/")[2]


def rows(town):
    with town.engine.connect() as connection:
        return connection.execute(select(reports).order_by(reports.c.at_us, reports.c.number)).all()


def test_the_form_is_small_runs_no_script_of_its_text_and_is_in_both_languages(client):
    for lang, word in (("en", "Report a street lamp"), ("id", "Lapor lampu jalan")):
        answer = client.get("/lapor", params={"lang": lang, "lamp": 'L-001"><script>'})
        assert word in answer.text
        scripts = re.findall(r'<script src="(/lapor/map\.js\?v=\w+)" defer></script>', answer.text)
        assert answer.text.count("<script") == len(scripts) == 1
        assert "'unsafe-inline'" not in answer.headers["content-security-policy"].partition("script-src")[2]
        rest = [client.get(path) for path in (*scripts, "/lapor/lamps")]
        assert all(one.status_code == 200 for one in rest)
        assert sum(len(one.content) for one in (answer, *rest)) < 100_000
        assert f'lang="{lang}"' in answer.text


def test_the_map_shows_lamps_of_a_box_thinned_to_a_few(client, town):
    found = client.get("/lapor/lamps").json()
    assert len(found["lamps"]) == found["n"] == 40
    west, south, east, north = found["bbox"]
    assert 102 <= west < east < 102.01
    assert 0.79 <= south < north <= 0.8
    found = client.get("/lapor/lamps?bbox=102.0003,0.79,102.0006,0.79").json()
    assert found["lamps"] == [[102.0003, 0.79, "L-001"], [102.0006, 0.79, "L-002"]]
    for query in ("bbox=1,2", "bbox=0,5,1,0", "bbox=nan,0,1,1", "bbox=500000,0,1,1", "bbox=" + "1" * 300, "lon=1"):
        assert client.get(f"/lapor/lamps?{query}").status_code in {400, 422}
    assert client.get("/lapor/lamps?bbox=170,-10,-170,10").json()["lamps"] == []
    ids, degrees = [f"L-{n}" for n in range(100_000)], np.linspace(-180, 180, 100_000)
    many = LampPlaces(ids, degrees, degrees / 2).choice(None)
    assert (len(many["lamps"]), many["n"]) == (400, 100_000)
    assert (many["lamps"][0][2], many["lamps"][-1][2]) == ("L-0", "L-99999")
    assert LampPlaces([], degrees[:0], degrees[:0]).choice(None) == {"bbox": None, "n": 0, "lamps": []}


def test_a_link_of_a_label_fills_the_form(client):
    assert 'value="L-007"' in client.get("/lapor?lamp=L-007&fbclid=x").text


def test_a_known_fault_is_told_at_once(town, client):
    town.darken(1, at_us=T0 - 30 * MINUTE)
    number = send(client, place="L-001", lang="en")
    page = client.get(f"/lapor/{number}?lang=en").text
    assert "Known since 20:43." in page  # Asia/Jakarta
    assert "A crew will be assigned." in page
    fault = client.get("/api/v1/faults").json()["items"][0]
    body = {"action_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC", "action": "assign", "assignee": "Budi"}
    assert client.post(f"/api/v1/faults/{fault['id']}/actions", json=body).status_code == 200
    page = client.get(f"/lapor/{number}?lang=en").text
    assert "A crew is assigned." in page
    assert "Budi" not in page


def test_a_burning_lamp_is_told_as_burning(town, client):
    town.write_live([2] * 40)
    assert "measured as burning" in client.get(f"/lapor/{send(client, place='l-001')}?lang=en").text


def test_a_street_of_many_lamps_asks_which_one(client):
    answer = client.post("/lapor", data={"place": "Melati", "lang": "en"}, follow_redirects=False)
    assert answer.status_code == 200
    assert "Which lamp is it?" in answer.text
    assert len(re.findall('type="radio"', answer.text)) == 41
    number = send(client, place="Melati", lamp="L-007")
    assert "L-007" in client.get(f"/lapor/{number}").text
    number = send(client, place="Melati", lamp="")
    assert "Melati" in client.get(f"/lapor/{number}").text


def test_what_is_written_is_shown_as_text(client):
    number = send(client, place="<img src=x>", description="<script>alert(1)</script>")
    page = client.get(f"/lapor/{number}").text
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<img" not in page


def test_duplicates_are_joined_to_the_first(town, client):
    first, second, other = send(client, place="L-001"), send(client, place="L-001"), send(client, place="L-002")
    found = {row.number: row for row in rows(town)}
    assert found[second].joined_to == first
    assert found[first].joined_to is found[other].joined_to is None
    assert found[first].n_joined == 1
    assert "Others reported it as well" in client.get(f"/lapor/{second}?lang=en").text


def test_a_report_raises_the_priority_of_its_fault_and_hides_nothing(town, client):
    town.darken(1)
    before = client.get("/api/v1/faults").json()["items"]
    send(client, place="L-001")
    assert town.book.read_reports()
    assert not town.book.read_reports()
    town.book.rank_again(T0)
    after = client.get("/api/v1/faults").json()["items"]
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert after[0]["priority"] == before[0]["priority"] + 5
    assert after[0]["evidence"]["priority"]["reports"] == {"points": 5, "n": 1}


def test_a_report_of_a_lamp_that_fails_later_counts_for_its_fault(town, client):
    number = send(client, place="L-001")
    assert town.book.read_reports()
    town.darken(1, at_us=T0 + MINUTE)
    fault = client.get("/api/v1/faults").json()["items"][0]
    assert fault["evidence"]["priority"]["reports"]["n"] == 1
    assert "Known since" in client.get(f"/lapor/{number}?lang=en").text


def test_a_contact_is_encrypted_and_goes_with_the_outcome(town, client):
    town.darken(1)
    number = send(client, place="L-001", contact="ani@example.org")
    row = rows(town)[0]
    assert row.contact
    assert b"ani@" not in row.contact
    key = town.city.data_folder / "reports.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "ani@" not in client.get(f"/lapor/{number}").text
    town.book.apply([Cleared(Key("lampFailure", Place(lamp_id="L-001")), T0 + MINUTE)], T0 + MINUTE)
    assert "Repaired" in client.get(f"/lapor/{number}?lang=en").text
    assert rows(town)[0].contact is None
    assert rows(town)[0].closed_at_us is not None


def test_contacts_go_by_a_timer_without_anybody_asking(town):
    town.darken(1)
    with TestClient(create_app(town.city, lambda: T0)) as client:
        send(client, place="L-001", contact="ani@example.org")
    town.book.apply([Cleared(Key("lampFailure", Place(lamp_id="L-001")), T0 + MINUTE)], T0 + MINUTE)
    app = create_app(town.city, lambda: T0 + 2 * MINUTE)
    assert rows(town)[0].contact is not None
    with TestClient(app):  # its upkeep runs when it starts, and then every half minute
        deadline = time.monotonic() + 10
        while rows(town)[0].contact is not None and time.monotonic() < deadline:
            time.sleep(0.05)
    assert rows(town)[0].contact is None


def test_places_side_by_side_are_one_place_however_many_reports_lie_on_the_same_parallel(town, client):
    values = {"service": "lamp-dark", "found": "unknown", "n_joined": 0, "at_us": T0 - MINUTE, "latitude": 5.0}
    with town.engine.begin() as connection:
        far = [{**values, "number": f"F{n}", "longitude": -90.0 + n / 10} for n in range(300)]
        near = [{**values, "number": "NEAR", "longitude": 100.0, "at_us": T0 - MINUTE + 1}]
        over = [{**values, "number": "OVER", "longitude": -179.99995, "at_us": T0 - MINUTE + 1}]
        connection.execute(insert(reports), [*far, *near, *over])
    for longitude, first in ((100.0001, "NEAR"), (179.99995, "OVER"), (100.001, None)):
        fields = {"service_code": "lamp-dark", "lat": "5.0001", "long": str(longitude)}
        number = client.post("/open311/v2/requests.json", data=fields).json()[0]["service_request_id"]
        assert next(row.joined_to for row in rows(town) if row.number == number) == first


def test_a_hundred_reports_a_second_from_one_address(town, client):
    """Ten are taken; the others are answered without any look into the register."""
    start = time.monotonic()
    answers = [
        client.post("/lapor", data={"place": f"L-{n % 40:03d}"}, follow_redirects=False).status_code for n in range(100)
    ]
    assert answers == [303] * 10 + [429] * 90
    assert len(rows(town)) == 10
    assert time.monotonic() - start < 30
    refused = client.post("/lapor", data={"place": "L-001"}, follow_redirects=False)
    assert int(refused.headers["Retry-After"]) > 0


def test_forms_that_are_asked_again_are_counted_too(client):
    answers = [client.post("/lapor", data={"place": "Melati"}).status_code for _ in range(70)]
    assert answers == [200] * 60 + [429] * 10


def test_an_address_of_ipv6_is_its_network(town):
    intake = ReportIntake(Context(town.city, lambda: T0))
    for n in range(10):
        intake.take(Wish(service="other", address="x"), f"2001:db8::{n:x}")
    with pytest.raises(TooManyError):
        intake.take(Wish(service="other", address="x"), "2001:db8::ffff")
    intake.take(Wish(service="other", address="x"), "2001:db8:0:1::1")


def test_bad_forms_are_answered_with_the_reason(client):
    assert client.post("/lapor", data={"place": ""}).status_code == 400
    assert client.post("/lapor", data={"place": "x", "lamp": "no-such-lamp"}).status_code == 400
    assert client.post("/lapor", content="<x/>", headers={"Content-Type": "text/xml"}).status_code == 400
    assert client.get("/lapor/NOSUCH").status_code == 404


def test_an_address_is_slowed_down_and_may_come_again_later():
    now = [0.0]
    limit = RateLimit(2, 10.0, lambda: now[0])
    assert [limit.wait_s("a") for _ in range(3)] == [0, 0, 10]
    assert limit.wait_s("b") == 0
    now[0] = 10.0
    assert limit.wait_s("a") == 0
