"""A route or a mount that has no rule of who may call it is found when the app is made."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from dashboard_api.access.guard import Guard
from dashboard_api.api.route_table import guard_others
from dashboard_api.app import create_app
from dashboard_api.errors import UnguardedError
from tests.dashboard_api.conftest import T0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_route_without_a_rule_is_found_when_the_app_is_made(town):
    app = create_app(town.city, lambda: T0)
    assert all(isinstance(route.app, Guard) for route in app.router.routes)

    async def forgotten() -> str:
        return "open"

    app.add_api_route("/api/v1/forgotten", forgotten)
    with pytest.raises(UnguardedError, match="/api/v1/forgotten"):
        guard_others(app, {})


def test_a_mount_without_a_rule_is_found_too(town):
    app = create_app(town.city, lambda: T0)
    app.mount("/ogc", FastAPI())
    with pytest.raises(UnguardedError, match="/ogc"):
        guard_others(app, {})
