"""Query parameters that a route does not know are refused, on every route."""

from __future__ import annotations

import pytest

from dashboard_api.api.route_table import ROUTES

PATHS = {
    "layer": "lamps",
    "z": "1",
    "x": "0",
    "y": "0",
    "fault_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
    "photo_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
    "lamp_id": "L-001",
    "lamp_id:path": "L-001",
    "cabinet_id": "C-1",
    "cabinet_id:path": "C-1",
    "enrolment_id": "7f3a9c0e5b12",
    "command_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_an_unknown_parameter_is_refused_everywhere(client, route):
    path = route.path
    for name, value in PATHS.items():
        path = path.replace("{" + name + "}", value)
    for query in ("stat=open", "limit=1&Limit=2", "%00x=1", "x"):
        answer = client.request(route.method, f"{path}?{query}", json={})
        assert answer.status_code == 400, query
        assert answer.headers["content-type"] == "application/problem+json"
    detail = client.request(route.method, f"{path}?nope=1", json={}).json()
    assert (detail["code"], detail["parameters"]["name"]) == ("unknown_parameter", "nope")


def test_known_parameters_and_a_language_pass(client):
    assert client.get("/api/v1/faults?state=any&limit=3&lang=id").status_code == 200
    assert client.get("/api/v1/summary?lang=id").status_code == 200


@pytest.mark.parametrize("url", ["/api/v1/faults?since=2026-09-21T14:00:00", "/api/v1/faults?since=2026-09-21"])
def test_a_time_without_a_zone_is_refused(client, url):
    answer = client.get(url)
    assert (answer.status_code, answer.json()["code"]) == (400, "time_without_zone")


def test_every_parameter_is_described_with_an_example(client):
    undescribed = []
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                is_made_by_the_server = parameter["name"] == "cursor"
                has_example = "example" in parameter or is_made_by_the_server
                if not parameter.get("description") or not has_example:
                    undescribed.append((method, path, parameter["name"]))
    assert undescribed == []
