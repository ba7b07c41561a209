"""Citizens' page: the form without any script, what a reporter is told, duplicates, contacts."""

from __future__ import annotations

import re
import stat

from sqlalchemy import select

from dashboard_api.neighbours.citizens.rate_limit import RateLimit
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


def test_the_form_is_small_has_no_script_and_is_in_both_languages(client):
    for lang, word in (("en", "Report a street lamp"), ("id", "Lapor lampu jalan")):
        answer = client.get("/lapor", params={"lang": lang, "lamp": 'L-001"><script>'})
        assert word in answer.text
        assert len(answer.content) < 100_000
        assert "<script" not in answer.text
        assert f'lang="{lang}"' in answer.text


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
