"""Query parameters that a route does not know are refused, on every route."""

from __future__ import annotations

import pytest

from dashboard_api.api.route_table import ROUTES

# links to these are passed on by people, and what they are passed on through adds parameters of its own (`fbclid`);
# the answer of an OpenID provider may carry more than its standard says
PAGES = ("/lapor", "/sign-in", "/sign-out")
STRICT = [route for route in ROUTES if not route.path.startswith(PAGES)]

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
    # conformance asks for 400 on a resource that exists; one that does not is 404 whatever the query says
    "collection_id": "lamps",
    "feature_id:path": "L-001",
    "form": "json",
    "service_code": "other",
    "request_id": "none",
    "token": "none",
    "name": "lamps",
    "number": "NONE",
    "entity_id:path": "urn:ngsi-ld:Streetlight:L-001",
    "subscription_id:path": "urn:x:1",
    "service_name": "ControlService",
    "class_name": "TerangLamp",
    "device_address": "none",
    "function_id": "monitor",
    "attribute_name": "activePower",
    "logger_address": "terang-events",
    "group_address": "cabinet.C-1",
    "member_resource": "groups",
    "member_address:path": "none",
    "calendar_address:path": "none",
    "program_address:path": "none",
    "language": "en",
}


def address_of(route):
    path = route.path
    for name, value in PATHS.items():
        path = path.replace("{" + name + "}", value)
    assert "{" not in path
    return path


def names_the_parameter(answer, name):
    document = answer.json()
    if isinstance(document, list) and "key" in document[0]:  # of TALQ
        return name != "nope" or name in document[0]["description"]
    if isinstance(document, list):  # of GeoReport v2
        return document[0]["code"] == 400 and (name != "nope" or name in document[0]["description"])
    if answer.headers["content-type"] != "application/problem+json":
        return False
    return name != "nope" or (document["code"], document["parameters"]["name"]) == ("unknown_parameter", name)


def test_an_unknown_parameter_is_refused_everywhere(standing_client):
    """One test for all routes: a city of its own for each would take a minute."""
    wrong = []
    for route in STRICT:
        path = address_of(route)
        for query in ("stat=open", "limit=1&Limit=2", "%00x=1", "x", "nope=1"):
            answer = standing_client.request(route.method, f"{path}?{query}", json={})
            if answer.status_code != 400 or not names_the_parameter(answer, query.partition("=")[0]):
                wrong.append((route.method, path, query, answer.status_code, answer.text[:200]))
    assert wrong == []


def test_a_page_for_people_opens_whatever_its_link_was_given_on_the_way(standing_client):
    for path in ("/lapor", "/lapor?lamp=L-001", "/sign-in"):
        separator = "&" if "?" in path else "?"
        assert standing_client.get(f"{path}{separator}fbclid=x", follow_redirects=False).status_code < 400, path


def test_known_parameters_and_a_language_pass(standing_client):
    assert standing_client.get("/api/v1/faults?state=any&limit=3&lang=id").status_code == 200
    assert standing_client.get("/api/v1/summary?lang=id").status_code == 200


@pytest.mark.parametrize("url", ["/api/v1/faults?since=2026-09-21T14:00:00", "/api/v1/faults?since=2026-09-21"])
def test_a_time_without_a_zone_is_refused(standing_client, url):
    answer = standing_client.get(url)
    assert (answer.status_code, answer.json()["code"]) == (400, "time_without_zone")


def test_every_parameter_is_described_with_an_example(standing_client):
    undescribed = []
    for path, operations in standing_client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                is_made_by_the_server = parameter["name"] == "cursor"
                has_example = "example" in parameter or is_made_by_the_server
                if not parameter.get("description") or not has_example:
                    undescribed.append((method, path, parameter["name"]))
    assert undescribed == []


@pytest.mark.parametrize("digits", ["1001", "9" * 9, "9" * 10, "9" * 40])
def test_a_limit_is_clamped_however_large_it_is(standing_client, digits):
    cms = {"clientAddress": "5c1ab7c4-8b0c-4d52-9d43-0c9a1f2b7e10", "offset": 0}
    for path, params, name in (
        ("/ogc/collections/lamps/items", {}, "limit"),
        ("/ngsi-ld/v1/entities", {"type": "Streetlight"}, "limit"),
        ("/open311/v2/requests.json", {}, "page_size"),
        ("/talq/devices", cms, "limit"),
    ):
        headers = {"talq-api-version": "2.7.1"} if "talq" in path else {}
        answer = standing_client.get(path, params={**params, name: digits}, headers=headers)
        assert answer.status_code == 200, (path, answer.text)
        beyond = standing_client.get(path, params={**params, name: "9" * 41}, headers=headers)
        assert beyond.status_code == 400, (path, beyond.text)
