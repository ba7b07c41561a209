"""Every operation of the API against its own OpenAPI document: nothing that is sent may lead to a server error."""

from __future__ import annotations

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dashboard_api.app import create_app

IS_WHOLE = os.environ.get("TERANG_SOAK") == "1"  # else a sample
NOW_US = 1_790_000_000_000_000
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def api_schema(town):
    town.darken(1, 2)
    town.raise_circuit()
    town.write_live([2] * 38 + [3, 3])
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(town.city, lambda: NOW_US))


def test_whatever_is_asked_gets_an_answer_that_the_document_tells(api_schema):
    asked = set()
    for found in api_schema.get_all_operations():
        operation = found.ok()
        if operation.path.endswith("/events"):
            continue  # the live feed never ends, so that no request to it does

        # TALQ's many routes share their parsing, and are also held against TALQ's own description (test_talq.py)
        n_examples = 25 if IS_WHOLE else 5 if operation.path.startswith("/talq/") else 12

        @settings(max_examples=n_examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case):
            response = case.call()
            case.validate_response(response, checks=CHECKS)

        ask()
        asked.add(operation.path)
    assert {"/api/v1/faults", "/api/v1/faults/{fault_id}/actions", "/api/v1/summary"} <= asked
