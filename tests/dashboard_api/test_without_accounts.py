"""Without accounts: whoever is at this machine is the operator, and nobody else is anybody."""

import pytest
from fastapi.testclient import TestClient

from dashboard_api.app import create_app

T0 = 1_790_000_000_000_000


def test_without_accounts_whoever_is_here_is_the_operator(town, client):
    assert client.get("/api/v1/me").json() == {
        "kind": "local",
        "name": "local",
        "role": "operator",
        "scopes": [],
        "districts": ["*"],
        "accounts": False,
    }
    assert client.get("/api/v1/faults").status_code == 200
    assert client.post("/api/v1/commands/dim", json={"cabinet_id": "C-1", "level": 50}).status_code == 202


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}, {"X-Real-IP": "203.0.113.9"}]
)
def test_without_accounts_nothing_is_served_through_a_proxy(client, headers):
    answer = client.get("/api/v1/faults", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "no_accounts")


def test_without_accounts_and_beyond_loopback_nobody_is_the_operator(town):
    with TestClient(create_app(town.city, lambda: T0, is_loopback=False)) as client:
        assert client.get("/api/v1/faults").status_code == 401
        assert client.get("/healthz").status_code == 200
