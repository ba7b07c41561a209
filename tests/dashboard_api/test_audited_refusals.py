"""Refused sign-ins and tokens in the audit log: a few lines, none uncounted."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from dashboard_api.access.refusals import MOST_LINES
from dashboard_api.app import create_app
from tests.dashboard_api.people import Clock, People, bearer
from tests.dashboard_api.test_audit_coverage import lines_of, problems_of

T0 = 1_790_000_000_000_000


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_refused_sign_ins_and_tokens_are_in_the_log_without_what_was_typed(town, people):
    people.add("budi", "operator")
    app = create_app(town.city, lambda: T0)
    with TestClient(app):
        for name, address in (
            ("budi", "203.0.113.9"),
            ("hunter2 is my password", "203.0.113.9"),
            ("x", "198.51.100.7"),
        ):
            client = TestClient(app, client=(address, 50_000))
            assert client.post("/api/v1/session", json={"name": name, "password": "wrong"}).status_code == 401
        assert bearer(app, "terang_no_token", "198.51.100.7").get("/api/v1/faults").status_code == 401
    refused = {where: line for line, _who, where in lines_of(people) if line.action == "access.refused"}
    assert refused["203.0.113.9"].after["n"] == {"password": 2}
    assert len(refused["203.0.113.9"].after["accounts"]) == 1
    assert refused["198.51.100.7"].after["n"] == {"password": 1, "token": 1}
    everything = json.dumps([line.after for line in refused.values()])
    assert "hunter2" not in everything
    assert "no_token" not in everything


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_flood_of_refusals_is_a_few_lines_and_none_is_uncounted(town):
    clock = Clock(T0)
    people = People(town.city, clock)
    refusals = people.context.refusals
    for flood in range(6):
        for n in range(3_000):
            refusals.count("token", f"10.{flood}.{n // 250}.{n % 250}")
        refusals.write()
        clock.forward(60 / 3600)
    lines = [line for line, _who, _where in lines_of(people)]
    assert len(lines) <= MOST_LINES + 6
    clock.forward(1)
    refusals.write()
    lines = [line for line, _who, _where in lines_of(people)]
    assert sum(line.after["n"]["token"] for line in lines) == 18_000
    assert len(lines) <= MOST_LINES * 2 + 6
    assert problems_of(people) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_refusals_that_cannot_be_written_wait(town, people):
    refusals = people.context.refusals
    refusals.count("password", "203.0.113.9")
    with town.engine.begin() as connection:
        connection.execute(text("INSERT INTO audit_head VALUES (1, 0, 'x', 'x')"))
    with pytest.raises(Exception, match="audit_broken"):
        refusals.write()
    with town.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_head"))
    refusals.write()
    assert [line.after["n"] for line, _who, _where in lines_of(people)] == [{"password": 1}]
