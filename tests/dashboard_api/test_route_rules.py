"""Every route x role x scope x method, against a table written by hand: a route that is not in it fails here."""

from __future__ import annotations

import itertools

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboard_api.access.guard import Guard
from dashboard_api.access.roles import Scope
from dashboard_api.api.route_table import ROUTES, guard_others
from dashboard_api.app import create_app
from dashboard_api.errors import UnguardedError
from tests.dashboard_api.people import bearer, sign_in

T0 = 1_790_000_000_000_000
PEOPLE = ("viewer", "crew", "operator", "administrator")
VIEW = frozenset((*PEOPLE, "read"))
WALL = VIEW | {"display"}
OPERATE = frozenset(("operator", "administrator", "operate"))
EVERYBODY = frozenset(("public", *PEOPLE, *Scope))
# method and path -> (an address of it, who may)
MAY = {
    ("GET", "/tiles/{layer}/{z}/{x}/{y}.mvt"): ("/tiles/lamps/6/50/31.mvt", WALL),
    ("GET", "/api/v1/faults"): ("/api/v1/faults", WALL),
    ("GET", "/api/v1/faults/{fault_id}"): ("/api/v1/faults/none", WALL),
    ("POST", "/api/v1/faults/{fault_id}/actions"): (
        "/api/v1/faults/none/actions",
        frozenset(("crew", "operator", "administrator", "act")),
    ),
    ("GET", "/api/v1/lamps.geojson"): ("/api/v1/lamps.geojson", WALL),
    ("GET", "/api/v1/lamps/states"): ("/api/v1/lamps/states", WALL),
    ("GET", "/api/v1/lamps/changes"): ("/api/v1/lamps/changes?since=0", VIEW),
    ("GET", "/api/v1/search"): ("/api/v1/search?q=L-001", VIEW),
    ("GET", "/api/v1/cabinets/{cabinet_id:path}/lamps"): ("/api/v1/cabinets/C-1/lamps", WALL),
    ("GET", "/api/v1/lamps/{lamp_id:path}/readings"): ("/api/v1/lamps/L-001/readings", VIEW),
    ("GET", "/api/v1/lamps/{lamp_id:path}"): ("/api/v1/lamps/L-001", VIEW),
    ("GET", "/api/v1/cabinets"): ("/api/v1/cabinets", WALL),
    ("GET", "/api/v1/cabinets/{cabinet_id:path}/energy"): ("/api/v1/cabinets/C-1/energy", VIEW),
    ("GET", "/api/v1/cabinets/{cabinet_id:path}"): ("/api/v1/cabinets/C-1", VIEW),
    ("GET", "/api/v1/city"): ("/api/v1/city", EVERYBODY),
    ("GET", "/api/v1/words/{language}"): ("/api/v1/words/id", EVERYBODY),
    ("GET", "/api/v1/codes"): ("/api/v1/codes", EVERYBODY),
    ("GET", "/api/v1/quantities"): ("/api/v1/quantities", EVERYBODY),
    ("GET", "/api/v1/summary"): ("/api/v1/summary", WALL),
    ("GET", "/api/v1/live"): ("/api/v1/live", WALL),
    ("POST", "/api/v1/maintenance"): ("/api/v1/maintenance", frozenset(("operator", "administrator", "operate"))),
    ("GET", "/api/v1/maintenance"): ("/api/v1/maintenance", VIEW),
    ("POST", "/api/v1/commands/dim"): ("/api/v1/commands/dim", frozenset(("operator", "administrator", "operate"))),
    ("GET", "/api/v1/commands/{command_id}"): ("/api/v1/commands/none", VIEW),
    ("POST", "/api/v1/enrolments"): ("/api/v1/enrolments", EVERYBODY),
    ("GET", "/api/v1/enrolments"): ("/api/v1/enrolments", frozenset(("operator", "administrator"))),
    ("GET", "/api/v1/enrolments/{enrolment_id}"): ("/api/v1/enrolments/none", EVERYBODY),
    ("POST", "/api/v1/enrolments/{enrolment_id}/decision"): (
        "/api/v1/enrolments/none/decision",
        frozenset(("operator", "administrator")),
    ),
    ("GET", "/api/v1/checks"): ("/api/v1/checks", frozenset(("crew", "operator", "administrator", "act"))),
    ("POST", "/api/v1/checks/{number}"): (
        "/api/v1/checks/none",
        frozenset(("crew", "operator", "administrator", "act")),
    ),
    ("GET", "/tiles/{layer}.json"): ("/tiles/lamps.json", WALL),
    ("GET", "/tiles/style.json"): ("/tiles/style.json", WALL),
    ("GET", "/api/v1/events"): ("/api/v1/events", WALL),
    ("POST", "/api/v1/session"): ("/api/v1/session", EVERYBODY),
    ("DELETE", "/api/v1/session"): ("/api/v1/session", EVERYBODY),
    ("GET", "/api/v1/me"): ("/api/v1/me", EVERYBODY - {"public"}),
    ("GET", "/healthz"): ("/healthz", EVERYBODY),
    ("GET", "/readyz"): ("/readyz", EVERYBODY),
    ("GET", "/metrics"): ("/metrics", VIEW | {"metrics"}),
    ("GET", "/docs"): ("/docs", EVERYBODY),
    ("PUT", "/api/v1/faults/{fault_id}/photos/{photo_id}"): (
        "/api/v1/faults/none/photos/01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
        frozenset(("crew", "operator", "administrator", "act")),
    ),
    ("GET", "/api/v1/faults/{fault_id}/photos/{photo_id}"): (
        "/api/v1/faults/none/photos/01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
        VIEW,
    ),
    ("GET", "/api/v1/repairs"): ("/api/v1/repairs", VIEW),
    ("GET", "/ogc"): ("/ogc", EVERYBODY),
    ("GET", "/ogc/"): ("/ogc/", EVERYBODY),
    ("GET", "/ogc/api"): ("/ogc/api", EVERYBODY),
    ("GET", "/ogc/conformance"): ("/ogc/conformance", EVERYBODY),
    ("GET", "/ogc/collections"): ("/ogc/collections", EVERYBODY),
    ("GET", "/ogc/collections/{collection_id}"): ("/ogc/collections/lamps", EVERYBODY),
    ("GET", "/ogc/collections/{collection_id}/queryables"): ("/ogc/collections/faults/queryables", EVERYBODY),
    ("GET", "/ogc/collections/{collection_id}/items"): ("/ogc/collections/lamps/items", EVERYBODY),
    ("GET", "/ogc/collections/{collection_id}/items/{feature_id:path}"): (
        "/ogc/collections/lamps/items/L-001",
        EVERYBODY,
    ),
    ("GET", "/open311/v2/discovery.{form}"): ("/open311/v2/discovery.json", EVERYBODY),
    ("GET", "/open311/v2/services.{form}"): ("/open311/v2/services.json", EVERYBODY),
    ("GET", "/open311/v2/services/{service_code}.{form}"): ("/open311/v2/services/other.json", EVERYBODY),
    ("GET", "/open311/v2/requests.{form}"): ("/open311/v2/requests.json", EVERYBODY),
    ("POST", "/open311/v2/requests.{form}"): ("/open311/v2/requests.json", EVERYBODY),
    ("GET", "/open311/v2/requests/{request_id}.{form}"): ("/open311/v2/requests/none.json", EVERYBODY),
    ("GET", "/open311/v2/tokens/{token}.{form}"): ("/open311/v2/tokens/none.json", EVERYBODY),
    ("GET", "/open311/v2/bulk/requests.{form}"): ("/open311/v2/bulk/requests.csv", EVERYBODY),
    ("GET", "/lapor"): ("/lapor", EVERYBODY),
    ("GET", "/lapor/map.js"): ("/lapor/map.js", EVERYBODY),
    ("GET", "/lapor/lamps"): ("/lapor/lamps", EVERYBODY),
    ("POST", "/lapor"): ("/lapor", EVERYBODY),
    ("GET", "/lapor/{number}"): ("/lapor/NONE", EVERYBODY),
    ("GET", "/open"): ("/open", EVERYBODY),
    ("GET", "/open/catalogue.jsonld"): ("/open/catalogue.jsonld", EVERYBODY),
    ("GET", "/open/{name}.{form}"): ("/open/lamps.csv", EVERYBODY),
    ("GET", "/branding/logo.png"): ("/branding/logo.png", EVERYBODY),
    ("GET", "/labels"): ("/labels?cabinet_id=C-1", frozenset(("crew", "operator", "administrator", "act"))),
    ("GET", "/sign-in"): ("/sign-in", EVERYBODY),
    ("POST", "/sign-in"): ("/sign-in", EVERYBODY),
    ("GET", "/sign-in/link"): ("/sign-in/link", EVERYBODY),
    ("POST", "/sign-in/link"): ("/sign-in/link", EVERYBODY),
    ("GET", "/sign-in/style.css"): ("/sign-in/style.css", EVERYBODY),
    ("GET", "/sign-in/oidc"): ("/sign-in/oidc", EVERYBODY),
    ("GET", "/sign-in/oidc/callback"): ("/sign-in/oidc/callback", EVERYBODY),
    ("POST", "/sign-out"): ("/sign-out", EVERYBODY),
    ("GET", "/talq/services"): ("/talq/services", VIEW),
    ("GET", "/talq/services/{service_name}"): ("/talq/services/ControlService", VIEW),
    ("GET", "/talq/device-classes"): ("/talq/device-classes", VIEW),
    ("GET", "/talq/device-classes/count"): ("/talq/device-classes/count", VIEW),
    ("GET", "/talq/device-classes/{class_name}"): ("/talq/device-classes/TerangLamp", VIEW),
    ("GET", "/talq/devices"): ("/talq/devices", VIEW),
    ("GET", "/talq/devices/count"): ("/talq/devices/count", VIEW),
    ("GET", "/talq/devices/{device_address}"): ("/talq/devices/none", VIEW),
    ("GET", "/talq/devices/{device_address}/{function_id}"): ("/talq/devices/none/monitor", VIEW),
    ("GET", "/talq/devices/{device_address}/{function_id}/{attribute_name}"): (
        "/talq/devices/none/monitor/activePower",
        VIEW,
    ),
    ("GET", "/talq/log-reports/{logger_address}"): ("/talq/log-reports/terang-events", VIEW),
    ("GET", "/talq/groups"): ("/talq/groups", VIEW),
    ("GET", "/talq/groups/count"): ("/talq/groups/count", VIEW),
    ("GET", "/talq/groups/{group_address}"): ("/talq/groups/none", VIEW),
    ("GET", "/talq/groups/{group_address}/members/count"): ("/talq/groups/none/members/count", VIEW),
    ("GET", "/talq/calendars"): ("/talq/calendars", VIEW),
    ("GET", "/talq/calendars/count"): ("/talq/calendars/count", VIEW),
    ("GET", "/talq/calendars/{calendar_address:path}"): ("/talq/calendars/none", VIEW),
    ("GET", "/talq/control-programs"): ("/talq/control-programs", VIEW),
    ("GET", "/talq/control-programs/count"): ("/talq/control-programs/count", VIEW),
    ("GET", "/talq/control-programs/{program_address:path}"): ("/talq/control-programs/none", VIEW),
    ("GET", "/talq/assign-commands"): ("/talq/assign-commands", VIEW),
    ("POST", "/talq/groups"): ("/talq/groups", OPERATE),
    ("PUT", "/talq/groups"): ("/talq/groups", OPERATE),
    ("PUT", "/talq/groups/{group_address}"): ("/talq/groups/none", OPERATE),
    ("DELETE", "/talq/groups/{group_address}"): ("/talq/groups/none", OPERATE),
    ("PUT", "/talq/groups/{group_address}/members"): ("/talq/groups/none/members", OPERATE),
    ("DELETE", "/talq/groups/{group_address}/members/{member_resource}/{member_address:path}"): (
        "/talq/groups/none/members/groups/none",
        OPERATE,
    ),
    ("POST", "/talq/logger-configs"): ("/talq/logger-configs", OPERATE),
    ("PUT", "/talq/logger-configs/{logger_address}"): ("/talq/logger-configs/terang-events", OPERATE),
    ("DELETE", "/talq/logger-configs/{logger_address}"): ("/talq/logger-configs/terang-events", OPERATE),
    ("POST", "/talq/devices"): ("/talq/devices", OPERATE),
    ("PUT", "/talq/devices"): ("/talq/devices", OPERATE),
    ("PATCH", "/talq/devices"): ("/talq/devices", OPERATE),
    ("PATCH", "/talq/devices/{device_address}"): ("/talq/devices/none", OPERATE),
    ("DELETE", "/talq/devices/{device_address}"): ("/talq/devices/none", OPERATE),
    ("PATCH", "/talq/devices/{device_address}/{function_id}"): ("/talq/devices/none/monitor", OPERATE),
    ("PATCH", "/talq/devices/{device_address}/{function_id}/{attribute_name}"): (
        "/talq/devices/none/monitor/activePower",
        OPERATE,
    ),
    ("POST", "/talq/calendars"): ("/talq/calendars", OPERATE),
    ("PUT", "/talq/calendars"): ("/talq/calendars", OPERATE),
    ("PUT", "/talq/calendars/{calendar_address:path}"): ("/talq/calendars/none", OPERATE),
    ("DELETE", "/talq/calendars/{calendar_address:path}"): ("/talq/calendars/none", OPERATE),
    ("POST", "/talq/control-programs"): ("/talq/control-programs", OPERATE),
    ("PUT", "/talq/control-programs"): ("/talq/control-programs", OPERATE),
    ("PUT", "/talq/control-programs/{program_address:path}"): ("/talq/control-programs/none", OPERATE),
    ("DELETE", "/talq/control-programs/{program_address:path}"): ("/talq/control-programs/none", OPERATE),
    ("POST", "/talq/assign-commands"): ("/talq/assign-commands", OPERATE),
    ("GET", "/talq/log-reports/count"): ("/talq/log-reports/count", VIEW),
    ("GET", "/talq/logger-configs/{logger_address}"): ("/talq/logger-configs/terang-events", VIEW),
    ("POST", "/talq/override-commands"): ("/talq/override-commands", OPERATE),
    ("GET", "/ngsi-ld/v1/entities"): ("/ngsi-ld/v1/entities?type=Streetlight", VIEW),
    ("GET", "/ngsi-ld/v1/entities/{entity_id:path}"): ("/ngsi-ld/v1/entities/urn:ngsi-ld:Streetlight:L-001", VIEW),
    ("GET", "/ngsi-ld/v1/types"): ("/ngsi-ld/v1/types", VIEW),
    ("GET", "/ngsi-ld/v1/subscriptions"): ("/ngsi-ld/v1/subscriptions", OPERATE),
    ("POST", "/ngsi-ld/v1/subscriptions"): ("/ngsi-ld/v1/subscriptions", OPERATE),
    ("GET", "/ngsi-ld/v1/subscriptions/{subscription_id:path}"): ("/ngsi-ld/v1/subscriptions/none", OPERATE),
    ("DELETE", "/ngsi-ld/v1/subscriptions/{subscription_id:path}"): ("/ngsi-ld/v1/subscriptions/none", OPERATE),
}
SIGNS_OUT = (("DELETE", "/api/v1/session"), ("POST", "/sign-out"))
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MIGHTIEST = ("administrator", str(Scope.OPERATE))
REFUSALS = {"not_signed_in": 401, "not_your_right": 403}


def callers(town, people):
    app = create_app(town.city, lambda: T0)
    found = {"public": lambda: TestClient(app)}
    for role in PEOPLE:
        people.add(role, role, "Siak")
        cookies = dict(sign_in(app, role).cookies)
        found[role] = lambda cookies=cookies: TestClient(app, cookies=cookies)
    for scope in Scope:
        secret = people.token(f"t-{scope}", scope)
        found[str(scope)] = lambda secret=secret: bearer(app, secret)
    return app, found


def refusal(answer):
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    code = answer.json().get("code") if is_problem else None
    if code in REFUSALS:
        assert answer.status_code == REFUSALS[code]
        return code
    return None


def test_the_table_names_every_route():
    assert {(route.method, route.path) for route in ROUTES} == MAY.keys()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the rules know no database
def test_every_route_lets_in_whom_the_table_names_and_nobody_else(town, people):
    town.darken(1)
    town.write_live([2] * 40)
    app, found = callers(town, people)
    assert found.keys() == EVERYBODY
    wrong = []
    with TestClient(app):
        for (method, path), (address, may) in MAY.items():
            for caller, client_of in found.items():
                # the live feed never ends: an event id that cannot be ends it, behind the guard
                more = {"Last-Event-ID": "x"} if path.endswith("/events") else {}
                if caller in PEOPLE and (method, path) in SIGNS_OUT:
                    continue  # would end the session that is used here; test_sign_in.py does it
                answer = client_of().request(method, address, headers=more, follow_redirects=False)
                code = refusal(answer)
                expected = None if caller in may else "not_signed_in" if caller == "public" else "not_your_right"
                if code != expected:
                    wrong.append((method, path, caller, answer.status_code, code))
    assert wrong == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_method_without_a_route_does_nothing_for_anybody(town, people):
    app, found = callers(town, people)
    known = {}
    for (method, _path), (address, _may) in MAY.items():
        known.setdefault(address, set()).add(method)
    clients = {caller: client_of() for caller, client_of in found.items()}
    turns, met = {method: itertools.cycle(sorted(clients)) for method in METHODS}, set()
    mightiest = itertools.cycle(MIGHTIEST)
    with TestClient(app):
        for address, methods in known.items():
            if "GET" in methods:  # which HEAD is answered as
                assert clients["public"].head(address).status_code == clients["public"].get(address).status_code
            for method in sorted(set(METHODS) - methods):
                # in turn one of those who may do most, and one of all: each of them meets every method
                for caller in dict.fromkeys((next(mightiest), next(turns[method]))):
                    answer = clients[caller].request(method, address)
                    assert answer.status_code in {401, 403, 404, 405}, (method, address, caller)
                    met.add((method, caller))
    assert met >= set(itertools.product(set(METHODS) - {"GET"}, clients))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_route_without_a_rule_is_found_when_the_app_is_made(town):
    app = create_app(town.city, lambda: T0)
    assert all(isinstance(route.app, Guard) for route in app.router.routes)

    async def forgotten() -> str:
        return "open"

    app.add_api_route("/api/v1/forgotten", forgotten)
    with pytest.raises(UnguardedError, match="/api/v1/forgotten"):
        guard_others(app, {})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_mount_without_a_rule_is_found_too(town):
    app = create_app(town.city, lambda: T0)
    app.mount("/ogc", FastAPI())
    with pytest.raises(UnguardedError, match="/ogc"):
        guard_others(app, {})
