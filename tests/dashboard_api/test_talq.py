"""TALQ's gateway: the published description, all events and codes mapped, commands that are queued."""

from __future__ import annotations

import uuid

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from dashboard_api.app import create_app
from dashboard_api.neighbours.talq import mapping
from dashboard_api.store import audit
from ingest.schema.codes import BY_CODE
from ingest.schema.tables import commands
from tests.contract_codes import CONTRACT_CODES
from tests.dashboard_api.people import bearer

T0 = 1_790_000_000_000_000
CMS = "5c1ab7c4-8b0c-4d52-9d43-0c9a1f2b7e10"
REQUEST = "7d9d3f52-3f0e-4d0b-8f7f-0d8f4c1f9f01"
HEADERS = {"talq-api-version": "2.7.1"}
EVENTS = {
    "absoluteLampPowerTooHigh",
    "absoluteLampPowerTooLow",
    "dimmingFailure",
    "powerFactorTooLow",
    "lampFailure",
    "invalidLampType",
    "highTemperature",
    "relayFailure",
    "lampPowerTooHigh",
    "lampPowerTooLow",
    "controlGearCommFailure",
    "cyclingFailure",
    "supplyLoss",
    "supplyVoltageTooHigh",
    "supplyVoltageTooLow",
    "contactorError",
    "lampUnexpectedOn",
    "leakageDetected",
    "currentTooHigh",
    "currentTooLow",
    "lampVoltageTooHigh",
    "lampVoltageTooLow",
}


@pytest.fixture
def gateway(town):
    town.write_live([2] * 18 + [0, 1] + [3] * 20, level=70)
    town.darken(3)
    town.darken(18, code="communicationFailure")
    town.raise_circuit()
    with TestClient(create_app(town.city, lambda: T0)) as client:
        client.town = town
        yield client


def ask(client, path, **more):
    return client.get(f"/talq{path}", params={"clientAddress": CMS, **more}, headers=HEADERS)


def dim(client, document, request_id=REQUEST, **more):
    query = {"clientAddress": CMS, "talqRequestId": request_id, **more}
    return client.post("/talq/override-commands", params=query, headers=HEADERS, json=document)


def reference(device):
    return {"resource": "devices", "address": device["address"]}


def wish(*devices, level=30, **more):
    state = {"name": "LevelState", "value": level}
    return {"addresses": [reference(one) for one in devices], "targetCommand": {"state": state, **more}}


def test_all_lamp_events_and_all_codes_are_mapped_or_refused_by_name():
    assert mapping.LAMP_EVENTS.keys() == EVENTS
    assert len(EVENTS) == 22
    for name, event in mapping.LAMP_EVENTS.items():
        assert bool(event.codes) != bool(event.refused), name
    told = [code for event in mapping.LAMP_EVENTS.values() for code in event.codes]
    assert len(told) == len(set(told))
    decided = mapping.EVENT_OF.keys() | mapping.REFUSED_CODES.keys()
    assert decided >= CONTRACT_CODES
    assert decided <= BY_CODE.keys()
    assert not mapping.EVENT_OF.keys() & mapping.REFUSED_CODES.keys()
    assert all(mapping.REFUSED_CODES.values())


def test_every_function_of_a_device_is_that_of_its_class(gateway):
    (known,) = ask(gateway, "/device-classes").json()
    assert ask(gateway, f"/device-classes/{known['name']}").json() == known
    described = {one["functionId"]: one for one in known["functions"]}
    devices = ask(gateway, "/devices").json()
    assert len(devices) == ask(gateway, "/devices/count").json() == 40
    for device in devices:
        assert device["class"] == known["name"]
        assert str(uuid.UUID(device["address"])) == device["address"]
        for function in device["functions"]:
            of_class = described[function["id"]]
            assert function["type"] == of_class["type"]
            names = {one["name"] for one in of_class["attributes"]}
            assert function.keys() - {"id", "type"} <= names
            for event in of_class.get("events", []):
                assert function[event["type"]]["type"] == "AttributeBoolean"
    assert [one["name"] for one in ask(gateway, "/services").json()] == [one["name"] for one in mapping.SERVICES]


def functions(device):
    return {one["id"]: one for one in device["functions"]}


def test_events_stand_at_the_lamps_that_faults_name(gateway):
    devices = {one["name"]: functions(one) for one in ask(gateway, "/devices").json()}
    standing = {
        name: {
            (function, key)
            for function, attributes in found.items()
            for key, value in attributes.items()
            if isinstance(value, dict) and value["type"] == "AttributeBoolean" and value["value"]
        }
        for name, found in devices.items()
    }
    wanted = {f"L-{row:03d}": {("monitor", "supplyLoss")} for row in range(20, 40)}
    wanted |= {"L-003": {("monitor", "lampFailure")}, "L-018": {("communication", "communicationFailure")}}
    assert {name: events for name, events in standing.items() if events} == wanted
    report = ask(gateway, "/log-reports/terang-events").json()
    assert len(report["entries"]) == 22
    assert {one["data"]["eventType"] for one in report["entries"]} == {
        "supplyLoss",
        "lampFailure",
        "communicationFailure",
    }


def test_light_and_readings_are_those_of_the_lamp(gateway):
    found = {one["name"]: functions(one) for one in ask(gateway, "/devices").json()}
    lights = [found[name]["actuator"].get("actualLightState") for name in ("L-000", "L-019", "L-030", "L-018")]
    assert [None if one is None else one["value"]["value"] for one in lights] == [70, 0, 0, None]
    assert found["L-000"]["monitor"]["activePower"]["value"] == 90.0
    address = ask(gateway, "/devices").json()[0]["address"]
    assert ask(gateway, f"/devices/{address}/monitor/activePower").json()["value"] == 90.0
    assert ask(gateway, f"/devices/{address}/monitor").json() == found["L-000"]["monitor"]
    assert functions(ask(gateway, f"/devices/{address}").json()) == found["L-000"]


def test_pages_together_are_the_whole(gateway):
    whole = ask(gateway, "/devices").json()
    found = [one for offset in range(0, 49, 7) for one in ask(gateway, "/devices", offset=offset, limit=7).json()]
    assert found == whole
    assert ask(gateway, "/devices", deviceClasses="Other").json() == []
    assert ask(gateway, "/devices/count", deviceClasses=["Other", "TerangLamp"]).json() == 40


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_override_is_a_dim_command_of_its_own_with_actor_and_audit(gateway):
    devices = ask(gateway, "/devices").json()
    answer = dim(gateway, wish(devices[0], devices[5], devices[0], expiration="2026-09-21T16:00:00Z"))
    assert answer.status_code == 202, answer.text
    shown = gateway.get(answer.headers["location"]).json()
    assert (shown["lamp_ids"], shown["level"], shown["until"]) == (["L-000", "L-005"], 30, "2026-09-21T16:00:00Z")
    assert dim(gateway, wish(devices[0], level=80)).headers["location"] == answer.headers["location"]
    assert gateway.get(answer.headers["location"]).json()["level"] == 30
    other = str(uuid.uuid4())
    released = dim(gateway, {"addresses": [reference(devices[0])], "targetCommand": None}, other)
    left_out = dim(gateway, {"addresses": [reference(devices[0])]}, str(uuid.uuid4()))
    assert gateway.get(left_out.headers["location"]).json()["level"] is None
    assert gateway.get(released.headers["location"]).json()["level"] is None
    with gateway.town.engine.connect() as connection:
        rows = connection.execute(select(commands)).all()
        lines = [line.action for line, _mac in audit.lines(connection)]
    assert len(rows) == 3
    assert lines == ["order.dim"] * 3
    assert all(row.actor for row in rows)


def refusals(devices):
    good = wish(devices[0])
    command = good["targetCommand"]
    return {
        "payloadError": (
            400,
            [
                [],
                {},
                {**good, "addresses": []},
                {**good, "addresses": ["x"]},
                {**good, "targetCommand": {}},
                wish(devices[0], level=101),
                wish(devices[0], expiration="tomorrow"),
                wish(devices[0], expiration="2020-01-01T00:00:00Z"),
                wish(devices[0], expiration=5),
            ],
        ),
        "relatedResourceNotFound": (422, [{**good, "addresses": [{"resource": "devices", "address": REQUEST}]}]),
        "overrideAddressNotValid": (422, [{**good, "addresses": [{"resource": "calendars", "address": REQUEST}]}]),
        "overrideCommandNotValid": (
            422,
            [
                wish(devices[0], level=1.5),
                wish(devices[0], start="2026-09-22T00:00:00Z"),
                wish(devices[0], rampToLevelTime=5),
                {**good, "targetCommand": {**command, "state": {"name": "BooleanState", "value": True}}},
            ],
        ),
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_commanded_is_refused_in_talqs_words_and_queues_nothing(gateway):
    devices = ask(gateway, "/devices").json()
    for key, (status, documents) in refusals(devices).items():
        for document in documents:
            answer = dim(gateway, document)
            assert (answer.status_code, answer.json()[0]["key"]) == (status, key), (document, answer.text)
    with gateway.town.engine.connect() as connection:
        assert connection.execute(select(commands)).all() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_header_and_addresses_are_demanded(gateway):
    for headers, query, key in (
        ({}, {"clientAddress": CMS}, "headerValueNotValid"),
        ({"talq-api-version": "1.0"}, {"clientAddress": CMS}, "headerValueNotValid"),
        (HEADERS, {}, "parameterValueNotValid"),
        (HEADERS, {"clientAddress": "x"}, "parameterValueNotValid"),
        (HEADERS, {"clientAddress": CMS, "nope": "1"}, "parameterValueNotValid"),
        (HEADERS, {"clientAddress": CMS, "offset": "-1"}, "parameterValueNotValid"),
    ):
        answer = gateway.get("/talq/devices", headers=headers, params=query)
        assert (answer.status_code, answer.json()[0]["key"]) == (400, key)
    missing = ask(gateway, f"/devices/{REQUEST}")
    assert (missing.status_code, missing.json()[0]["key"]) == (404, "resourceNotFound")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_token_dims_in_its_own_districts_alone(town, people):
    town.write_live([2] * 40)
    app = create_app(town.city, lambda: T0)
    people.add("budi", "operator")
    cms = bearer(app, people.token("cms", "operate", "read", districts=("Siak",)))
    devices = ask(cms, "/devices").json()
    assert dim(cms, wish(devices[0])).status_code == 202
    assert dim(cms, wish(devices[30]), str(uuid.uuid4())).status_code == 403
    reader = bearer(app, people.token("reader", "read"))
    assert dim(reader, wish(devices[0])).status_code == 403
