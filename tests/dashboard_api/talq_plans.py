"""TALQ's programs and calendars as a management system sends them, and a city that takes them."""

from __future__ import annotations

import uuid

import pytest
from fastapi.testclient import TestClient

from dashboard_api.app import create_app
from ingest.register.controller_schedules import read_schedules
from tests.dashboard_api.test_talq import CMS, HEADERS

T0 = 1_790_000_000_000_000
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def control(time, level):
    return {"startTime": time, "command": {"state": {"name": "LevelState", "value": level}}}


def program(program_id="dimmed", *controls, period=None, **more):
    sun = {"name": "AstroClockActivePeriod", "sunsetOffset": 10, "sunriseOffset": -10}
    return {
        "type": "ControlProgramOne",
        "id": program_id,
        "ownerCMS": CMS,
        "activePeriods": [period or sun],
        "fixedTimeControls": list(controls) or [control("00:30:00", 50), control("22:00:00", 70)],
        **more,
    }


def sun(event, offset, level, operation="Set"):
    command = {"state": {"name": "LevelState", "value": level}}
    return {"solarEventType": event, "offset": offset, "operation": operation, "command": command}


def absolute(start, end):
    return {"name": "AbsoluteActivePeriod", "startTime": start, "endTime": end}


def calendar(calendar_id="every-night", program_id="dimmed", **more):
    return {"id": calendar_id, "ownerCMS": CMS, "defaultProgram": program_id, **more}


def send(client, method, path, document=None, request_id=None):
    query = {"clientAddress": CMS, "talqRequestId": request_id or str(uuid.uuid4())}
    return client.request(method, f"/talq{path}", params=query, headers=HEADERS, json=document)


def assign(client, calendar_id, *addresses, resource="groups", **more):
    document = {
        "addresses": [{"resource": resource, "address": one} for one in addresses],
        "entity": {"resource": "calendars", "address": calendar_id},
        "cmsRefId": "ours",
    }
    return send(client, "POST", "/assign-commands", document, **more)


@pytest.fixture
def gateway(town):
    town.write_live([2] * 40, level=70)
    with TestClient(create_app(town.city, lambda: T0)) as client:
        client.town = town
        yield client


@pytest.fixture
def planned(gateway):
    assert send(gateway, "POST", "/control-programs", [program()]).status_code == 201
    assert send(gateway, "POST", "/calendars", [calendar()]).status_code == 201
    return gateway


def schedules_of(town):
    return read_schedules(town.engine, town.city.schedule).of_controller
