# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The form of sign-in, and requests for a session that cannot be."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.dashboard_api.people import PASSWORD
from tests.dashboard_api.test_sign_in import app, clock  # noqa: F401


@pytest.fixture
def database_url():
    return "sqlite:///data/terang.db"  # test_route_rules.py asks both databases


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/?fault=01J", "/?fault=01J"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example", "/"),
        ("/%0d%0aSet-Cookie:x", "/%0d%0aSet-Cookie:x"),
        ("/a\r\nb", "/"),
        ("\\\\evil.example", "/"),
        ("", "/"),
    ],
)
def test_the_form_leads_to_this_service_only(app, wanted, target):
    with TestClient(app) as client:
        form = {"name": "siti", "password": PASSWORD, "next": wanted}
        answer = client.post("/sign-in", data=form, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, target)


@pytest.mark.parametrize(("language", "words"), [("id", "Kata sandi"), ("en", "Password")])
def test_the_form_speaks_the_readers_language_and_says_what_went_wrong(app, language, words):
    with TestClient(app, headers={"Accept-Language": language}) as client:
        assert words in client.get("/sign-in").text
        refused = client.post("/sign-in", data={"name": "<b>", "password": "x", "next": '"><script>'})
        assert refused.status_code == 401
        assert 'role="alert"' in refused.text
        assert "<script" not in refused.text
        assert "<b>" not in refused.text


@pytest.mark.parametrize("body", [b"x=" + b"y" * 20_000, b"a=1&" * 50, b"name=%ff&password=x", b"\xff"])
def test_a_form_that_is_none_is_refused(app, body):
    with TestClient(app) as client:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert client.post("/sign-in", content=body, headers=kind).status_code in {400, 401}


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a" * 300, "password": "x"},
        {"name": "a", "password": "x" * 2_000},
        {"name": "\ud800", "password": "\ud800"},
        {"name": "\0", "password": "\0"},
        {"token": ""},
        {"name": "a"},
        {"name": "a", "password": "b", "token": "c"},
        {},
    ],
)
def test_a_request_for_a_session_that_cannot_be_is_refused(app, body):
    import json  # noqa: PLC0415

    with TestClient(app) as client:
        kind = {"Content-Type": "application/json"}
        answer = client.post("/api/v1/session", content=json.dumps(body), headers=kind)
        assert answer.status_code in {401, 422}, answer.text
