"""The API described once: a table of routes, models with examples, and the page's types made from them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import update
from starlette.routing import Route

from dashboard_api.access.roles import Role
from dashboard_api.api import models
from dashboard_api.api.models.answer import Answer
from dashboard_api.api.models.fault import Action, FaultState
from dashboard_api.api.models.lamp import LampState
from dashboard_api.api.openapi_document import interface_digest
from dashboard_api.api.route_table import ROUTES
from dashboard_api.formats.fault_document import event_document
from dashboard_api.formats.problem_document import problem_document
from ingest.schema import life, live
from ingest.schema.tables import commands
from languages.catalogue import load_catalogue

TYPES = Path(__file__).parents[2] / "dashboard_api" / "web" / "src" / "city" / "api_types.ts"


def test_the_pages_types_are_those_of_this_api(client):
    head = TYPES.read_text(encoding="utf-8").partition("\n")[0]
    (digest,) = re.findall(r"[0-9a-f]{64}", head)
    assert digest == interface_digest(client.app.openapi()), "make types"


def test_the_digest_follows_the_interface_and_not_the_citys_name(client):
    document = client.app.openapi()
    assert interface_digest({**document, "info": {"title": "another", "version": "2"}}) == interface_digest(document)
    assert interface_digest({**document, "paths": {}}) != interface_digest(document)


def test_every_route_stands_in_the_table_with_a_role(client):
    plain = {(route.method, route.path) for route in ROUTES if route.is_plain}
    served = {
        (method, route.path)
        for route in client.app.routes
        if isinstance(route, Route)
        for method in route.methods
        if isinstance(route, APIRoute) or (method, route.path) in plain
    }
    assert served - {("GET", "/")} == {(route.method, route.path) for route in ROUTES}
    assert all(isinstance(route.role, Role) for route in ROUTES)
    paths = client.app.openapi()["paths"]
    for route in ROUTES:
        if route.tag:
            operation = paths[route.path.replace(":path", "")][route.method.lower()]
            assert operation["x-role"] == route.role


REPORTING = {"/lapor", "/open311/v2/requests.{form}"}  # citizens report without an account


def test_what_changes_something_is_for_nobody_below_the_crew():
    order = list(Role)
    for route in ROUTES:
        if route.path in REPORTING:
            assert route.role == Role.PUBLIC
            continue
        if route.path == "/api/v1/enrolments":
            continue  # a controller asks for its first certificate: a one-time code is what entitles it
        if route.method != "GET" and not route.path.startswith(("/api/v1/session", "/sign-")):
            assert order.index(route.role) >= order.index(Role.CREW), route.path


def test_every_operation_says_what_it_answers_and_what_can_go_wrong(client):
    document = client.app.openapi()
    schemas = document["components"]["schemas"]
    for path, item in document["paths"].items():
        for operation in item.values():
            answers = operation["responses"]
            (good,) = [answers[status] for status in ("200", "201", "202", "204") if status in answers][:1]
            assert good.get("content") or "204" in answers, path
            for media, content in good.get("content", {}).items():
                if "json" in media:
                    assert content["schema"]["$ref"].rpartition("/")[2] in schemas, path
            for status in ("400", "422", "503"):
                schema = answers[status]["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, path


def test_every_reference_of_the_document_leads_somewhere(client):
    text = client.get("/openapi.json").text
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names <= client.get("/openapi.json").json()["components"]["schemas"].keys()


@pytest.mark.parametrize("name", models.__all__)
def test_the_examples_of_a_model_are_of_it(name):
    model: type[BaseModel] = getattr(models, name)
    assert issubclass(model, Answer)
    for shown in (model.model_config.get("json_schema_extra") or {}).get("examples", []):
        model.model_validate(shown)


def test_the_words_of_the_models_are_those_of_the_schema():
    assert get_args(FaultState) == life.STATES
    assert set(get_args(Action)) == set(life.ACTIONS)
    assert get_args(LampState) == live.STATE_NAMES


def test_a_conflict_carries_the_fault_as_its_model_says(town, client):
    town.darken(1)
    fault = client.get("/api/v1/faults").json()["items"][0]
    body = {"action_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC", "action": "acknowledge", "if_version": 99}
    refused = client.post(f"/api/v1/faults/{fault['id']}/actions", json=body)
    assert refused.status_code == 409
    problem = models.FaultProblem.model_validate(refused.json())
    assert (problem.code, problem.fault.id) == ("stale_version", fault["id"])


@pytest.mark.parametrize(
    ("data", "note", "reason", "said"),
    [
        ({"reason": "still_failing", "evidence": {}}, None, "still_failing", "masih mati setelah diperbaiki"),
        ({"assignee": "Budi", "answer": {}}, "lihat kabel", None, "lihat kabel"),
        ({}, "the condition is gone", None, "the condition is gone"),  # written before reasons were codes
    ],
)
def test_what_telemetry_says_on_a_timeline_is_a_code_and_words(data, note, reason, said):
    event = SimpleNamespace(seq=1, at_us=0, actor="a", kind="closed", state="closed", version=2, note=note, data=data)
    document = event_document(event, load_catalogue("id"))
    models.TimelineEntry.model_validate(document)
    assert (document["reason"], document["note"]) == (reason, said)
    assert not {"answer", "reason"} & document["data"].keys()


def test_a_value_is_told_back_cut(client):
    answer = client.post("/api/v1/maintenance", json={"cabinet_id": "C-1", "until": "x" * 5_000})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("until: 'xxx")
    assert len(answer.content) < 1_000


def test_what_utf_8_cannot_hold_is_told_back_escaped():
    document = problem_document(400, load_catalogue("en"), "not_a_time", name="until", value="\ud800")
    assert document["parameters"] == {"name": "until", "value": "\\ud800"}
    json.dumps(document, ensure_ascii=False).encode()


def test_a_command_that_failed_says_why_as_a_code_and_in_words(town, client):
    made = client.post("/api/v1/commands/dim", json={"cabinet_id": "C-2", "level": 10}).json()
    assert (made["state"], made["result"], made["message"]) == ("queued", {}, None)
    with town.engine.begin() as connection:
        connection.execute(update(commands).values(state="failed", result={"reason": "controller_offline"}))
    failed = client.get(f"/api/v1/commands/{made['id']}", params={"lang": "id"}).json()
    assert (failed["result"]["reason"], failed["message"]) == ("controller_offline", "ada pengendali yang luring")
