"""Reports become work: faults of lamps that no meter watches, and checks of lamps that are measured as healthy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, select, update

from dashboard_api.app import create_app
from ingest.jobs.citizen_faults import CODE_OF_SERVICE, CitizenFaultsJob
from ingest.jobs.faults import FaultJob
from ingest.model.finding import Cleared, Key, Place, Raised
from ingest.register.database_table import load_register, store_register
from ingest.schema.codes import BY_CODE
from ingest.schema.report_tables import reports
from ingest.schema.tables import faults, maintenance
from tests.dashboard_api.people import bearer, sign_in

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000
DAY = 1440 * MINUTE


@pytest.fixture
def unmetered(town):
    """The town, whose first twenty lamps (district Siak, cabinet C-1) have no meter."""
    address = np.where(np.arange(40) < 20, -1, town.register.lamps.address).astype(np.int32)
    bus, profile = list(town.register.lamps.bus), list(town.register.lamps.profile)
    bus[:20] = profile[:20] = [""] * 20
    lamps = replace(town.register.lamps, address=address, bus=bus, profile=profile)
    store_register(town.engine, replace(town.register, lamps=lamps), "test")
    town.register = load_register(town.engine)
    town.clock = T0
    town.job = CitizenFaultsJob(town.engine, FaultJob(town.book), DAY / 1e6, lambda: 0.0)
    return town


@pytest.fixture
def web(unmetered):
    with TestClient(create_app(unmetered.city, lambda: unmetered.clock)) as client:
        yield client


def send(client, **fields):
    answer = client.post("/lapor", data=fields, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0].rpartition("/")[2]


def told(client, number):
    return client.get(f"/lapor/{number}?lang=en").text


def open_faults(client):
    return client.get("/api/v1/faults").json()["items"]


def act(client, fault, action, n, **more):
    body = {"action_id": f"01JDB2M7Z8Q5W3N4T6V9X0Y1{n:02d}", "action": action, **more}
    assert client.post(f"/api/v1/faults/{fault['id']}/actions", json=body).status_code == 200


def test_every_service_that_opens_a_fault_opens_one_of_the_catalogue(client):
    known = {one["service_code"] for one in client.get("/open311/v2/services.json").json()}
    assert CODE_OF_SERVICE.keys() <= known
    assert {BY_CODE[code].level for code in CODE_OF_SERVICE.values()} == {"lamp"}


@pytest.mark.parametrize("service", sorted(CODE_OF_SERVICE))
def test_a_report_of_an_unmetered_lamp_is_a_fault_of_source_citizen(unmetered, web, service):
    number = send(web, place="L-003", service=service)
    assert "no meter" in told(web, number)
    assert unmetered.job.take_reports(T0 + MINUTE) == 1
    assert unmetered.job.take_reports(T0 + MINUTE) == 0
    (fault,) = open_faults(web)
    assert (fault["code"], fault["lamp_id"], fault["state"]) == (CODE_OF_SERVICE[service], "L-003", "open")
    assert fault["evidence"]["source"] == "citizen"
    assert (fault["cabinet_id"], fault["district"], fault["lamp_ids"]) == ("C-1", "Siak", ["L-003"])
    assert "Known since" in told(web, number)


def test_reports_of_the_same_lamp_are_one_fault_and_raise_its_priority(unmetered, web):
    for _ in range(2):
        send(web, place="L-003")
        unmetered.job.take_reports(T0)
        unmetered.book.read_reports()
        unmetered.book.rank_again(T0)
    (fault,) = open_faults(web)
    assert fault["evidence"]["priority"]["reports"] == {"points": 10, "n": 2}


def test_what_was_said_of_a_metered_lamp_or_of_a_place_opens_nothing(unmetered, web):
    send(web, place="L-030")
    send(web, place="somewhere")
    send(web, place="L-003", service="cabinet")
    assert unmetered.job.take_reports(T0) == 0
    assert open_faults(web) == []


def test_a_fault_of_the_circuit_takes_the_reports_of_its_lamps(unmetered, web):
    key = Key("circuitFailure", Place(cabinet_id="C-1", circuit="1"))
    unmetered.book.apply([Raised(key, T0, T0, ("L-019",), {})], T0)
    number = send(web, place="L-003")
    assert unmetered.job.take_reports(T0 + MINUTE) == 1
    assert [one["code"] for one in open_faults(web)] == ["circuitFailure"]
    assert "Known since" in told(web, number)
    unmetered.book.apply([Cleared(key, T0 + 5 * MINUTE)], T0 + 5 * MINUTE)
    assert "Repaired" in told(web, number)


@pytest.mark.parametrize("place", [{"lamp_id": "L-003"}, {"cabinet_id": "C-1", "circuit": "1"}, {"cabinet_id": "C-1"}])
def test_under_maintenance_nothing_opens_until_it_is_over(unmetered, web, place):
    window = {"cabinet_id": None, "circuit": None, "lamp_id": None, "from_us": T0, "until_us": T0 + 9 * MINUTE} | place
    with unmetered.engine.begin() as connection:
        connection.execute(insert(maintenance).values(id="W", actor="local", **window))
    send(web, place="L-003")
    assert unmetered.job.take_reports(T0 + MINUTE) == 0
    assert unmetered.job.take_reports(T0 + 10 * MINUTE) == 1


def test_detection_is_never_asked_about_a_fault_that_it_cannot_see(unmetered, web):
    send(web, place="L-003")
    unmetered.job.take_reports(T0)
    assert unmetered.book.open_keys() == []
    act(web, open_faults(web)[0], "repair", 10)
    assert unmetered.book.poll_claims() == []


def test_a_repair_holds_when_nobody_reports_the_lamp_for_a_day(unmetered, web):
    number = send(web, place="L-003", contact="ani@example.org")
    unmetered.job.take_reports(T0)
    act(web, open_faults(web)[0], "repair", 10)
    assert "A crew reports it repaired" in told(web, number)
    assert unmetered.job.prove_repairs(T0 + DAY - MINUTE) == 0
    assert unmetered.job.prove_repairs(T0 + DAY + MINUTE) == 1
    (fault,) = web.get("/api/v1/faults?state=closed").json()["items"]
    assert fault["state"] == "closed"
    timeline = web.get(f"/api/v1/faults/{fault['id']}?lang=en").json()["timeline"]
    assert "nobody reported it again" in str(timeline[-1])
    assert "nobody has reported it since" in told(web, number)
    with unmetered.engine.connect() as connection:
        assert connection.execute(select(reports.c.contact)).scalar_one() is None


def test_a_repair_that_citizens_deny_reopens(unmetered, web):
    send(web, place="L-003")
    unmetered.job.take_reports(T0)
    act(web, open_faults(web)[0], "repair", 10)
    unmetered.clock = T0 + 60 * MINUTE
    send(web, place="L-003")
    assert unmetered.job.prove_repairs(T0 + 61 * MINUTE) == 1
    (fault,) = open_faults(web)
    assert (fault["state"], fault["evidence"]["reports_since_repair"]) == ("open", 1)


def test_a_lamp_that_fails_again_soon_reopens_the_same_fault(unmetered, web):
    send(web, place="L-003")
    unmetered.job.take_reports(T0)
    (fault,) = open_faults(web)
    act(web, fault, "repair", 10)
    unmetered.job.prove_repairs(T0 + DAY + MINUTE)
    unmetered.clock = T0 + DAY + 60 * MINUTE
    number = send(web, place="L-003")
    assert unmetered.job.take_reports(unmetered.clock) == 1
    assert [one["id"] for one in open_faults(web)] == [fault["id"]]
    assert "Known since" in told(web, number)


def test_a_killed_job_links_its_report_to_the_fault_it_had_opened(unmetered, web):
    send(web, place="L-003")
    unmetered.job.take_reports(T0)
    with unmetered.engine.begin() as connection:  # as if it had been killed between both transactions
        connection.execute(update(reports).values(fault_id=None))
    assert unmetered.job.take_reports(T0 + MINUTE) == 1
    with unmetered.engine.connect() as connection:
        assert len(connection.execute(select(faults.c.id)).all()) == 1
        assert connection.execute(select(reports.c.fault_id)).scalar_one() is not None


# --- checks


def test_a_report_of_a_healthy_lamp_is_a_check_with_an_outcome_for_everybody(town, client):
    town.write_live([2] * 40)
    first = send(client, place="L-001", contact="ani@example.org")
    second = send(client, place="L-001")
    other = send(client, place="the bridge", description="dark")
    found = {one["number"]: one for one in client.get("/api/v1/checks").json()["items"]}
    assert {number: one["n_reports"] for number, one in found.items()} == {first: 2, other: 1}
    assert (found[first]["found"], found[first]["lamp_id"], found[first]["district"]) == ("burning", "L-001", "Siak")
    assert "ani@" not in str(found)
    for _ in range(2):
        answer = client.post(f"/api/v1/checks/{first}", json={"outcome": "in_order"})
        assert (answer.status_code, answer.json()) == (200, {"number": first, "outcome": "in_order"})
    assert client.post(f"/api/v1/checks/{first}", json={"outcome": "mended"}).status_code == 409
    for number in (first, second):
        assert "the lamp is in order" in told(client, number)
    assert client.get(f"/open311/v2/requests/{first}.json").json()[0]["status"] == "closed"
    with town.engine.connect() as connection:
        assert connection.execute(select(reports.c.contact)).scalars().all() == [None] * 3
    assert [one["number"] for one in client.get("/api/v1/checks").json()["items"]] == [other]
    assert client.post("/api/v1/checks/NONE", json={"outcome": "mended"}).status_code == 404
    assert client.post(f"/api/v1/checks/{other}", json={"outcome": "fine"}).status_code == 422


def test_a_report_of_a_lamp_with_a_fault_is_no_check(town, client):
    town.darken(1)
    send(client, place="L-001")
    number = send(client, place="L-002")
    assert [one["number"] for one in client.get("/api/v1/checks").json()["items"]] == [number]
    town.darken(2, at_us=T0 + MINUTE)
    assert client.get("/api/v1/checks").json()["items"] == []


def test_a_crew_sees_and_answers_checks_of_its_districts(town, people):
    app = create_app(town.city, lambda: T0)
    people.add("siak", "crew", "Siak")
    with TestClient(app) as everybody:
        mine, foreign = send(everybody, place="L-001"), send(everybody, place="L-021")
        assert everybody.get("/api/v1/checks").status_code == 401
    with TestClient(app, cookies=dict(sign_in(app, "siak").cookies)) as crew:
        assert [one["number"] for one in crew.get("/api/v1/checks").json()["items"]] == [mine]
        assert crew.post(f"/api/v1/checks/{foreign}", json={"outcome": "mended"}).status_code == 403
        assert crew.post(f"/api/v1/checks/{mine}", json={"outcome": "mended"}).status_code == 200
    reader = bearer(app, people.token("reader", "read"))
    assert reader.get("/api/v1/checks").status_code == 403
