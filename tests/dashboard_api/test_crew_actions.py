"""What a crew does at a pole: start, repair, give up for now; nothing doubled, dated by the server, proved later."""

from __future__ import annotations

import json

import pytest
from ulid import ULID

from ingest.model.finding import Cleared, Key, Place, StillFailing

T0 = 1_790_000_000_000_000  # 2026-09-21T14:13:20Z, 21:13:20 in Jakarta
MINUTE = 60_000_000
LAMP = Key("lampFailure", Place(lamp_id="L-003"))


@pytest.fixture
def fault_id(town, client):
    town.darken(3)
    return client.get("/api/v1/faults").json()["items"][0]["id"]


@pytest.fixture
def act(client, fault_id):
    def post(action, action_id=None, **fields):
        body = {"action_id": action_id or str(ULID()), "action": action, **fields}
        return client.post(f"/api/v1/faults/{fault_id}/actions", json=body)

    return post


@pytest.fixture
def detail(client, fault_id):
    return lambda **query: client.get(f"/api/v1/faults/{fault_id}", params=query).json()


def test_start_stays_assigned_and_is_shown_as_started(act, detail):
    assert act("start").status_code == 409  # nobody is assigned yet
    act("assign", assignee="Budi")
    started = act("start").json()
    assert (started["state"], started["started_at"]) == ("assigned", "2026-09-21T14:13:20Z")
    assert detail()["timeline"][-1]["kind"] == "start"
    again = act("assign", assignee="Sari").json()
    assert (again["state"], again["started_at"]) == ("assigned", None)


def test_cannot_repair_goes_back_to_acknowledged_until_a_time(act, detail):
    act("assign", assignee="Budi")
    act("start")
    for missing in ({"note": "no ladder"}, {"until": "2026-09-28T00:00:00+07:00"}):
        assert act("cannot_repair", **missing).status_code == 400
    answer = act("cannot_repair", note="no ladder", until="2026-09-28T00:00:00+07:00").json()
    assert (answer["state"], answer["assignee"], answer["started_at"]) == ("acknowledged", None, None)
    assert answer["deferred_until"] == "2026-09-27T17:00:00Z"
    entry = detail()["timeline"][-1]
    assert (entry["note"], entry["data"]["until"]) == ("no ladder", "2026-09-27T17:00:00Z")
    assert act("assign", assignee="Sari").json()["deferred_until"] is None


@pytest.mark.parametrize("until", ["2026-09-20T00:00:00Z", "2028-01-01T00:00:00Z", "2026-09-28T00:00:00", "soon"])
def test_an_until_that_cannot_be_is_refused(act, detail, until):
    assert act("cannot_repair", note="no ladder", until=until).status_code == 400
    assert detail()["state"] == "open"


def test_repair_tells_cause_and_part(act, detail):
    act("repair", cause="driver", part="LED driver 90 W")
    repair = detail()["repair"]
    assert (repair["cause"], repair["part"], repair["result"]) == ("driver", "LED driver 90 W", "waiting")
    assert detail()["timeline"][-1]["data"] == {"assignee": None, "cause": "driver", "part": "LED driver 90 W"}


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "acknowledge", "cause": "driver"},
        {"action": "comment", "note": "x", "until": "2026-09-28T00:00:00Z"},
        {"action": "comment", "note": " \t\n\u200b"},
        {"action": "acknowledge", "note": " "},
        {"action": "assign", "assignee": "  "},
        {"action": "repair", "cause": " "},
        {"action": "acknowledge", "at": "2026-09-21T14:00:00"},
    ],
)
def test_fields_that_say_nothing_or_belong_elsewhere_are_refused(act, detail, fields):
    answer = act(**fields)
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert len(detail()["timeline"]) == 1


def test_an_action_id_that_returns_with_another_body_is_a_conflict(act, detail):
    action_id = str(ULID())
    first = {"action": "repair", "note": "fuse", "cause": "fuse", "at": "2026-09-21T20:00:00+07:00"}
    done = act(**first, action_id=action_id, age_s=10)
    assert done.status_code == 200
    repeat = act(**first, action_id=action_id.lower(), age_s=500)  # sent again later: the same action
    assert repeat.json() == done.json()
    for change in ({"note": "driver"}, {"cause": None}, {"part": "10 A"}, {"if_version": 1}, {"action": "comment"}):
        body = {**first, **change}
        if body["action"] == "comment":
            del body["cause"]
        answer = act(**body, action_id=action_id)
        assert answer.status_code == 409, change
        assert answer.json()["code"] == "action_id_used"
        assert answer.json()["fault"]["version"] == done.json()["version"]
    assert len(detail()["timeline"]) == 2


def test_an_action_id_of_another_fault_is_a_conflict(town, client, act):
    action_id = str(ULID())
    assert act("acknowledge", action_id=action_id).status_code == 200
    town.darken(5)
    other = client.get("/api/v1/faults?lamp_id=L-005").json()["items"][0]["id"]
    body = {"action_id": action_id, "action": "acknowledge"}
    answer = client.post(f"/api/v1/faults/{other}/actions", json=body)
    assert (answer.status_code, answer.json()["fault"]["id"]) == (409, other)


def test_a_repeat_of_an_action_stored_by_an_older_version_is_known(town, act):
    action_id = str(ULID())
    first = act("comment", action_id=action_id, note="seen").json()
    with town.engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT seq, data FROM fault_events WHERE action_id IS NOT NULL").all()
        data = rows[0][1] if isinstance(rows[0][1], dict) else json.loads(rows[0][1])
        old = json.dumps({"assignee": None, "answer": data["answer"]}).replace("%", "%%").replace("'", "''")
        connection.exec_driver_sql(f"UPDATE fault_events SET data = '{old}' WHERE seq = {rows[0][0]}")
    assert act("comment", action_id=action_id, note="seen").json() == first
    assert act("comment", action_id=action_id, note="other").status_code == 409


def test_the_phones_time_is_kept_as_claimed_and_age_dates_it(act, detail):
    act("comment", note="a day ahead", at="2026-09-22T21:13:00+07:00", age_s=3600.5)
    entry = detail()["timeline"][-1]
    assert entry["at"] == "2026-09-21T13:13:19.500000Z"
    assert entry["data"]["claimed_at"] == "2026-09-22T21:13:00+07:00"
    act("comment", note="no age", at="2026-09-22T21:13:00+07:00")
    assert detail()["timeline"][-1]["at"] == "2026-09-21T14:13:20Z"  # nobody acts in the future
    for age_s in (-1, 61 * 86_400, 1e300):
        assert act("comment", note="x", age_s=age_s).status_code == 422


def test_the_result_of_a_repair_is_on_the_fault_and_in_the_list(town, client, act, detail):
    act("repair", cause="lamp")
    assert client.get("/api/v1/repairs").json()["items"][0]["result"] == "waiting"
    at_us = T0 + 30 * MINUTE
    town.book.poll_claims()
    town.book.apply([StillFailing(LAMP, at_us, {"power_w": 0.2})], at_us)
    assert (detail()["state"], detail()["repair"]["result"]) == ("open", "still_dark")
    assert detail(lang="en")["repair"]["words"] == "Still dark at 21:43"
    act("repair", cause="driver")
    assert detail()["repair"]["result"] == "waiting"
    town.book.apply([Cleared(LAMP, at_us + MINUTE, True, {"power_w": 46.93})], at_us + MINUTE)
    assert detail(lang="en")["repair"]["words"] == "Verified: 46.9 W at 21:44"
    assert detail(lang="id")["repair"]["words"] == "Terverifikasi: 46.9 W pukul 21:44"
    items = client.get("/api/v1/repairs").json()["items"]
    assert [(one["cause"], one["result"]) for one in items] == [("driver", "verified"), ("lamp", "still_dark")]
    assert items[0]["fault"]["state"] == "closed"
    dark = client.get("/api/v1/repairs?result=still_dark&actor=*").json()["items"]
    assert [one["cause"] for one in dark] == ["lamp"]
    assert client.get("/api/v1/repairs?actor=Sari").json()["items"] == []


def test_repairs_come_in_pages(town, client):
    town.darken(*range(7))
    for fault in client.get("/api/v1/faults").json()["items"]:
        body = {"action_id": str(ULID()), "action": "repair"}
        client.post(f"/api/v1/faults/{fault['id']}/actions", json=body)
    seen, cursor = [], None
    for n in (3, 3, 1):
        page = client.get("/api/v1/repairs", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        assert len(page["items"]) == n
        seen += [one["fault"]["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert (cursor, len(set(seen))) == (None, 7)
    assert client.get("/api/v1/repairs?cursor=x").status_code == 400


def test_other_ends_of_a_repair(town, client, act, detail):
    act("repair")
    act("reopen")
    assert detail()["repair"]["result"] == "reopened"
    act("repair")
    town.book.apply([Cleared(LAMP, T0 + MINUTE, False, {})], T0 + MINUTE)
    assert detail()["repair"]["result"] == "closed"
