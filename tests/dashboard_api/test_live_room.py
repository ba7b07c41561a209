"""``/api/v1/live``: what the wall shows, in one answer of bounded size."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from dashboard_api.access.roles import Scope
from dashboard_api.api.live_room import N_EVENTS, N_REPAIRS, N_WORST, night_of
from dashboard_api.api.models import LiveRoom
from dashboard_api.app import create_app
from dashboard_api.pages.built_page import WallBuild
from ingest.model.finding import Cleared, Key, Place
from ingest.schema.tables import energy_hours
from tests.dashboard_api.people import bearer

T0 = 1_790_000_000_000_000  # 2026-09-21 20:13 in Jakarta
MINUTE = 60_000_000
HOUR = 60 * MINUTE


def room(client, **parameters):
    answer = client.get("/api/v1/live", params=parameters)
    assert answer.status_code == 200, answer.text
    LiveRoom.model_validate(answer.json())
    return answer.json()


def repaired(town, client, row, *, is_proof=True):
    """A fault of a lamp that somebody repaired, and what telemetry showed afterwards."""
    town.darken(row)
    lamp_id = town.register.lamps.lamp_id[row]
    fault = client.get("/api/v1/faults", params={"lamp_id": lamp_id}).json()["items"][0]
    action = {"action_id": f"01KB00000000000000000{row:05d}", "action": "repair"}
    assert client.post(f"/api/v1/faults/{fault['id']}/actions", json=action).status_code == 200
    key = Key("lampFailure", Place(lamp_id=lamp_id))
    town.book.apply([Cleared(key, T0 + MINUTE, is_proof, {"power_w": 46.93})], T0 + MINUTE)


def test_the_figures_are_those_of_the_summary(town, client):
    town.darken(3, 4)
    town.write_live([2] * 40)
    assert room(client)["summary"] == client.get("/api/v1/summary").json()


def test_worst_faults_stand_in_the_order_of_the_list_and_the_oldest_by_itself(town, client):
    town.darken(5, at_us=T0 - 48 * HOUR)
    town.raise_circuit()
    town.darken(6)
    found = room(client, lang="en")
    listed = client.get("/api/v1/faults", params={"order": "priority"}).json()["items"]
    assert [fault["id"] for fault in found["worst"]] == [fault["id"] for fault in listed]
    assert (found["worst"][0]["title"], found["worst"][0]["lamps"]) == ("Circuit without power", 20)
    assert found["oldest"]["lamp_id"] == "L-005"
    assert room(client, lang="id")["worst"][0]["title"] != found["worst"][0]["title"]


def test_what_another_fault_explains_is_neither_the_oldest_nor_an_event(town, client):
    key = town.raise_circuit()
    town.darken(25, at_us=T0 - 48 * HOUR, cause=key)
    found = room(client)
    assert found["oldest"]["code"] == "circuitFailure"
    assert {event["fault"]["code"] for event in found["events"]} == {"circuitFailure"}


def test_events_are_the_newest_first_and_a_proved_repair_is_told_from_an_end(town, client):
    repaired(town, client, 3)
    town.darken(7)
    town.book.apply([Cleared(Key("lampFailure", Place(lamp_id="L-007")), T0 + MINUTE, False, {})], T0 + MINUTE)
    told = [(one["fault"]["lamp_id"], one["kind"], one["verified"]) for one in room(client)["events"]]
    assert told == [
        ("L-007", "closed", False),
        ("L-007", "opened", False),
        ("L-003", "closed", True),
        ("L-003", "repair", False),
        ("L-003", "opened", False),
    ]


def test_repairs_are_counted_by_what_telemetry_showed(town, client):
    repaired(town, client, 3)
    repaired(town, client, 4, is_proof=False)
    repairs = room(client)["repairs"]
    assert (repairs["verified"], repairs["still_dark"], repairs["waiting"], repairs["is_whole"]) == (1, 0, 0, True)
    assert [(one["fault"]["lamp_id"], one["power_w"]) for one in repairs["last"]] == [("L-003", 46.9)]


def test_no_list_grows_with_the_city(town, client):
    town.darken(*range(40))
    found = room(client)
    assert (len(found["worst"]), len(found["events"])) == (N_WORST, N_EVENTS)
    assert len(found["repairs"]["last"]) <= N_REPAIRS
    assert found["summary"]["faults"]["open"] == 40


def test_energy_is_that_of_the_night_and_what_was_measured_stands_by_itself(town, client):
    town.write_live([2] * 40)  # lit: the night has begun
    noon_us = T0 - T0 % HOUR - 8 * HOUR
    rows = [("C-1", 7, 1000, 1, 2), ("C-2", 7, 2000, 10, 20), ("C-1", 8, 4000, 0, 0), ("C-1", -9, 50_000, 0, 0)]
    with town.engine.begin() as connection:
        connection.execute(
            energy_hours.insert(),
            [
                {
                    "cabinet_id": cabinet,
                    "hour_us": noon_us + hours * HOUR,
                    "measured_wh": measured,
                    "interpolated_wh": interpolated,
                    "estimated_wh": estimated,
                    "lit_hours": 1.0,
                }
                for cabinet, hours, measured, interpolated, estimated in rows
            ],
        )
    energy = room(client)["energy"]
    assert [energy[f"{kind}_kwh"] for kind in ("measured", "interpolated", "estimated")] == [7.0, 0.0, 0.0]
    assert (energy["cabinets_measured"], energy["is_over"]) == (2, False)
    assert energy["start"] == "2026-09-21T05:00:00Z"


@pytest.mark.parametrize(
    ("local", "is_lit", "noon"),
    [
        ((2026, 11, 23, 20), True, (2026, 11, 23)),
        ((2026, 11, 24, 3), True, (2026, 11, 23)),
        ((2026, 11, 24, 9), False, (2026, 11, 23)),  # last night
        ((2026, 11, 24, 15), False, (2026, 11, 23)),  # still the last one: the next has not begun
        ((2026, 11, 24, 15), True, (2026, 11, 24)),  # a winter's afternoon far in the north
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Jakarta", "Asia/Jayapura", "Europe/Helsinki"])
def test_a_night_goes_from_noon_to_noon_in_the_citys_zone(local, is_lit, noon, zone):
    zone = ZoneInfo(zone)
    now_us = int(datetime(*local, tzinfo=zone).timestamp()) * 1_000_000
    night = night_of(now_us, zone, is_lit=is_lit)
    assert datetime.fromtimestamp(night.start_us / 1e6, UTC).astimezone(zone) == datetime(*noon, 12, tzinfo=zone)
    assert night.end_us - night.start_us == 24 * HOUR


def test_a_night_in_which_the_clock_is_set_is_an_hour_longer_or_shorter():
    zone = ZoneInfo("Europe/Helsinki")
    now_us = int(datetime(2026, 10, 24, 22, tzinfo=zone).timestamp()) * 1_000_000
    night = night_of(now_us, zone, is_lit=True)
    assert night.end_us - night.start_us == 25 * HOUR


def test_a_display_token_reads_it_and_no_other_parameter_is_taken(town, people):
    secret = people.token("wall", Scope.DISPLAY)
    with bearer(create_app(town.city, lambda: T0), secret) as client:
        assert room(client)["summary"]["lamps"]["total"] == 40
        assert client.get("/api/v1/live", params={"limit": 5}).status_code == 400
    with TestClient(create_app(town.city, lambda: T0)) as nobody:
        assert nobody.get("/api/v1/live").status_code == 401


def test_nobodys_name_is_shown_on_a_wall(town, people, client):
    town.darken(3)
    fault = client.get("/api/v1/faults").json()["items"][0]
    action = {"action_id": "01KB0000000000000000000001", "action": "assign", "assignee": "Budi Santoso"}
    assert client.post(f"/api/v1/faults/{fault['id']}/actions", json=action).status_code == 200
    assert "Budi" not in client.get("/api/v1/live").text
    assert room(client)["events"][0]["kind"] == "assign"


def test_the_build_of_the_walls_page_is_read_again_when_the_file_is_another(tmp_path):
    build = WallBuild(tmp_path)
    assert build() is None
    page = tmp_path / "wall.html"
    page.write_text('<meta name="build" content="0a1b">')
    assert build() == "0a1b"
    page.write_text('<meta name="build" content="ffeedd">')
    assert build() == "ffeedd"
    page.write_text("<html>")
    assert build() is None
