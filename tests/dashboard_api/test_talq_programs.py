# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Which control programs a schedule can express, which are refused by name, and the levels that come of them."""

from __future__ import annotations

import copy
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.programs import hours_of_calendars, hours_of_program
from edge_agent.wire.schedule import night_steps, step_at
from ingest.schema.sections import ScheduleSection
from tests.dashboard_api.talq_control_client import (  # noqa: F401
    PLACE,
    SQLITE,
    absolute,
    calendar,
    control,
    gateway,
    planned,
    program,
    send,
)
from tests.dashboard_api.test_talq import CMS, ask


def refused_programs():
    ramp = control("22:00:00", 50)
    ramp["command"]["rampToLevelTime"] = 60
    on = {"startTime": "22:00:00", "command": {"state": {"name": "BooleanState", "value": True}}}
    astro = {"offset": 5, "solarEventType": "sunset", "operation": "set", "command": ramp["command"]}
    yield program(type="ControlProgramTwo")
    yield program("dimmed", ramp)
    yield program("dimmed", on)
    yield program(astroClockTimeControls=[astro])
    yield program(dynamicControls=[{}])
    yield {**program(), "activePeriods": []}
    yield {**program(), "activePeriods": [absolute("18:00:00", "20:00:00"), absolute("22:00:00", "23:00:00")]}
    yield {**program(), "fixedTimeControls": []}
    yield program(period={"name": "SensorActivePeriod"})
    yield program(period=absolute("02:00:00", "05:00:00"))
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


@SQLITE
def test_what_no_schedule_expresses_is_refused_by_name_and_changes_nothing(planned):
    for documents, status, key in (
        (refused_programs(), 422, "serviceConstraintExceeded"),
        (broken_programs(), 400, "payloadError"),
    ):
        for document in documents:
            answer = send(planned, "PUT", "/control-programs", [document])
            assert (answer.status_code, answer.json()[0]["key"]) == (status, key), (document, answer.text)
            assert len(answer.json()[0]["description"]) > 20
    day = {"type": "ccDay", "days": [{"start": 1}]}
    for more in (
        {"rules": [{"program": "dimmed", "condition": day}]},
        {"rules": [{"program": "dimmed", "startDate": "2026-07-18", "endDate": "2026-07-25"}]},
        {"rules": [{"program": "dimmed", "startDate": "--06-01"}]},
        {"rules": [{"program": "dimmed"}, {"program": "bright"}]},
    ):
        answer = send(planned, "PUT", "/calendars", [calendar(**more)])
        assert (answer.status_code, answer.json()[0]["key"]) == (422, "serviceConstraintExceeded"), answer.text
        assert "rules" in answer.json()[0]["description"]
    assert send(planned, "PUT", "/calendars", [{"id": "every-night", "ownerCMS": CMS}]).status_code == 422
    assert ask(planned, "/control-programs").json() == [program()]
    assert ask(planned, "/calendars").json() == [calendar()]


minutes = st.integers(0, 1439)
levels = st.integers(0, 100)


@st.composite
def nights(draw):
    """A program of fixed times that a schedule can express."""
    start = draw(st.integers(720, 1439))
    end = draw(st.one_of(st.integers(0, 719), st.integers(min(start + 1, 1439), 1439)))
    times = sorted(draw(st.sets(minutes, min_size=1, max_size=6)))
    if start == end:
        start -= 1
    return start, end, [(time, draw(levels)) for time in times]


def clock(minute):
    return f"{minute // 60:02d}:{minute % 60:02d}:00"


def level_by_talq(start, end, controls, minute):
    """What the description says of a minute of any day, where days go from noon to noon; written for itself."""
    length = (end - start) % 1440
    if (minute - start) % 1440 >= length:
        return 0
    return min(controls, key=lambda one: (minute - one[0]) % 1440)[1]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(nights(), st.lists(minutes, min_size=5, max_size=5))
def test_a_schedule_has_the_levels_of_its_program_at_every_minute(night, asked):
    start, end, controls = night
    document = program("p", *(control(clock(time), level) for time, level in controls))
    document["activePeriods"] = [absolute(clock(start), clock(end))]
    hours = ScheduleSection.model_validate(hours_of_program(document))
    before = copy.deepcopy(document)
    day = date(2026, 11, 24)
    for minute in (*asked, start, end, *(time for time, _level in controls)):
        at_s = int((datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minute)).timestamp())
        found = step_at(lambda evening: night_steps(hours, evening, *PLACE, "UTC"), day, at_s).level
        assert found == level_by_talq(start, end, controls, minute), minute
    assert document == before


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["ControlProgramOne", "x"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*program(), "name"]), inner),
        max_leaves=12,
    )
)
def test_no_document_is_half_understood(document):
    whole = {**program(), **document} if isinstance(document, dict) else document
    with suppress(BadRequestError):  # a RefusedError is one
        ScheduleSection.model_validate(hours_of_calendars({"c": calendar()}, {"dimmed": whole})["c"])


def test_a_refusal_names_the_member():
    with pytest.raises(RefusedError) as caught:
        hours_of_program(program(dynamicControls=[{}]))
    assert caught.value.parameters["where"] == "dynamicControls"
