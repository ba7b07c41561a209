"""TALQ's control service and groups: calendars become schedules of controllers, and what cannot is refused by name."""

from __future__ import annotations

import re
import uuid

from sqlalchemy import select

from dashboard_api.app import create_app
from dashboard_api.store import audit
from ingest.schema.sections import ScheduleSection
from ingest.schema.tables import commands
from tests.dashboard_api.people import bearer
from tests.dashboard_api.talq_plans import (
    SQLITE,
    T0,
    absolute,
    assign,
    calendar,
    control,
    gateway,
    planned,
    program,
    schedules_of,
    send,
    sun,
)
from tests.dashboard_api.test_talq import CMS, ask

__all__ = ["gateway", "planned"]  # fixtures


def test_a_calendar_with_its_program_is_a_schedule_of_the_controllers_that_it_is_assigned_to(gateway):
    programs, calendars = [program()], [calendar(rules=[{"program": "dimmed"}], extra="kept")]
    posted = send(gateway, "POST", "/control-programs", programs)
    assert (posted.status_code, posted.json()) == (201, programs)
    assert send(gateway, "POST", "/calendars", calendars).status_code == 201
    assert schedules_of(gateway.town) == {}
    assert ask(gateway, "/calendars").json() == calendars
    assert ask(gateway, "/calendars/every-night").json() == calendars[0]
    assert ask(gateway, "/control-programs/dimmed").json() == programs[0]
    assert ask(gateway, "/calendars/count").json() == ask(gateway, "/control-programs/count").json() == 1
    answer = assign(gateway, "every-night", "cabinet.C-2")
    assert (answer.status_code, answer.json()["cmsRefId"]) == (201, "ours")
    wanted = ScheduleSection(
        on="sunset+10m",
        off="sunrise-10m",
        dim=({"at": "12:00", "level": 50}, {"at": "22:00", "level": 70}, {"at": "00:30", "level": 50}),
    )
    assert schedules_of(gateway.town) == {"PJU-2": wanted}
    shown = {one["name"]: one["functions"][1].get("calendarID") for one in ask(gateway, "/devices").json()}
    assert {name for name, value in shown.items() if value} == {f"L-{row:03d}" for row in range(20, 40)}
    assert shown["L-020"] == {"type": "AttributeString", "value": "every-night"}
    assert ask(gateway, "/assign-commands").json()[0]["cmsRefId"] == "ours"
    assert assign(gateway, "", "cabinet.C-2").status_code == 201
    assert schedules_of(gateway.town) == {}


def test_another_program_changes_the_schedule_of_every_controller_that_follows_it(planned):
    assert assign(planned, "every-night", "cabinet.C-1", "cabinet.C-2").status_code == 201
    later = program("dimmed", control("23:00:00", 20), period=absolute("18:30:00", "05:15:00"))
    assert send(planned, "PUT", "/control-programs/dimmed", later).json() == later
    wanted = ScheduleSection(on="18:30", off="05:15", dim=({"at": "12:00", "level": 20}, {"at": "23:00", "level": 20}))
    assert schedules_of(planned.town) == {"PJU-1": wanted, "PJU-2": wanted}
    other = calendar(program_id="bright")
    assert send(planned, "PUT", "/calendars", [other]).json()[0]["key"] == "relatedResourceNotFound"
    assert send(planned, "POST", "/control-programs", [program("bright", control("12:00:00", 100))]).status_code == 201
    assert send(planned, "PUT", "/calendars", [other]).status_code == 200
    assert schedules_of(planned.town)["PJU-1"].dim[0].level == 100


@SQLITE
def test_what_is_in_use_is_not_deleted_and_the_rest_is(planned):
    assign(planned, "every-night", "cabinet.C-1")
    for path in ("/calendars/every-night", "/control-programs/dimmed"):
        refused = send(planned, "DELETE", path)
        assert (refused.status_code, refused.json()[0]["key"]) == (422, "deletingResourceIsReferred")
    assign(planned, "", "cabinet.C-1")
    assert send(planned, "DELETE", "/calendars/every-night").json() == calendar()
    assert send(planned, "DELETE", "/control-programs/dimmed").json() == program()
    for path in ("/calendars/every-night", "/control-programs/dimmed"):
        assert send(planned, "DELETE", path).status_code == ask(planned, path).status_code == 404


@SQLITE
def test_a_list_is_taken_whole_or_not_at_all(planned):
    for method, path, documents, status, key in (
        ("POST", "/control-programs", [program("new"), program()], 409, "resourceConflict"),
        ("PUT", "/control-programs", [program("dimmed", control("01:00:00", 1)), program("new")], 404, None),
        ("POST", "/control-programs", [program("new"), program("new")], 400, "payloadError"),
        ("POST", "/control-programs", [program("new"), {}], 400, "payloadError"),
        ("POST", "/calendars", [calendar("new"), calendar("other", "missing")], 422, "relatedResourceNotFound"),
        ("POST", "/calendars", calendar("new"), 400, "payloadError"),
        ("PUT", "/calendars/every-night", calendar("new"), 400, "payloadError"),
        ("POST", "/calendars", [calendar("count")], 422, "genericError"),
    ):
        answer = send(planned, method, path, documents)
        assert answer.status_code == status, (path, answer.text)
        assert key is None or answer.json()[0]["key"] == key
        assert ask(planned, "/control-programs").json() == [program()]
        assert ask(planned, "/calendars").json() == [calendar()]


@SQLITE
def test_no_more_programs_than_the_service_says(gateway):
    many = [program(f"p-{n}") for n in range(100)]
    assert send(gateway, "POST", "/control-programs", many).status_code == 201
    refused = send(gateway, "POST", "/control-programs", [program("one-more")])
    assert (refused.status_code, refused.json()[0]["key"]) == (422, "serviceConstraintExceeded")


def refused_programs():
    ramp, back = control("22:00:00", 50), control("22:00:00", 50)
    ramp["command"]["rampToLevelTime"] = 20_000
    back["command"]["rampFromLevelTime"] = 60
    on = {"startTime": "22:00:00", "command": {"state": {"name": "BooleanState", "value": True}}}
    yield program(type="ControlProgramTwo")
    yield program("dimmed", ramp)
    yield program("dimmed", back)
    yield program("dimmed", on)
    yield program(astroClockTimeControls=[sun("sunset", 5, 50, operation="Mul")])
    yield program(astroClockTimeControls=[sun("sunset", 5, 50), sun("sunrise", 200, 0)])
    yield program(astroClockTimeControls=[{**sun("sunset", 5, 50), "command": ramp["command"]}])
    yield {**program(astroClockTimeControls=[sun("sunset", 5, 50)]), "activePeriods": []}
    yield program(dynamicControls=[{}])
    yield {**program(), "activePeriods": []}
    yield {**program(), "activePeriods": [absolute("18:00:00", "20:00:00"), absolute("06:00:00", "14:00:00")]}
    yield {**program(), "activePeriods": [absolute(f"{n}:00:00", f"{n}:30:00") for n in range(12, 24)] * 3}
    yield {**program(), "fixedTimeControls": []}
    yield program(period={"name": "SensorActivePeriod"})
    yield program(period={"name": "ValueActivePeriod"})
    yield program(period=absolute("20:00:00", "18:00:00"))
    yield program(period=absolute("18:00:00", "18:00:00"))
    yield program(period={"name": "AstroClockActivePeriod", "sunsetOffset": 181, "sunriseOffset": 0})
    yield program("dimmed", *(control(f"{n // 60:02d}:{n % 60:02d}:00", 1) for n in range(91)))


def broken_programs():
    yield program("dimmed", control("22:00", 50))
    yield program("dimmed", control("22:00:00", 101))
    yield program("dimmed", control("22:00:00", "50"))
    yield program("dimmed", control("23:00:00", 50), control("22:00:00", 70))
    yield program("dimmed", control("22:00:10", 50), control("22:00:50", 70))
    yield program(period={"name": "AstroClockActivePeriod", "sunsetOffset": 10})
    yield program(period={"name": "AbsoluteActivePeriod", "startTime": "18:00:00"})
    yield {key: value for key, value in program().items() if key != "activePeriods"}
    yield {**program(), "id": ""}
    yield {**program(), "id": 5}
    yield program(astroClockTimeControls=[{**sun("sunset", 5, 50), "solarEventType": "noon"}])
    yield program(astroClockTimeControls=[{**sun("sunset", 5, 50), "offset": "5"}])
    yield program(astroClockTimeControls=[sun("sunset", 5, 101)])


@SQLITE
def test_what_no_schedule_expresses_is_refused_by_name_and_changes_nothing(planned):
    for documents, status, key in (
        (refused_programs(), 422, "serviceConstraintExceeded"),
        (broken_programs(), 400, "payloadError"),
    ):
        for document in documents:
            answer = send(planned, "PUT", "/control-programs", [document])
            assert (answer.status_code, answer.json()[0]["key"]) == (status, key), (document, answer.text)
            assert re.fullmatch(r"[\w. -]+: .{5,}", answer.json()[0]["description"]), answer.text
    day = {"type": "ccDay", "days": [{"start": 1}]}
    for more in (
        {"startDate": "2026-02-30"},
        {"endDate": "31-12"},
        {"condition": {"type": "ccDay"}},
        {"condition": {"type": "ccDay", "days": [{"start": 8}]}},
        {"condition": {"type": "ccDay", "days": [{"start": 5, "end": 2}]}},
        {"condition": {**day, "occurrences": ["6"]}},
        {"condition": {"type": "ccDate", "dates": [{"start": "12-24"}]}},
        {"condition": {"type": "ccDate", "dates": [{"start": "---05", "end": "--07-05"}]}},
    ):
        answer = send(planned, "PUT", "/calendars", [calendar(rules=[{"program": "dimmed", **more}])])
        assert (answer.status_code, answer.json()[0]["key"]) == (400, "payloadError"), (more, answer.text)
        assert "rules" in answer.json()[0]["description"]
    assert send(planned, "PUT", "/calendars", [{"id": "every-night", "ownerCMS": CMS}]).status_code == 422
    uncovered = {"id": "every-night", "ownerCMS": CMS, "rules": [{"program": "dimmed", "condition": day}]}
    assert send(planned, "PUT", "/calendars", [uncovered]).json()[0]["key"] == "relatedResourceNotFound"
    assert ask(planned, "/control-programs/dimmed").json() == program()
    assert ask(planned, "/calendars").json() == [calendar()]


@SQLITE
def test_whom_no_calendar_can_be_assigned_to_is_named_and_nobody_is_given_one(planned):
    devices = [one["address"] for one in ask(planned, "/devices").json()]
    for arguments, more, key, words in (
        ((devices[0],), {"resource": "devices"}, "assignmentAddressNotValid", "1 of the 20 lamps of controller PJU-1"),
        ((f"{devices[0]}/monitor",), {"resource": "devices"}, "assignmentAddressNotValid", "monitor"),
        ((), {}, "assignmentAddressNotValid", "no lamp"),
        (("cabinet.C-9",), {}, "relatedResourceNotFound", "cabinet.C-9"),
        (("cabinet.C-1",), {"resource": "calendars"}, "assignmentAddressNotValid", "calendars"),
    ):
        answer = assign(planned, "every-night", *arguments, **more)
        assert (answer.status_code, answer.json()[0]["key"]) == (422, key), answer.text
        assert words in answer.json()[0]["description"]
    missing = assign(planned, "nowhere", "cabinet.C-1")
    assert (missing.status_code, missing.json()[0]["key"]) == (422, "relatedResourceNotFound")
    lamp_type = {"addresses": [], "entity": {"resource": "lamp-types", "address": "x"}}
    assert send(planned, "POST", "/assign-commands", lamp_type).json()[0]["key"] == "assignmentEntityNotValid"
    for document in ([], {}, {"entity": {}}, {"entity": {"resource": "calendars", "address": "every-night"}}):
        assert send(planned, "POST", "/assign-commands", document).json()[0]["key"] == "payloadError"
    assert schedules_of(planned.town) == {}
    assert assign(planned, "every-night", *devices[:20], resource="devices").status_code == 201
    assert schedules_of(planned.town).keys() == {"PJU-1"}


@SQLITE
def test_a_repeated_order_changes_nothing_and_every_change_stands_in_the_audit_log(planned):
    request_id = str(uuid.uuid4())
    assign(planned, "every-night", "cabinet.C-1", request_id=request_id)
    assign(planned, "", "cabinet.C-1")
    assert assign(planned, "every-night", "cabinet.C-1", request_id=request_id).status_code == 201
    assert schedules_of(planned.town) == {}
    with planned.town.engine.connect() as connection:
        lines = [(line.action, line.target) for line, _mac in audit.lines(connection)]
    assert lines == [
        ("talq.control-programs", "dimmed"),
        ("talq.calendars", "every-night"),
        ("schedule.assign", "every-night"),
        ("schedule.assign", ""),
    ]


@SQLITE
def test_a_token_changes_schedules_in_its_own_districts_alone(town, people):
    town.write_live([2] * 40)
    app = create_app(town.city, lambda: T0)
    people.add("budi", "operator")
    siak = bearer(app, people.token("cms", "operate", "read", districts=("Siak",)))
    whole = bearer(app, people.token("whole", "operate", "read"))
    assert send(siak, "POST", "/control-programs", [program()]).status_code == 201
    assert send(siak, "POST", "/calendars", [calendar()]).status_code == 201
    assert assign(siak, "every-night", "cabinet.C-1").status_code == 201
    assert assign(siak, "every-night", "cabinet.C-2").status_code == 403
    assert assign(whole, "every-night", "cabinet.C-2").status_code == 201
    other = program("dimmed", control("01:00:00", 10))
    assert send(siak, "PUT", "/control-programs/dimmed", other).status_code == 403
    assert ask(siak, "/control-programs/dimmed").json() == program()
    assert send(whole, "PUT", "/control-programs/dimmed", other).status_code == 200


def test_groups_are_circuits_cabinets_and_districts_and_have_every_lamp(gateway):
    groups = {one["address"]: one["members"] for one in ask(gateway, "/groups").json()}
    assert groups.keys() == {
        *(f"{kind}.C-{n}{end}" for n in (1, 2) for kind, end in (("circuit", ".1"), ("cabinet", ""))),
        "district.Siak",
        "district.Mempura",
    }
    assert ask(gateway, "/groups/count").json() == 6
    devices = {one["name"]: one["address"] for one in ask(gateway, "/devices").json()}
    assert [one["address"] for one in groups["circuit.C-1.1"]] == [devices[f"L-{row:03d}"] for row in range(20)]
    assert groups["cabinet.C-1"] == groups["district.Siak"] == [{"resource": "groups", "address": "circuit.C-1.1"}]
    one = ask(gateway, "/groups/cabinet.C-1").json()
    assert (one["members"], str(uuid.UUID(one["ownerCMS"]))) == (groups["cabinet.C-1"], one["ownerCMS"])
    assert ask(gateway, "/groups/circuit.C-2.1/members/count").json() == 20
    assert ask(gateway, "/groups/cabinet.C-9").status_code == 404


@SQLITE
def test_a_dim_command_to_groups_reaches_each_of_their_lamps_once(gateway):
    document = {
        "addresses": [{"resource": "groups", "address": one} for one in ("district.Mempura", "cabinet.C-2")],
        "targetCommand": {"state": {"name": "LevelState", "value": 40}},
    }
    assert send(gateway, "POST", "/override-commands", document).status_code == 202
    with gateway.town.engine.connect() as connection:
        (row,) = connection.execute(select(commands)).all()
    assert (row.lamp_ids, row.level) == ([f"L-{n:03d}" for n in range(20, 40)], 40)
