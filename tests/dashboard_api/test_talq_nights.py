"""Calendars and programs of TALQ that differ from night to night: weekdays, dates, several levels by the sun, ramps."""

from __future__ import annotations

import json
from calendar import monthcalendar
from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dashboard_api.app import create_app
from dashboard_api.context import Context
from dashboard_api.neighbours.talq.calendar_days import program_of_night
from dashboard_api.neighbours.talq.night_levels import Sun
from dashboard_api.neighbours.talq.nights import CalendarFollower, tonight
from dashboard_api.neighbours.talq.program_model import Calendar
from dashboard_api.neighbours.talq.programs import hours_of_program
from edge_agent.wire.schedule import night_steps
from ingest.schema.schedule_tables import schedules
from ingest.schema.sections import ScheduleSection
from ingest.schema.settings_copy import COPY_FILE
from tests.dashboard_api.test_talq_control import (
    T0,
    absolute,
    assign,
    calendar,
    control,
    program,
    schedules_of,
    send,
    sun,
)
from tests.dashboard_api.test_talq_programs import PLACE

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EVENING = date(2026, 11, 24)
SUN = Sun(sunset=365, sunrise=1065)  # 18:05 and 05:45
DAY_US = 86_400_000_000


def in_force(night, *rules):
    return program_of_night(Calendar.model_validate(calendar("c", "default", rules=list(rules))), night)


def nights(n=800):
    return [date(2026, 1, 1) + timedelta(days=number) for number in range(n)]


def test_weekdays_hold_on_their_days_and_their_occurrences_in_the_month():
    weekend = {"program": "p", "condition": {"type": "ccDay", "days": [{"start": 6, "end": 7}]}}
    second = {"program": "p", "condition": {"type": "ccDay", "days": [{"start": 1}], "occurrences": ["2"]}}
    last = {"program": "p", "condition": {"type": "ccDay", "days": [{"start": 5}], "occurrences": ["L"]}}
    for night in nights():
        weeks = monthcalendar(night.year, night.month)  # rows of seven days from Monday on, 0 outside of the month
        assert (in_force(night, weekend) == "p") == (night.weekday() >= 5)
        assert (in_force(night, second) == "p") == (night.day == [week[0] for week in weeks if week[0]][1])
        assert (in_force(night, last) == "p") == (night.day == [week[4] for week in weeks if week[4]][-1])


@pytest.mark.parametrize(
    ("rule", "is_met"),
    [
        ({"startDate": "2026-07-18", "endDate": "2026-07-25"}, lambda d: date(2026, 7, 18) <= d <= date(2026, 7, 25)),
        ({"startDate": "2026-07-18"}, lambda d: d >= date(2026, 7, 18)),
        ({"startDate": "--06-01"}, lambda d: d.month >= 6),
        (
            {"startDate": "--11-15", "endDate": "--02-10"},
            lambda d: (d.month, d.day) >= (11, 15) or (d.month, d.day) <= (2, 10),
        ),
        ({"condition": {"type": "ccDate", "dates": [{"start": "---29", "end": "---31"}]}}, lambda d: d.day >= 29),
        (
            {"condition": {"type": "ccDate", "dates": [{"start": "--12-24", "end": "--12-26"}, {"start": "--08-17"}]}},
            lambda d: (d.month, d.day) in {(12, 24), (12, 25), (12, 26), (8, 17)},
        ),
        (
            {"startDate": "--08-01", "endDate": "--08-31", "condition": {"type": "ccDay", "days": [{"start": 1}]}},
            lambda d: d.month == 8 and d.weekday() == 0,
        ),
    ],
)
def test_dates_hold_on_their_days(rule, is_met):
    for night in nights():
        assert (in_force(night, {"program": "p", **rule}) == "p") == is_met(night), night


def test_the_first_rule_that_holds_goes_before_the_others_and_the_default():
    monday = {"type": "ccDay", "days": [{"start": 1}]}
    rules = ({"program": "a", "condition": monday}, {"program": "b", "startDate": "--01-01", "endDate": "--06-30"})
    assert in_force(date(2026, 6, 1), *rules) == "a"
    assert in_force(date(2026, 6, 2), *rules) == "b"
    assert in_force(date(2026, 7, 7), *rules) == "default"


def levels(document):
    """By the steps that the agent switches by, at each minute from noon on."""
    hours = ScheduleSection.model_validate(hours_of_program(document, SUN))
    noon_s = int(datetime(EVENING.year, EVENING.month, EVENING.day, 12, tzinfo=UTC).timestamp())
    found = [0] * 1440
    for at_s, level in night_steps(hours, EVENING, *PLACE, "UTC"):
        begin = (at_s - noon_s) // 60
        found[begin:] = [level] * (1440 - begin)
    return found


events = st.lists(
    st.tuples(st.sampled_from(["sunset", "sunrise"]), st.integers(-180, 180), st.integers(0, 100)),
    min_size=2,
    max_size=5,
    unique_by=lambda one: (SUN.sunset if one[0] == "sunset" else SUN.sunrise) + one[1],
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(events)
def test_several_levels_by_the_sun_are_times_of_day_of_one_night(drawn):
    assume(
        max(sum(one[0] == event for one in drawn) for event in ("sunset", "sunrise")) > 1
    )  # else it is every night's
    found = levels(program(astroClockTimeControls=[sun(*one) for one in drawn]))
    at = {(SUN.sunset if event == "sunset" else SUN.sunrise) + offset: level for event, offset, level in drawn}
    for minute in range(1440):
        is_active = SUN.sunset + 10 <= minute < SUN.sunrise - 10
        newest = min(at, key=lambda one: (minute - one) % 1440)  # before the first one, the last of the night before
        assert found[minute] == (at[newest] if is_active else 0), minute


def test_an_operation_is_applied_over_the_level_of_the_fixed_times():
    for operation, wanted in (("Max", (60, 80)), ("Min", (30, 60)), ("Add", (90, 100)), ("Sub", (0, 20))):
        document = program(
            "p",
            control("19:00:00", 30),
            control("23:00:00", 80),
            astroClockTimeControls=[sun("sunset", 0, 60, operation), sun("sunrise", 30, 0)],
        )
        found = levels(document)
        assert (found[8 * 60], found[12 * 60]) == wanted, operation


def test_a_ramp_goes_minute_by_minute_and_ends_at_its_level():
    dimming = control("22:00:00", 40)
    dimming["command"]["rampToLevelTime"] = 600
    found = levels(program("p", control("19:00:00", 100), dimming))
    assert found[599] == 100
    assert found[600:612] == [94, 88, 82, 76, 70, 64, 58, 52, 46, 40, 40, 40]
    quick = control("22:00:00", 40)
    quick["command"]["rampToLevelTime"] = 59.5  # seconds are not looked at
    assert levels(program("p", control("19:00:00", 100), quick))[600] == 40


def test_periods_of_clock_and_sun_stand_together():
    document = {**program(), "activePeriods": [absolute("13:00:00", "14:00:00"), *program()["activePeriods"]]}
    found = levels(document)
    assert [minute for minute in range(1440) if found[minute]] == [*range(60, 120), *range(375, 1055)]


@pytest.fixture
def clock():
    return [T0]


@pytest.fixture
def gateway(town, clock):
    town.write_live([2] * 40)
    with TestClient(create_app(town.city, lambda: clock[0])) as client:
        client.town = town
        yield client


def stored(town):
    with town.engine.connect() as connection:
        return {row.id: row.hours["dim"] for row in connection.execute(select(schedules))}


@SQLITE
def test_another_program_comes_into_force_at_noon_and_controllers_get_it(town, clock):
    weekend = {"type": "ccDay", "days": [{"start": 6, "end": 7}]}
    with TestClient(create_app(town.city, lambda: clock[0])) as client:
        bright = program("bright", control("22:00:00", 100))
        assert send(client, "POST", "/control-programs", [program(), bright]).status_code == 201
        document = calendar(rules=[{"program": "bright", "condition": weekend}])
        assert send(client, "POST", "/calendars", [document]).status_code == 201
        assert assign(client, "every-night", "cabinet.C-2").status_code == 201
    context = Context(town.city, lambda: clock[0])
    follower, weekday = CalendarFollower(context), stored(town)["every-night"]
    for days in range(8):  # 2026-09-21 is a Monday, 21:13 in the city
        clock[0] = T0 + days * DAY_US
        follower = CalendarFollower(context) if days % 2 else follower  # restarted now and then
        follower.run()
        assert (stored(town)["every-night"] == weekday) == (days not in {5, 6}), days
        copy = json.loads((town.city.data_folder / COPY_FILE).read_bytes())
        assert copy["schedules"][0]["hours"]["dim"] == stored(town)["every-night"]
        given = schedules_of(town)["PJU-2"]
        assert [{"at": step.at, "level": step.level} for step in given.dim] == stored(town)["every-night"]
    context.close()


@SQLITE
def test_a_night_goes_from_noon_to_noon_of_the_citys_zone(town, clock):
    context = Context(town.city, lambda: clock[0])
    for hours, evening in ((0, 21), (14.5, 21), (15, 22), (24, 22)):  # from 21:13 on the 21st
        clock[0] = T0 + int(hours * 3_600_000_000)
        night = tonight(context)
        assert night.evening == date(2026, 9, evening)
        assert abs(night.sun.sunset - (6 * 60 + 4)) < 12  # near the equator, about 18:04
    context.close()


@SQLITE
def test_a_calendar_that_has_no_schedule_in_a_night_keeps_the_last_one_and_stops_no_other(town, clock):
    sunny = program("sunny", astroClockTimeControls=[sun("sunset", 0, 60), sun("sunset", 90, 30)])
    with TestClient(create_app(town.city, lambda: clock[0])) as client:
        assert send(client, "POST", "/control-programs", [program(), sunny]).status_code == 201
        assert send(client, "POST", "/calendars", [calendar("a", "sunny"), calendar("b", "sunny")]).status_code == 201
    before = stored(town)
    from ingest.schema.talq_tables import talq_documents  # noqa: PLC0415

    with town.engine.begin() as connection:
        broken = {"id": "a", "ownerCMS": "x", "defaultProgram": "gone"}
        connection.execute(talq_documents.update().where(talq_documents.c.id == "a").values(document=broken))
    clock[0] = T0 + 60 * DAY_US
    context = Context(town.city, lambda: clock[0])
    CalendarFollower(context).run()
    assert stored(town)["a"] == before["a"]
    assert stored(town)["b"] != before["b"], "the sun sets at another minute"
    context.close()
