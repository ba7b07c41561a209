"""A city whose lamps have readings and faults, asked by NGSI-LD."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from dashboard_api.app import create_app
from ingest.schema.city import read_city

T0 = 1_790_000_000_000_000
BASE = "/ngsi-ld/v1/entities"


def settings_of(town, text='[ngsi]\nnotify = ["broker.example:1026"]\n'):
    file = town.city.folder / "city.toml"
    file.write_text(file.read_text() + text)
    return read_city(town.city.folder, {})


@pytest.fixture
def busy(town):
    """A town whose lamps do all there is to do: unknown, off, lit and dark; one circuit without supply."""
    town.write_live([row % 4 for row in range(40)], level=[(100, 40, 100, 255)[row % 8 // 2] for row in range(40)])
    town.darken(3)
    town.darken(2, code="relayFailure")
    town.darken(1, code="meterFailure")
    town.raise_circuit()
    return town


@pytest.fixture
def broker(busy):
    with TestClient(create_app(settings_of(busy), lambda: T0)) as client:
        yield client


def ask(client, **parameters):
    return client.get(BASE, params={"limit": 1000, "options": "keyValues", **parameters})
