"""Fault lists, details and actions over HTTP against a real database."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

from ulid import ULID

from ingest.model.finding import Cleared, Key, Place

T0 = 1_790_000_000_000_000
HOUR = 3_600_000_000


def listed(client, **query):
    answer = client.get("/api/v1/faults", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def act(client, fault, action, **more):
    body = {"action_id": str(ULID()), "action": action, **more}
    return client.post(f"/api/v1/faults/{fault['id']}/actions", json=body)


def test_a_fault_is_shown_as_the_contract_says(town, client):
    town.darken(3)
    (fault,) = listed(client)
    assert fault["code"] == "lampFailure"
    assert (fault["level"], fault["severity"], fault["state"]) == ("lamp", "major", "open")
    assert fault["opened_at"] == "2026-09-21T14:13:20Z"
    assert fault["closed_at"] is None
    assert (fault["lamp_id"], fault["lamp_ids"], fault["cabinet_id"]) == ("L-003", ["L-003"], "C-1")
    assert (fault["controller_id"], fault["bus"], fault["circuit"], fault["span"]) == ("PJU-1", "A", "1", None)
    assert fault["evidence"]["power_w"] == 0.4
    assert fault["version"] == 1
    assert "fuse" in fault["advice"]
    assert "sekring" in listed(client, lang="id")[0]["advice"]


def test_lists_page_through_everything_once_in_order(town, client):
    town.darken(*range(0, 20, 2))
    town.darken(21, 22, 23, 24, at_us=T0 + HOUR)
    for order in ("priority", "-opened_at", "distance"):
        seen, cursor = [], None
        while True:
            query = {"order": order, "limit": 4, "near": "0.79,102.001"}
            page = client.get("/api/v1/faults", params=query if cursor is None else {**query, "cursor": cursor}).json()
            seen += [fault["id"] for fault in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 14
        whole = listed(client, order=order, limit=1000, near="0.79,102.001")
        assert seen == [fault["id"] for fault in whole]
    priorities = [fault["priority"] for fault in listed(client)]
    assert priorities == sorted(priorities, reverse=True)


def test_filters_narrow_the_list(town, client):
    town.darken(1, 5)
    town.raise_circuit(at_us=T0 + HOUR)
    assert len(listed(client)) == 3
    assert [fault["code"] for fault in listed(client, code="circuitFailure")] == ["circuitFailure"]
    assert len(listed(client, code="circuitFailure,lampFailure")) == 3
    assert len(listed(client, severity="critical")) == 1
    assert len(listed(client, district="Siak")) == 2
    assert len(listed(client, cabinet_id="C-2")) == 1
    assert [fault["level"] for fault in listed(client, lamp_id="L-025")] == ["circuit"]
    assert len(listed(client, since="2026-09-21T15:00:00Z")) == 1
    assert len(listed(client, bbox="101.9,0.785,102.1,0.795")) == 2
    assert len(listed(client, bbox="102.1,0.785,101.9,0.795")) == 0
    assert listed(client, state="closed") == []


def test_what_another_fault_explains_is_left_out_unless_asked_for(town, client):
    key = town.raise_circuit()
    town.darken(30, cause=key)
    assert [fault["code"] for fault in listed(client)] == ["circuitFailure"]
    both = listed(client, include="suppressed")
    child = next(fault for fault in both if fault["code"] == "lampFailure")
    assert child["caused_by"] == listed(client)[0]["id"]


def test_csv_geojson_and_gpx_carry_the_same_faults(town, client):
    town.darken(1, 2)
    text = client.get("/api/v1/faults", params={"f": "csv"}).text
    assert text.startswith("\ufeff")  # Excel takes it for UTF-8 by this mark
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert {row["lamp_id"] for row in rows} == {"L-001", "L-002"}
    assert rows[0]["street"] == "'=Jalan Melati"  # no formula to a spreadsheet
    collection = client.get("/api/v1/faults", params={"f": "geojson"})
    assert collection.headers["content-type"].startswith("application/geo+json")
    point = collection.json()["features"][0]["geometry"]["coordinates"]
    assert 101.9 < point[0] < 102.1
    gpx = ET.fromstring(client.get("/api/v1/faults", params={"f": "gpx"}).text)
    assert len(gpx) == 2


def test_bad_parameters_are_problems_that_name_them(client):
    for query, said in [
        ({"state": "broken"}, "state"),
        ({"code": "lampFailure,nonsense"}, "code"),
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "1,9,2,3"}, "south"),
        ({"order": "distance"}, "near"),
        ({"since": "yesterday"}, "since"),
        ({"cursor": "!!!"}, "cursor"),
        ({"lang": "fr"}, "lang"),
        ({"limit": "1001"}, "limit"),
    ]:
        answer = client.get("/api/v1/faults", params=query)
        assert answer.status_code in {400, 422}, query
        assert answer.headers["content-type"] == "application/problem+json"
        assert said in answer.json()["detail"]
    assert client.get("/api/v1/faults/nothing").status_code == 404


def test_actions_move_a_fault_through_its_life_and_stand_on_its_timeline(town, client):
    town.darken(3)
    (fault,) = listed(client)
    assert act(client, fault, "acknowledge").json()["state"] == "acknowledged"
    assigned = act(client, fault, "assign", assignee="Regu 2", note="after rain").json()
    assert (assigned["state"], assigned["assignee"], assigned["version"]) == ("assigned", "Regu 2", 3)
    assert act(client, fault, "comment", note="brought ladder").json()["state"] == "assigned"
    assert act(client, fault, "repair").json()["state"] == "repaired"
    refused = act(client, fault, "acknowledge")
    assert refused.status_code == 409
    assert refused.json()["fault"]["state"] == "repaired"
    assert act(client, fault, "reopen").json()["state"] == "open"
    timeline = client.get(f"/api/v1/faults/{fault['id']}").json()["timeline"]
    kinds = [entry["kind"] for entry in timeline]
    assert kinds == ["opened", "acknowledge", "assign", "comment", "repair", "reopen"]
    assert [entry["actor"] for entry in timeline] == ["telemetry"] + ["local"] * 5
    assert town.book.poll_claims() == [key for key, _state in town.book.open_keys()]


def test_a_repeated_action_gets_the_same_answer_and_happens_once(town, client):
    town.darken(3)
    (fault,) = listed(client)
    body = {"action_id": str(ULID()), "action": "acknowledge"}
    first = client.post(f"/api/v1/faults/{fault['id']}/actions", json=body)
    act(client, fault, "repair")
    again = client.post(f"/api/v1/faults/{fault['id']}/actions", json=body)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert len(client.get(f"/api/v1/faults/{fault['id']}").json()["timeline"]) == 3


def test_a_stale_version_is_a_conflict_with_the_fault_as_it_is(town, client):
    town.darken(3)
    (fault,) = listed(client)
    act(client, fault, "acknowledge", if_version=1)
    stale = act(client, fault, "repair", if_version=1)
    assert stale.status_code == 409
    assert (stale.json()["fault"]["version"], stale.json()["fault"]["state"]) == (2, "acknowledged")


def test_detection_and_people_write_beside_each_other(town, client):
    town.darken(3)
    (fault,) = listed(client)
    act(client, fault, "acknowledge")
    town.raise_circuit(at_us=T0 + HOUR)
    town.darken(3, at_us=T0 + HOUR)
    assert client.get(f"/api/v1/faults/{fault['id']}").json()["state"] == "acknowledged"


def test_actions_of_no_sense_are_refused_and_change_nothing(town, client):
    town.darken(3)
    (fault,) = listed(client)
    assert act(client, fault, "explode").status_code == 422
    assert act(client, fault, "assign").status_code == 400
    assert act(client, fault, "comment", note="").status_code == 400
    assert act(client, fault, "comment", note="\x00").status_code == 400
    path = f"/api/v1/faults/{fault['id']}/actions"
    assert client.post(path, json={"action_id": "short", "action": "repair"}).status_code == 422
    assert act(client, {"id": "nothing"}, "repair").status_code == 404
    assert listed(client)[0]["version"] == 1


def test_an_old_fault_is_not_reopened_beside_a_newer_one_of_its_place(town, client):
    town.darken(3)
    (old,) = listed(client)
    town.book.apply([Cleared(Key("lampFailure", Place(lamp_id="L-003")), T0 + HOUR, is_proof=True)], T0 + HOUR)
    later = T0 + 48 * HOUR  # past reopen_within: another fault
    town.book.apply([Cleared(Key("lampFailure", Place(lamp_id="L-009")), later, is_proof=True)], later)
    town.darken(3, at_us=later)
    (new,) = listed(client)
    assert new["id"] != old["id"]
    refused = act(client, old, "reopen")
    assert refused.status_code == 409
    assert new["id"] in refused.json()["detail"]
    assert [fault["id"] for fault in listed(client)] == [new["id"]]


def test_an_action_of_an_offline_phone_neither_ages_the_fault_nor_lies_in_the_future(town, client):
    town.darken(3)
    (fault,) = listed(client)
    early = act(client, fault, "comment", note="seen", at="2026-09-21T12:00:00Z").json()
    assert early["updated_at"] == fault["updated_at"]
    act(client, fault, "comment", note="clock ahead", at="2036-01-01T00:00:00Z")
    timeline = client.get(f"/api/v1/faults/{fault['id']}").json()["timeline"]
    assert [entry["at"] for entry in timeline if entry["kind"] == "comment"] == [
        "2026-09-21T12:00:00Z",
        "2026-09-21T14:13:20Z",
    ]


def test_a_repeat_at_the_same_instant_counts_once(town, client):
    town.darken(3)
    (fault,) = listed(client)
    body = {"action_id": str(ULID()), "action": "comment", "note": "twice"}
    with ThreadPoolExecutor(8) as pool:
        path = f"/api/v1/faults/{fault['id']}/actions"
        answers = list(pool.map(lambda _n: client.post(path, json=body), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    kinds = [entry["kind"] for entry in client.get(f"/api/v1/faults/{fault['id']}").json()["timeline"]]
    assert kinds == ["opened", "comment"]
