# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""TALQ's published description is answered as it says."""

from __future__ import annotations

import json
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from dashboard_api.api.route_table import ROUTES
from tests.dashboard_api.test_talq import HEADERS, gateway  # noqa: F401

N_EXAMPLES = 25 if os.environ.get("TERANG_SOAK") == "1" else 5  # of each operation


def is_refused_before_every_route(response):
    """Whether an address holds what no text may hold: a problem document, whatever stands behind the address."""
    return response.status_code == 400 and b"unstorable_address" in response.content


def without_data_model(document):
    """The description without what it refers to in another file."""
    if isinstance(document, dict):
        if "$ref" in document:
            return {}
        return {key: without_data_model(value) for key, value in document.items()}
    return [without_data_model(one) for one in document] if isinstance(document, list) else document


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_published_description_is_answered_as_it_says(gateway, shared_data):
    file = shared_data / "schemas" / "talq" / "talq-api-gateway-2-7-1.json"
    published = without_data_model(json.loads(file.read_text(encoding="utf-8")))
    ours = [route for route in ROUTES if route.path.startswith("/talq")]
    served = {(route.path.removeprefix("/talq").replace(":path", ""), route.method.lower()) for route in ours}
    names = {"service_name": "serviceName", "class_name": "className", "device_address": "deviceAddress"}
    names |= {"function_id": "functionId", "attribute_name": "attributeName", "logger_address": "loggerAddress"}
    names |= {"calendar_address": "calendarAddress", "program_address": "controlProgramAddress"}
    names |= {"group_address": "groupAddress", "member_resource": "memberResource", "member_address": "memberAddress"}
    for ours, theirs in names.items():
        served = {(path.replace(f"{{{ours}}}", f"{{{theirs}}}"), method) for path, method in served}
    assert served <= {(path, method) for path, item in published["paths"].items() for method in item}
    published["paths"] = {
        f"/talq{path}": {method: operation for method, operation in item.items() if (path, method) in served}
        for path, item in published["paths"].items()
        if any(path == known for known, _method in served)
    }
    published["servers"] = [{"url": "/"}]
    schema = schemathesis.openapi.from_dict(published)
    schema.app = gateway.app
    seen = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=N_EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(), is_of_this_version=...)
        def send(case, is_of_this_version: bool):
            if is_of_this_version:
                case.headers = {**dict(case.headers or {}), **HEADERS}
            response = case.call()
            checks = [not_a_server_error, status_code_conformance]
            if not is_refused_before_every_route(response):
                checks.append(content_type_conformance)
            case.validate_response(response, checks=checks)
            seen.add(response.status_code)

        send()
    assert {200, 400, 404} <= seen
