"""Accounts and tokens of a test city, and clients that are signed in by them."""

from __future__ import annotations

from fastapi.testclient import TestClient

from dashboard_api.access.accounts import Accounts
from dashboard_api.access.roles import Role, Scope
from dashboard_api.context import Context
from dashboard_api.store.audit import Actor, Name

PASSWORD = "lampu jalan 2026"


class Clock:
    """A clock that a test moves; UTC microseconds."""

    def __init__(self, now_us):
        self.now_us = now_us

    def __call__(self):
        return self.now_us

    def forward(self, hours):
        self.now_us += round(hours * 3600e6)


class People:
    """What `terang-api user` and `token` do, on the city of a test."""

    def __init__(self, city, clock):
        self.clock = clock
        self.city = city
        self.context = Context(city, clock)
        actor = Actor(Name("terminal", "test"), "terminal")
        self.accounts = Accounts(self.context.database, self.context.audit, actor)

    def add(self, name, role, *districts, password=PASSWORD):
        self.accounts.add(name, Role(role), districts, password, None, self.clock())

    def token(self, name, *scopes, districts=("*",), expires_at_us=None, per_minute=100_000):
        secret, _ = self.accounts.add_token(
            name, [Scope(scope) for scope in scopes], districts, expires_at_us, per_minute, self.clock()
        )
        return secret


def sign_in(app, name, password=PASSWORD, address="testclient", scheme="http"):
    """A client with a session of its own."""
    client = TestClient(app, base_url=f"{scheme}://testserver", client=(address, 50_000))
    answer = client.post("/api/v1/session", json={"name": name, "password": password})
    assert answer.status_code == 201, answer.text
    return client


def bearer(app, secret, address="testclient"):
    """A client that shows a token."""
    return TestClient(app, headers={"Authorization": f"Bearer {secret}"}, client=(address, 50_000))
