"""What the public sees of the register: the contract's columns and those that ``[public] columns`` names, no others."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from dashboard_api.access.roles import Role
from dashboard_api.api.route_table import ROUTES
from dashboard_api.app import create_app
from ingest.schema.sections import PublicSection
from tests.dashboard_api.test_route_rules import MAY

T0 = 1_790_000_000_000_000
HIDDEN = ("PJU-", "lamp-node", "steel", '"bus"', "supply_account", "controller_id", "assignee", "evidence")
PUBLIC_PATHS = [
    MAY[route.method, route.path][0] for route in ROUTES if route.role is Role.PUBLIC and route.method == "GET"
]


@pytest.fixture
def database_url():
    return "sqlite:///data/terang.db"


def public_client(town, people, *columns):
    """Somebody from the street, in a city with accounts."""
    people.add("budi", "operator")
    town.darken(1)
    city = town.city.model_copy(update={"public": PublicSection(columns=columns)})
    return TestClient(create_app(city, lambda: T0))


def test_no_public_route_shows_a_column_that_is_not_public(town, people):
    wrong = []
    with public_client(town, people) as client:
        for path in PUBLIC_PATHS:
            if path in {"/ogc/api", "/docs"}:
                continue  # descriptions of the formats, not of the city
            text = client.get(path, follow_redirects=False).text
            wrong += [(path, word) for word in HIDDEN if word in text]
    assert wrong == []
    assert len(PUBLIC_PATHS) > 25


@pytest.mark.parametrize(
    "path",
    ["/ogc/collections/lamps/items", "/ogc/collections/lamps/items/L-001", "/open/lamps.csv", "/open/lamps.geojson"],
)
def test_a_column_that_the_city_names_is_shown_and_its_neighbours_are_not(town, people, path):
    with public_client(town, people, "pole", "no such column") as client:
        text = client.get(path).text
    assert "steel" in text
    assert not any(word in text for word in HIDDEN if word != "steel")
