"""Whatever a request is refused for is said in the asked language, never in words of pydantic or Starlette."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pydantic_core import PydanticCustomError, ValidationError
from pydantic_core._pydantic_core import list_all_errors

from dashboard_api.api.route_table import ROUTES
from dashboard_api.app import create_app
from dashboard_api.errors import STATUS, BadRequestError
from dashboard_api.formats.problem_document import error_document, validation_document
from dashboard_api.neighbours.ngsi_ld import subscriptions
from dashboard_api.neighbours.talq import loggers, own_groups, program_model
from ingest.schema.validation import reason_of
from languages.catalogue import load_catalogue
from languages.message import Message
from tests.dashboard_api.conftest import T0, Town

ROOT = Path(__file__).parents[2]
INDONESIAN, ENGLISH = load_catalogue("id"), load_catalogue("en")
ASKED = {"accept-language": "id-ID,id;q=0.9,en;q=0.1"}
# Kinds that only code can cause, never a document: they share the plain refusal.
OF_CODE = {
    "needs_python_object", "frozen_field", "frozen_instance", "get_attribute_error", "default_factory_not_called",
    "iteration_error", "set_item_not_hashable", "value_error", "assertion_error", "missing_sentinel_error",
    "ellipsis_error", "is_instance_of", "is_subclass_of", "callable_type", "arguments_type",
}  # fmt: skip
VALUES = (None, "", "\ud800x", 10_000 * "x", -1, 10**30, 1.5, True, [], [None], 60 * ["x"], {}, {"x": 1})
BODIES = (b"", b"{", b"[]", b"1", b"null", b'"x"', b'{"nope": 1}', b"\xff", b"[" * 3000)
TEXTS = ("", 2_000 * "x", "-1", str(10**30), "1.5", "nan", "[]")


def pattern_of(text):
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\{\w+\}", text)), re.DOTALL)


def said_in(catalogue):
    families = ("value.", "talq.")
    return [pattern_of(text) for name, text in catalogue.messages.items() if name.startswith(families)]


IN_INDONESIAN, IN_ENGLISH = said_in(INDONESIAN), said_in(ENGLISH)
SAME = {pattern.pattern for pattern in IN_INDONESIAN} & {pattern.pattern for pattern in IN_ENGLISH}


def is_indonesian(reason):
    """Whether a reason is a sentence of the Indonesian catalogue, and none of the English one."""
    if any(pattern.fullmatch(reason) for pattern in IN_ENGLISH if pattern.pattern not in SAME):
        return False
    return any(pattern.fullmatch(reason) for pattern in IN_INDONESIAN)


def check(document):
    """Every text of a problem document is Indonesian."""
    status = document["status"]
    assert document["title"] == INDONESIAN.messages[f"problem.status.{status}"], document
    for one in document.get("errors", ()):
        assert is_indonesian(one["detail"]), one
        assert INDONESIAN.find(one["code"]), one
    parameters = document.get("parameters", {})
    if "where" in parameters and "reason" in parameters:
        assert is_indonesian(document["detail"].removeprefix(parameters["where"] + ": ")), document
        assert set(parameters["reason"]) == {"code", "parameters"}
    elif "detail" in document:
        pattern = pattern_of(INDONESIAN.messages[f"problem.{document['code']}"])
        assert pattern.fullmatch(document["detail"]), document


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    town = Town(tmp_path_factory.mktemp("town"))
    with TestClient(create_app(town.city, lambda: T0), headers=ASKED) as client:
        yield client
    town.engine.dispose()


@pytest.mark.parametrize("kind", list_all_errors(), ids=lambda kind: kind["type"])
def test_every_kind_of_error_that_pydantic_has_is_said_in_words_of_the_catalogue(kind):
    context = {**(kind.get("example_context") or {})}
    if "error" in context and context["error"] is None:
        context["error"] = ValueError("a text of a library")
    found = ValidationError.from_exception_data(
        "model", [{"type": kind["type"], "ctx": context, "loc": ("body", 3), "input": "x"}]
    ).errors()
    document = validation_document(found, INDONESIAN)
    check(document)
    assert found[0]["msg"] not in json.dumps(document)
    assert (reason_of(found[0]).code == "value.refused") == (kind["type"] in OF_CODE)


def test_what_a_validator_of_ours_says_goes_before_pydantics_reason():
    own = Message("value.lamp_or_cabinet")
    for kind, context in (
        ("value_error", {"error": ValueError(own)}),
        (PydanticCustomError("own", "own", {"message": own}), {}),
    ):
        line = {"type": kind, "ctx": context, "loc": (), "input": 1}
        found = ValidationError.from_exception_data("model", [line]).errors()
        assert reason_of(found[0]) is own


def routes(app):
    streams = {(row.method, row.path) for row in ROUTES if row.is_stream}
    for route in app.routes:
        if isinstance(route, APIRoute):
            for method in sorted(route.methods):
                if (method, route.path) not in streams:
                    yield method, route


def address(route):
    return re.sub(r"\{\w+(:\w+)?\}", "x", route.path)


def test_every_route_that_takes_a_body_refuses_it_in_the_asked_language(asked):
    n_fields, codes = 0, set()
    for method, route in routes(asked.app):
        for field in route.dependant.body_params:
            names = list(field.field_info.annotation.model_fields)
            n_fields += len(names)
            bodies = [json.dumps(dict.fromkeys(names, value)).encode() for value in VALUES]
            for body in (*bodies, *BODIES):
                answer = asked.request(
                    method, address(route), content=body, headers={"content-type": "application/json"}
                )
                if answer.status_code >= 400:
                    check(answer.json())
                    codes |= {one["code"] for one in answer.json().get("errors", ())}
    assert n_fields > 20
    assert {f"value.{name}" for name in EXPECTED_OF_BODIES.split()} <= codes


EXPECTED_OF_BODIES = """json table missing unknown_key text whole_number number list long few least most pattern
    choice boolean lamp_or_cabinet lamps_or_cabinet password_or_token"""


def test_every_route_refuses_parameters_in_the_asked_language(asked):
    codes = set()
    for method, route in routes(asked.app):
        names = [field.alias for field in route.dependant.query_params]
        for text in TEXTS if names else ():
            answer = asked.request(method, address(route), params=dict.fromkeys(names, text) | {"lang": "id"})
            if answer.status_code >= 400 and answer.headers["content-type"] == "application/problem+json":
                check(answer.json())
                codes |= {one["code"] for one in answer.json().get("errors", ())}
    assert {"value.whole_number", "value.least", "value.long", "value.choice"} <= codes


def models_of(base):
    found = [base, *(each for one in base.__subclasses__() for each in models_of(one))]
    return [one for one in found if one.__module__.startswith("dashboard_api")]


def test_documents_of_other_systems_are_refused_in_the_asked_language():
    assert {loggers.LoggerConfig, own_groups.Group} <= set(models_of(program_model.Part))
    n_refused = 0
    for parse, names in (
        (subscriptions.parse_subscription, subscriptions.Subscription.model_fields),
        *(
            (lambda body, model=model: program_model.parse(model, json.loads(body)), model.model_fields)
            for model in models_of(program_model.Part)
        ),
    ):
        for value in VALUES:
            try:
                parse(json.dumps(dict.fromkeys(names, value)).encode())
            except BadRequestError as error:
                n_refused += 1
                check(error_document(error, INDONESIAN)[1])
    assert n_refused > 100


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/api/v1/nothing", {}, 404),
        ("DELETE", "/api/v1/faults", {}, 405),
        ("POST", "/api/v1/maintenance", {"content": b"x" * (1 << 20) + b"x"}, 413),
        ("GET", "/api/v1/faults", {"headers": {"host": "elsewhere.example"}}, 400),
        ("GET", "/api/v1/faults?district=%00", {}, 400),
        ("GET", "/api/v1/faults?nope=1", {}, 400),
        ("GET", "/assets/nothing.js", {}, 404),
        ("GET", "/ogc/collections/lamps/items?filter=a%20%3D", {}, 400),
    ],
)
def test_errors_before_and_beside_the_routes_are_said_in_the_asked_language(asked, method, path, more, status):
    answer = asked.request(method, path, **more)
    assert answer.status_code == status
    check(answer.json())
    english = asked.request(method, path, **{**more, "headers": {**more.get("headers", {}), "accept-language": "en"}})
    assert english.json()["title"] == ENGLISH.messages[f"problem.status.{status}"]


def test_every_status_that_the_api_answers_has_a_title():
    statuses = {status for row in ROUTES for status in row.problems or ()} | {400, 401, 403, 404, 405, 406, 408, 409}
    for status in statuses | {411, 413, 414, 415, 416, 422, 429, 431, 500, 503}:
        assert f"problem.status.{status}" in INDONESIAN.messages


TO_WHOM_ASKS = {"RefusedError", *(error.__name__ for error in STATUS)}


def own_sentences(path):
    """Parameters of errors that are sentences of the code, and not codes."""
    asked = TO_WHOM_ASKS | ({"ValueError"} if path.parent.name == "api" else set())  # there of a model's validator
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and ast.unparse(call.func) in asked:
            for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
                texts = [each.value for each in ast.walk(value) if isinstance(each, ast.Constant)]
                inner = any(
                    isinstance(each, ast.Call) and ast.unparse(each.func) == "Message" for each in ast.walk(value)
                )
                if not inner and any(
                    isinstance(text, str) and re.search(r"[a-z]{2,} [a-z]{2,}", text) for text in texts
                ):
                    yield SimpleNamespace(line=call.lineno, text=ast.unparse(value))


def test_no_error_of_a_request_carries_a_sentence_of_the_code():
    raised = [
        (str(path.relative_to(ROOT)), found.line, found.text)
        for folder in ("neighbours", "api", "store", "access", "formats", "readings", "http")
        for path in sorted((ROOT / "dashboard_api" / folder).rglob("*.py"))
        for found in own_sentences(path)
    ]
    assert raised == []
