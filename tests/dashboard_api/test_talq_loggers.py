"""Loggers that a management system makes: what they record of whom, what is sent, and what is refused by name."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from dashboard_api.app import create_app
from dashboard_api.formats.times import iso
from dashboard_api.neighbours.talq import mapping
from dashboard_api.store import audit
from ingest.model.finding import Place
from tests.dashboard_api.talq_plans import T0, send
from tests.dashboard_api.talq_receiver import clear, stand_of
from tests.dashboard_api.test_talq import CMS, ask, functions
from tests.dashboard_api.test_talq_groups import device, group
from tests.dashboard_api.test_talq_receivers import MEASURING

MINUTE = 60_000_000

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
IMMEDIATE = {"type": "ImmediateReportingMode", "delay": 60}


def of_events(address, sources, events=None, **more):
    mode = {"type": "EventRecordingMode", "sourceEvents": {"blackList": []} if events is None else events}
    return config(address, sources, mode, **more)


def of_readings(address, sources, *attributes, **more):
    described = {"functionId": "monitor", "attributes": [{"name": one} for one in attributes]}
    mode = {"type": "VendorRecordingMode", "content": [{"function": described}]}
    return config(address, sources, mode, **more)


START = "2020-01-01T00:00:00Z"
TOO_MUCH = "serviceConstraintExceeded"


def periodic(address, sources, *profiles, **more):
    described = {"functionType": "LampMonitorFunction", "attributes": [{"name": "activePower"}]}
    mode = {"type": "PeriodicRecordingMode", "content": [{"function": described}], "samplingProfiles": list(profiles)}
    return config(address, sources, mode, **more)


def config(address, sources, mode, **more):
    return {
        "address": address,
        "ownerCMS": CMS,
        "sourceAddresses": sources,
        "recordingMode": mode,
        "reportingMode": IMMEDIATE,
        **more,
    }


@pytest.fixture
def gateway(town):
    """A town with a dark lamp, a silent one and a circuit without power."""
    town.write_live([2] * 40)
    town.darken(3)
    town.darken(18, code="communicationFailure")
    town.raise_circuit()
    with TestClient(create_app(town.city, lambda: T0)) as client:
        client.town = town
        client.lamps = [one["address"] for one in ask(client, "/devices").json()]
        yield client


def recorded(client, address):
    """Row and name of each entry of a logger's report."""
    found = ask(client, f"/log-reports/{address}").json()
    assert found["address"] == address
    rows = {one: row for row, one in enumerate(client.lamps)}
    return sorted(
        (rows[data["srcAddress"].partition("/")[0]], data.get("eventType") or data["attributeName"])
        for data in (entry["data"] for entry in found["entries"])
    )


def test_the_lists_of_a_logger_mean_what_the_data_model_says(gateway):
    lamps = [device(one) for one in gateway.lamps]
    loss = [(row, "supplyLoss") for row in range(20, 40)]
    whole = [(3, "lampFailure"), (18, "communicationFailure"), *loss]
    cases = (
        ({"blackList": []}, None, whole),
        ({"whiteList": []}, None, []),
        ({"whiteList": [], "blackList": []}, None, []),
        ({}, None, []),
        (None, None, []),
        ({"whiteList": [lamps[3], lamps[20]]}, None, [whole[0], loss[0]]),
        ({"whiteList": [group("cabinet.C-2")], "blackList": lamps[21:]}, None, loss[:1]),
        ({"blackList": [group("district.Mempura")]}, None, whole[:2]),
        ({"whiteList": [device(f"{gateway.lamps[3]}/monitor")]}, None, whole[:1]),
        ({"blackList": []}, {"whiteList": ["lampFailure", "unheardOf"]}, whole[:1]),
        ({"blackList": []}, {"blackList": ["supplyLoss"]}, whole[:2]),
        ({"blackList": []}, {"whiteList": ["supplyLoss", "lampFailure"], "blackList": ["supplyLoss"]}, whole[:1]),
        ({"blackList": []}, {}, []),
        ({"blackList": []}, {"whiteList": []}, []),
    )
    for number, (sources, events, wanted) in enumerate(cases):
        document = of_events(f"l-{number}", sources, events)
        answer = send(gateway, "POST", "/logger-configs", document)
        assert answer.status_code == 201, answer.text
        assert ask(gateway, f"/logger-configs/l-{number}").json() == document
        assert recorded(gateway, f"l-{number}") == wanted, document
    assert ask(gateway, "/log-reports/count").json() == 2 + len(cases)


def test_a_logger_of_readings_takes_the_named_quantities_of_its_lamps(gateway):
    lamps = {"whiteList": [device(gateway.lamps[0])]}
    shown = functions(ask(gateway, f"/devices/{gateway.lamps[0]}").json())["monitor"]
    measured = sorted(name for name in mapping.MEASURED if name in shown)
    by_type = [{"function": {"functionType": "LampMonitorFunction"}}]
    other = [{"function": {"functionId": "actuator"}}]
    for number, (mode, wanted) in enumerate(
        (
            ({"type": "VendorRecordingMode"}, measured),
            ({"type": "VendorRecordingMode", "content": []}, []),
            ({"type": "VendorRecordingMode", "content": by_type}, measured),
            ({"type": "VendorRecordingMode", "content": other}, []),
            (of_readings("x", lamps, "activePower", "nothing")["recordingMode"], ["activePower"]),
        )
    ):
        assert send(gateway, "POST", "/logger-configs", config(f"r-{number}", lamps, mode)).status_code == 201
        assert recorded(gateway, f"r-{number}") == [(0, name) for name in wanted], mode


def test_what_cannot_be_recorded_is_refused_by_name_and_nothing_is_stored(gateway):
    kept, everything = of_events("kept", {"blackList": []}), {"blackList": []}
    send(gateway, "POST", "/logger-configs", kept)
    event = kept["recordingMode"]
    vendor, scheduled = {"type": "VendorRecordingMode"}, {"type": "ScheduledReportingMode"}
    scope = {"function": {"functionId": "monitor"}, "attributeScope": "measurement"}
    change = {"function": {"functionId": "monitor", "attributes": [{"name": "activePower", "onChangeThreshold": 5}]}}
    for document, status, key in (
        (kept, 409, "resourceConflict"),
        (of_events("terang-events", everything), 409, "resourceConflict"),
        (of_events("x", {"whiteList": [device(CMS)]}), 422, "relatedResourceNotFound"),
        (of_events("x", {"blackList": [group("nowhere")]}), 422, "relatedResourceNotFound"),
        (of_events("x", {"whiteList": ["y"]}), 400, "payloadError"),
        (config("x", everything, None), 422, "serviceConstraintExceeded"),
        (config("x", everything, {"type": "PeriodicRecordingMode"}), 400, "payloadError"),
        (periodic("x", everything), 400, "payloadError"),
        (periodic("x", everything, *[{"samplingStartTime": START, "samplingPeriod": "PT1H"}] * 11), 422, TOO_MUCH),
        (periodic("x", everything, {"samplingStartTime": START}), 422, TOO_MUCH),
        (periodic("x", everything, {"samplingStartTime": START, "samplingPeriod": "PT59S"}), 422, TOO_MUCH),
        (periodic("x", everything, {"samplingStartTime": START, "samplingPeriod": "P32D"}), 422, TOO_MUCH),
        (periodic("x", everything, {"samplingStartTime": START, "samplingPeriod": "P"}), 400, "payloadError"),
        (periodic("x", everything, {"samplingStartTime": START, "samplingPeriod": "1h"}), 400, "payloadError"),
        (periodic("x", everything, {"samplingStartTime": "18:00", "samplingPeriod": "PT1H"}), 400, "payloadError"),
        (
            periodic("x", everything, {"samplingStartTime": "2026-11-24T18:00:00", "samplingPeriod": "PT1H"}),
            400,
            "payloadError",
        ),
        (
            periodic(
                "x",
                everything,
                {"samplingStartTime": START, "samplingPeriod": "PT1H", "samplingEndTime": "2019-01-01T00:00:00Z"},
            ),
            400,
            "payloadError",
        ),
        (config("x", everything, {"type": "EventRecordingMode"}), 400, "payloadError"),
        (config("x", everything, {**event, "activePeriods": [{"name": "y"}]}), 422, "serviceConstraintExceeded"),
        (
            config("x", everything, {**vendor, "content": [scope]}),
            422,
            "serviceConstraintExceeded",
        ),
        (
            config("x", everything, {**vendor, "content": [change]}),
            422,
            "serviceConstraintExceeded",
        ),
        (config("x", everything, {**vendor, "content": [{"function": {}}]}), 400, "payloadError"),
        (of_events("x", everything, reportingMode=None), 422, "serviceConstraintExceeded"),
        (
            of_events("x", everything, reportingMode=scheduled),
            422,
            "serviceConstraintExceeded",
        ),
        (of_events("x", everything, reportingMode={"type": "ImmediateReportingMode"}), 400, "payloadError"),
        (of_events("x", everything, reportingMode={**IMMEDIATE, "delay": -1}), 400, "payloadError"),
        (of_events("x", everything, reportingMode={**IMMEDIATE, "delay": 10**9}), 422, "serviceConstraintExceeded"),
        (of_events("", everything), 400, "payloadError"),
        ([], 400, "payloadError"),
        ("x", 400, "payloadError"),
    ):
        answer = send(gateway, "POST", "/logger-configs", document)
        assert (answer.status_code, answer.json()[0]["key"]) == (status, key), (document, answer.text)
        assert len(answer.json()[0]["description"]) > 10
    assert ask(gateway, "/log-reports/count").json() == 3


def test_a_logger_is_replaced_and_deleted_and_the_gateway_s_own_are_not(gateway):
    first, second = of_events("mine", {"blackList": []}), of_events("mine", {"whiteList": []})
    assert send(gateway, "POST", "/logger-configs", first).status_code == 201
    assert send(gateway, "PUT", "/logger-configs/mine", second).status_code == 200
    assert recorded(gateway, "mine") == []
    assert send(gateway, "PUT", "/logger-configs/other", second).status_code == 400
    assert send(gateway, "PUT", "/logger-configs/nowhere", {**second, "address": "nowhere"}).status_code == 404
    for method, document in (("PUT", {**second, "address": "terang-events"}), ("DELETE", None)):
        answer = send(gateway, method, "/logger-configs/terang-events", document)
        assert (answer.status_code, answer.json()[0]["key"]) == (422, "resourceConflict")
    assert send(gateway, "DELETE", "/logger-configs/mine").json() == second
    assert ask(gateway, "/log-reports/mine").status_code == ask(gateway, "/logger-configs/mine").status_code == 404
    with gateway.town.engine.connect() as connection:
        assert [line.action for line, _mac in audit.lines(connection)] == ["talq.logger-configs"] * 3
    for number in range(20):
        assert send(gateway, "POST", "/logger-configs", {**first, "address": f"n-{number}"}).status_code == 201
    refused = send(gateway, "POST", "/logger-configs", {**first, "address": "one-more"})
    assert refused.json()[0]["key"] == "serviceConstraintExceeded"


def test_events_of_a_logger_are_sent_beside_those_of_the_gateway_and_after_a_restart(gateway):
    stand = stand_of(gateway.town)
    stand.tell()
    dark = {"whiteList": ["lampFailure"]}
    send(gateway, "POST", "/logger-configs", of_events("dark", {"whiteList": [group("cabinet.C-1")]}, dark))
    stand.receiver.reports.clear()
    gateway.town.darken(5, 25, at_us=T0 + MINUTE)
    clear(gateway.town, "lampFailure", Place(lamp_id="L-003"), T0 + MINUTE)
    stand.restart()
    stand.tell(10 * MINUTE)
    by_logger = {}
    for report in stand.receiver.reports.values():
        for entry in report["entries"]:
            row = gateway.lamps.index(entry["data"]["srcAddress"].partition("/")[0])
            by_logger.setdefault(report["address"], set()).add((row, entry["data"]["startEndFlag"]))
    assert by_logger == {"terang-events": {(5, True), (25, True), (3, False)}, "dark": {(5, True), (3, False)}}


def test_readings_of_a_logger_are_sent_under_its_own_address(gateway):
    stand = stand_of(gateway.town, MEASURING)
    stand.now_us = T0 // (900 * 10**6) * 900 * 10**6
    gateway.town.write_live([2] * 40, at_us=stand.now_us - MINUTE)
    lamps = {"whiteList": [device(gateway.lamps[7])]}
    send(gateway, "POST", "/logger-configs", of_readings("power", lamps, "activePower"))
    stand.tell(1_000_000)
    found = {report["address"]: report["entries"] for report in stand.receiver.reports.values()}
    assert len(found["terang-measurements"]) == 40
    (only,) = found["power"]
    assert only["data"]["srcAddress"] == f"{gateway.lamps[7]}/monitor"
    assert len(stand.receiver.requests) == 2
    stand.tell(1_000_000)
    assert len(stand.receiver.requests) == 2, "once a period"


def test_a_periodic_logger_sends_a_sample_in_its_own_period_until_its_end(gateway):
    stand = stand_of(gateway.town, MEASURING)
    stand.now_us = T0 // (900 * 10**6) * 900 * 10**6 + MINUTE
    begin, end = (iso(stand.now_us + n * MINUTE) for n in (-60, 10))
    profile = {"samplingStartTime": begin, "samplingPeriod": "PT5M", "samplingEndTime": end}
    lamps = {"whiteList": [device(gateway.lamps[7])]}
    assert send(gateway, "POST", "/logger-configs", periodic("fast", lamps, profile)).status_code == 201
    sent = []
    for _minute in range(20):
        gateway.town.write_live([2] * 40, at_us=stand.now_us)
        stand.tell(1)
        sent.append(sum(report["address"] == "fast" for report in stand.receiver.reports.values()))
        stand.now_us += MINUTE - 1
    # first looked at in the moment of a sample, which is not made up for; then after 5 and 10 minutes, the end
    assert sent == [0] * 5 + [1] * 5 + [2] * 10
    (entry,) = next(one for one in stand.receiver.reports.values() if one["address"] == "fast")["entries"]
    assert entry["data"]["srcAddress"] == f"{gateway.lamps[7]}/monitor"
