"""Crews and tokens act in their districts alone."""

from __future__ import annotations

from fastapi.testclient import TestClient

from dashboard_api.app import create_app
from tests.dashboard_api.people import bearer, sign_in

T0 = 1_790_000_000_000_000


def test_a_crew_acts_on_faults_of_its_districts_only(town, people):
    town.darken(1, 21)  # Siak, Mempura
    people.add("budi", "crew", "Siak")
    app = create_app(town.city, lambda: T0)
    with TestClient(app):
        crew = sign_in(app, "budi")
        faults = {fault["district"]: fault for fault in crew.get("/api/v1/faults").json()["items"]}
        done = {}
        for n, (district, fault) in enumerate(sorted(faults.items())):
            body = {"action_id": f"01JDB2M7Z8Q5W3N4T6V9X0Y1K{n}", "action": "acknowledge"}
            done[district] = crew.post(f"/api/v1/faults/{fault['id']}/actions", json=body)
        assert done["Siak"].status_code == 200
        assert (done["Mempura"].status_code, done["Mempura"].json()["code"]) == (403, "other_district")
        after = {fault["district"]: fault["state"] for fault in crew.get("/api/v1/faults").json()["items"]}
        assert after == {"Siak": "acknowledged", "Mempura": "open"}
        timeline = crew.get(f"/api/v1/faults/{faults['Siak']['id']}").json()["timeline"]
        assert timeline[-1]["actor"] == "budi"


def test_a_crew_without_districts_acts_nowhere_and_with_a_star_everywhere(town, people):
    town.darken(1)
    people.add("none", "crew")
    people.add("all", "crew", "*")
    app = create_app(town.city, lambda: T0)
    with TestClient(app):
        for name, n, status in (("none", 1, 403), ("all", 2, 200)):
            crew = sign_in(app, name)
            (fault,) = crew.get("/api/v1/faults").json()["items"]
            body = {"action_id": f"01JDB2M7Z8Q5W3N4T6V9X0Y1K{n}", "action": "acknowledge"}
            assert crew.post(f"/api/v1/faults/{fault['id']}/actions", json=body).status_code == status


def test_a_token_orders_in_its_districts_only(town, people):
    secret = people.token("dimmer", "operate", districts=("Siak",))
    app = create_app(town.city, lambda: T0)
    with TestClient(app):
        program = bearer(app, secret)
        for place, status in (
            ({"cabinet_id": "C-1"}, 202),
            ({"cabinet_id": "C-2"}, 403),
            ({"lamp_ids": ["L-001"]}, 202),
            ({"lamp_ids": ["L-001", "L-030"]}, 403),
        ):
            answer = program.post("/api/v1/commands/dim", json={**place, "level": 10})
            assert answer.status_code == status, place
        until = "2026-09-21T20:00:00Z"
        for place, status in (({"cabinet_id": "C-1"}, 201), ({"cabinet_id": "C-2"}, 403), ({"lamp_id": "L-030"}, 403)):
            answer = program.post("/api/v1/maintenance", json={**place, "until": until})
            assert answer.status_code == status, (place, answer.text)
