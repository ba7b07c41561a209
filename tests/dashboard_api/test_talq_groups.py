"""TALQ's groups that a management system makes: stored, nested, dimmed, given calendars, or refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dashboard_api.app import create_app
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.own_groups import check_groups
from dashboard_api.store import audit
from ingest.register.database_table import store_register
from ingest.schema.tables import commands
from tests.dashboard_api.conftest import register_of
from tests.dashboard_api.people import bearer
from tests.dashboard_api.talq_plans import SQLITE, T0, assign, gateway, planned, schedules_of, send
from tests.dashboard_api.test_talq import CMS, ask

__all__ = ["gateway", "planned"]  # fixtures


def device(address):
    return {"resource": "devices", "address": address}


def group(address):
    return {"resource": "groups", "address": address}


def made(address, *members, **more):
    return {"address": address, "ownerCMS": CMS, "members": list(members), **more}


def addresses(client):
    return [one["address"] for one in ask(client, "/devices").json()]


def lamps_dimmed(client):
    with client.town.engine.connect() as connection:
        return [sorted(row.lamp_ids) for row in connection.execute(select(commands).order_by(commands.c.id))]


def dim(client, address):
    state = {"state": {"name": "LevelState", "value": 40}}
    return send(client, "POST", "/override-commands", {"addresses": [group(address)], "targetCommand": state})


def test_a_group_is_shown_as_it_was_put_in_and_dims_every_lamp_of_it_once(gateway):
    lamps = addresses(gateway)
    park = made("park", device(lamps[0]), device(f"{lamps[3]}/actuator"), purpose="override", extra="kept")
    both = made("both", group("park"), group("circuit.C-2.1"), device(lamps[0]))
    posted = send(gateway, "POST", "/groups", [both, park])
    assert (posted.status_code, posted.json()) == (201, [both, park])
    shown = {one["address"]: one for one in ask(gateway, "/groups").json()}
    assert (shown["park"], shown["both"]) == (park, both)
    assert len(shown) == ask(gateway, "/groups/count").json() == 8
    assert ask(gateway, "/groups/park").json() == park
    assert ask(gateway, "/groups/both/members/count").json() == 3
    assert dim(gateway, "both").status_code == 202
    assert lamps_dimmed(gateway) == [["L-000", "L-003", *(f"L-{n:03d}" for n in range(20, 40))]]


@SQLITE
def test_members_come_and_go_and_a_group_is_replaced_and_deleted(gateway):
    lamps = addresses(gateway)
    send(gateway, "POST", "/groups", [made("park", device(lamps[0]))])
    more = [device(lamps[1]), device(lamps[0]), group("cabinet.C-2")]
    answer = send(gateway, "PUT", "/groups/park/members", more)
    assert (answer.status_code, answer.json()) == (200, more)
    assert ask(gateway, "/groups/park").json()["members"] == [device(lamps[0]), device(lamps[1]), group("cabinet.C-2")]
    gone = send(gateway, "DELETE", f"/groups/park/members/devices/{lamps[0]}")
    assert (gone.status_code, gone.json()) == (200, device(lamps[0]))
    assert send(gateway, "DELETE", f"/groups/park/members/devices/{lamps[0]}").status_code == 404
    other = made("park", device(lamps[5]))
    assert send(gateway, "PUT", "/groups/park", other).json() == other
    assert send(gateway, "PUT", "/groups", [made("park", device(lamps[6]))]).status_code == 200
    assert send(gateway, "DELETE", "/groups/park").json() == made("park", device(lamps[6]))
    assert ask(gateway, "/groups/park").status_code == send(gateway, "DELETE", "/groups/park").status_code == 404
    with gateway.town.engine.connect() as connection:
        lines = [(line.action, line.target) for line, _mac in audit.lines(connection)]
    assert lines == [("talq.groups", "park")] * 6


@SQLITE
def test_a_calendar_is_assigned_to_a_group_that_holds_whole_controllers(planned):
    send(planned, "POST", "/groups", [made("town", group("cabinet.C-1"), group("circuit.C-2.1"))])
    assert assign(planned, "every-night", "town").status_code == 201
    assert schedules_of(planned.town).keys() == {"PJU-1", "PJU-2"}


@SQLITE
def test_what_cannot_be_a_group_is_refused_and_a_list_is_taken_whole_or_not_at_all(gateway):
    lamps = addresses(gateway)
    kept = made("kept", device(lamps[0]))
    send(gateway, "POST", "/groups", [kept])
    before = ask(gateway, "/groups").json()
    good = made("good", device(lamps[1]))
    for method, path, document, status, key in (
        ("POST", "/groups", [good, kept], 409, "resourceConflict"),
        ("POST", "/groups", [good, good], 400, "payloadError"),
        ("POST", "/groups", [good, made("x", device(CMS))], 422, "relatedResourceNotFound"),
        ("POST", "/groups", [good, made("x", group("nowhere"))], 422, "relatedResourceNotFound"),
        ("POST", "/groups", [made("x", device(f"{lamps[0]}/monitor"))], 422, "resourceConflict"),
        ("POST", "/groups", [made("x", {"resource": "calendars", "address": "y"})], 400, "payloadError"),
        ("POST", "/groups", [made("x", "y")], 400, "payloadError"),
        ("POST", "/groups", [made("a/b")], 400, "payloadError"),
        ("POST", "/groups", [made("")], 400, "payloadError"),
        ("POST", "/groups", [{"address": "x", "ownerCMS": CMS}], 400, "payloadError"),
        ("POST", "/groups", good, 400, "payloadError"),
        ("POST", "/groups", [made("count")], 422, "genericError"),
        ("POST", "/groups", [made("cabinet.C-9")], 422, "genericError"),
        (
            "POST",
            "/groups",
            [made("a", group("b")), made("b", group("c")), made("c", group("a"))],
            422,
            "resourceConflict",
        ),
        ("POST", "/groups", [made("self", group("self"))], 422, "resourceConflict"),
        ("PUT", "/groups", [made("kept"), good], 404, "resourceNotFound"),
        ("PUT", "/groups", [made("kept", group("kept"))], 422, "resourceConflict"),
        ("PUT", "/groups/kept", good, 400, "payloadError"),
        ("PUT", "/groups/good", good, 404, "resourceNotFound"),
        ("PUT", "/groups/cabinet.C-1/members", [device(lamps[30])], 422, "resourceConflict"),
        ("PUT", "/groups/kept/members", [group("kept")], 422, "resourceConflict"),
        ("PUT", "/groups/kept/members", {}, 400, "payloadError"),
        ("PUT", "/groups/none/members", [], 404, "resourceNotFound"),
        ("DELETE", "/groups/cabinet.C-1", None, 422, "resourceConflict"),
        ("DELETE", f"/groups/cabinet.C-1/members/devices/{lamps[0]}", None, 422, "resourceConflict"),
    ):
        answer = send(gateway, method, path, document)
        assert (answer.status_code, answer.json()[0]["key"]) == (status, key), (method, path, document, answer.text)
        assert len(answer.json()[0]["description"]) > 10
        assert ask(gateway, "/groups").json() == before, (method, path)


@SQLITE
def test_a_group_that_another_one_or_a_logger_names_is_not_deleted(gateway):
    logger = {
        "address": "events",
        "ownerCMS": CMS,
        "sourceAddresses": {"whiteList": [group("outer")]},
        "recordingMode": {"type": "EventRecordingMode", "sourceEvents": {"blackList": []}},
        "reportingMode": {"type": "ImmediateReportingMode", "delay": 0},
    }
    send(gateway, "POST", "/groups", [made("inner"), made("outer", group("inner"))])
    assert send(gateway, "POST", "/logger-configs", logger).status_code == 201
    for address in ("inner", "outer"):
        answer = send(gateway, "DELETE", f"/groups/{address}")
        assert (answer.status_code, answer.json()[0]["key"]) == (422, "deletingResourceIsReferred")
    assert send(gateway, "DELETE", "/logger-configs/events").json() == logger
    for address in ("outer", "inner"):
        assert send(gateway, "DELETE", f"/groups/{address}").status_code == 200


@SQLITE
def test_more_groups_and_members_than_there_may_be_are_refused(gateway):
    assert send(gateway, "POST", "/groups", [made(f"g-{n}") for n in range(200)]).status_code == 201
    refused = send(gateway, "POST", "/groups", [made("one-more")])
    assert (refused.status_code, refused.json()[0]["key"]) == (422, "serviceConstraintExceeded")
    many = {"g": made("g", *([device("x")] * 20_001))}
    for after in (many, {n: made(n, *([device("x")] * 20_000)) for n in "abc"}):
        with pytest.raises(RefusedError) as caught:
            check_groups(after, dict.fromkeys(after, ()), None, None)
        assert caught.value.key == "serviceConstraintExceeded"


@SQLITE
def test_a_lamp_that_leaves_the_register_leaves_the_group_and_the_others_can_still_be_changed(gateway):
    lamps = addresses(gateway)
    send(gateway, "POST", "/groups", [made("park", device(lamps[0]), device(lamps[20]), group("cabinet.C-2"))])
    store_register(gateway.town.engine, register_of(20, 1), "fewer")
    gateway.town.write_live([2] * 20)
    assert dim(gateway, "park").status_code == 202
    assert lamps_dimmed(gateway) == [["L-000"]]
    assert send(gateway, "PUT", "/groups/park/members", [device(lamps[1])]).status_code == 200
    assert send(gateway, "DELETE", f"/groups/park/members/devices/{lamps[20]}").status_code == 200


@SQLITE
def test_a_group_lets_no_token_dim_outside_of_its_districts(town, people):
    town.write_live([2] * 40)
    people.add("budi", "operator")
    siak = bearer(create_app(town.city, lambda: T0), people.token("cms", "operate", "read", districts=("Siak",)))
    assert send(siak, "POST", "/groups", [made("all", group("cabinet.C-1"), group("cabinet.C-2"))]).status_code == 201
    assert dim(siak, "all").status_code == 403


@SQLITE
def test_devices_are_not_commissioned_and_that_is_said_in_talqs_words(gateway):
    lamp = addresses(gateway)[0]
    for method, path, document, status, key in (
        ("POST", "/devices", [{}], 422, "genericError"),
        ("PUT", "/devices", [{}], 422, "genericError"),
        ("PATCH", "/devices", [{}], 422, "genericError"),
        ("PATCH", f"/devices/{lamp}", {}, 422, "genericError"),
        ("DELETE", f"/devices/{lamp}", None, 422, "genericError"),
        ("PATCH", f"/devices/{lamp}/actuator", {}, 422, "genericError"),
        ("PATCH", f"/devices/{lamp}/actuator/calendarID", {}, 422, "genericError"),
        ("PATCH", f"/devices/{CMS}", {}, 404, "resourceNotFound"),
        ("DELETE", f"/devices/{CMS}", None, 404, "resourceNotFound"),
        ("PATCH", f"/devices/{lamp}/nothing", {}, 404, "resourceNotFound"),
    ):
        answer = send(gateway, method, path, document)
        assert (answer.status_code, answer.json()[0]["key"]) == (status, key), (method, path, answer.text)


names = st.sampled_from("abcdef")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.dictionaries(names, st.sets(names, max_size=3), max_size=6))
def test_groups_are_refused_exactly_when_one_can_be_reached_from_itself(edges):
    edges = {address: inner & edges.keys() for address, inner in edges.items()}
    after = {address: made(address, *map(group, inner)) for address, inner in edges.items()}

    def reached(start):
        seen, waiting = set(), list(edges[start])
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting.extend(edges[one])
        return seen

    if any(address in reached(address) for address in edges):
        with pytest.raises(RefusedError):
            check_groups(after, {}, None, None)
    else:
        check_groups(after, {}, None, None)
