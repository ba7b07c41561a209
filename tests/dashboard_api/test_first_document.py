"""The page's document carries what its first view shows, for those who may read it, and nothing that runs."""

from __future__ import annotations

import html
import json
import re

import pytest
from fastapi.testclient import TestClient

from dashboard_api.app import create_app
from dashboard_api.pages.built_page import DIST
from dashboard_api.pages.first_document import FAULTS_PATH
from dashboard_api.store.engine import Database
from tests.dashboard_api.people import sign_in

T0 = 1_790_000_000_000_000
WEB = DIST.parent


@pytest.fixture
def database_url():
    return "sqlite:///data/terang.db"


@pytest.fixture(autouse=True)
def _built():
    if not (DIST / "index.html").exists():
        pytest.fail("the page is not built: make page")


def carried(text):
    (data,) = re.findall(r'<template id="first-answers">(.*?)</template>', text, re.DOTALL)
    assert "<" not in data
    return json.loads(html.unescape(data))


def test_it_carries_what_the_page_would_ask_for(town, client):
    town.write_live([2] * 40)
    town.darken(3, 5)
    told = carried(client.get("/", headers={"Accept-Language": "id"}).text)
    assert set(told["answers"]) == {"/city", "/summary", "/codes", FAULTS_PATH}
    faults = client.get(f"/api/v1{FAULTS_PATH}", headers={"Accept-Language": "id"}).json()
    assert told["answers"][FAULTS_PATH] == faults
    for path in ("/city", "/summary"):
        answer = client.get(f"/api/v1{path}").json()
        moving = answer.keys() - told["answers"][path].keys()
        assert moving <= {"at", "live_at", "live_age_s", "now"}
        assert {name: answer[name] for name in told["answers"][path]} == told["answers"][path]
    assert (told["language"], told["ahead_s"]) == ("id", 0)
    assert told["words"]["fault.lampFailure.title"] == "Lampu mati"


def test_the_page_asks_for_the_list_under_the_path_that_the_document_names(client):
    source = (WEB / "src" / "city" / "fault_store.ts").read_text(encoding="utf-8")
    assert re.search(r"^const PAGE = 50;$", source, re.MULTILINE)
    assert "`/faults?order=priority&limit=${PAGE}`" in source
    assert FAULTS_PATH == "/faults?order=priority&limit=50"
    assert html.escape(f"/api/v1{FAULTS_PATH}") in (WEB / "index.html").read_text(encoding="utf-8")


def test_a_document_of_a_lamp_carries_no_list(client):
    for path in ("/lamp/L-003", "/cabinet/C-1"):
        assert set(carried(client.get(path).text)["answers"]) == {"/city", "/summary", "/codes"}


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ({"headers": {"Accept-Language": "id-ID, en;q=0.5"}}, "id"),
        ({"headers": {"Accept-Language": "fr"}}, "en"),  # the city's own
        ({"headers": {"Accept-Language": "id"}, "params": {"lang": "en"}}, "en"),
        ({"params": {"lang": "'><script>"}}, "en"),
    ],
)
def test_it_is_in_the_readers_language(client, asked, language):
    answer = client.get("/", **asked)
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}">' in answer.text
    assert carried(answer.text)["language"] == language


def test_an_unchanged_document_is_not_sent_again(town, client):
    tag = client.get("/").headers["etag"]
    again = client.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/", headers={"If-None-Match": tag, "Accept-Language": "id"}).status_code == 200
    town.darken(7)
    changed = client.get("/", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_text_of_a_register_ends_no_element(town, client):
    town.darken(3)
    hostile = '</template><script>alert(1)</script>&lt;"\u2028\u202e'
    with town.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE faults SET street = ?, revision = revision + 1", (hostile,))
    answer = client.get("/")
    assert "<script>alert" not in answer.text
    assert carried(answer.text)["answers"][FAULTS_PATH]["items"][0]["street"] == hostile


def test_with_accounts_only_who_may_read_the_faults_gets_them(town, people):
    people.add("budi", "viewer")
    town.darken(3)
    app = create_app(town.city, lambda: T0)
    with TestClient(app) as public:
        assert set(carried(public.get("/").text)["answers"]) == {"/city", "/codes"}
        answer = sign_in(app, "budi").get("/")
        assert FAULTS_PATH in carried(answer.text)["answers"]
        assert "private" in answer.headers["cache-control"]
        assert "Cookie" in answer.headers["vary"]


def test_without_its_database_the_plain_page_comes(town, tmp_path, monkeypatch):
    def fail(_self):
        from dashboard_api.errors import UnavailableError  # noqa: PLC0415

        raise UnavailableError("database", reason="gone")

    monkeypatch.setattr(Database, "register_version", fail)
    with TestClient(create_app(town.city, lambda: T0)) as client:
        answer = client.get("/")
        assert answer.status_code == 200
        assert "first-answers" not in answer.text
        assert 'rel="preload"' in answer.text


def test_the_head_names_the_scripts_before_the_document_is_read(client):
    answer = client.get("/")
    link = answer.headers["link"]
    (script,) = re.findall(r'<script type="module" crossorigin src="([^"]+)"', answer.text)
    assert f"<{script}>; rel=modulepreload" in link
    # none that is fetched: a disabled one is not
    assert re.search(r'<link rel="stylesheet"(?![^>]* disabled>)', answer.text) is None
    assert "<style>" in answer.text
    plain = client.get("/index.html").text  # what a service worker keeps
    assert "first-answers" not in plain
    assert "<style>" in plain
