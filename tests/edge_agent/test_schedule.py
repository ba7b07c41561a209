"""The schedule document's grammar, and levels through nights whose sun times are known from an almanac."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.wire.schedule import BadSchedule, Timetable, parse_schedule, safe_schedule
from edge_agent.wire.sun import sun_event_s

JAKARTA = ZoneInfo("Asia/Jakarta")
PLACE = (-6.2, 106.8167)  # Jakarta: on 2026-11-23 the sun sets at 17:50 and rises on the 24th at 05:25
DOCUMENT = {
    "version": 3,
    "timezone": "Asia/Jakarta",
    "on": "sunset+10m",
    "off": "sunrise-10m",
    "dim": [{"at": "22:00", "level": 70}, {"at": "00:30", "level": 50}, {"at": "04:30", "level": 100}],
}


def at(text: str, zone: ZoneInfo = JAKARTA) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def table(**changes) -> Timetable:
    return Timetable(parse_schedule(json.dumps(DOCUMENT | changes)), *PLACE)


def test_the_sun_agrees_with_the_almanac_within_two_minutes():
    for name, day, known in (
        ("sunset", "2026-11-23", "2026-11-23T17:50"),
        ("sunrise", "2026-11-24", "2026-11-24T05:25"),
        ("sunset", "2026-06-21", "2026-06-21T17:47"),
        ("sunrise", "2026-06-21", "2026-06-21T06:02"),
    ):
        found = 1000 * sun_event_s(name, datetime.fromisoformat(day).date(), *PLACE, "Asia/Jakarta")
        assert abs(found - at(known)) < 120_000, (name, day, datetime.fromtimestamp(found / 1000, JAKARTA))


@pytest.mark.parametrize(
    ("moment", "level"),
    [
        ("2026-11-23T12:00", 0),
        ("2026-11-23T17:55", 0),
        ("2026-11-23T18:05", 100),
        ("2026-11-23T21:59", 100),
        ("2026-11-23T22:00", 70),
        ("2026-11-24T00:29", 70),
        ("2026-11-24T00:30", 50),
        ("2026-11-24T04:30", 100),
        ("2026-11-24T05:10", 100),
        ("2026-11-24T05:20", 0),
    ],
)
def test_a_night_dims_as_written(moment, level):
    assert table().level(at(moment)) == level


def test_fixed_hours_an_evening_only_and_a_step_before_lighting_up():
    evening = table(on="18:00", off="23:00", dim=[{"at": "17:00", "level": 80}, {"at": "21:00", "level": 40}])
    levels = [evening.level(at(f"2026-11-23T{hour}:30")) for hour in (17, 18, 20, 21, 23)]
    assert levels == [0, 80, 80, 40, 0]


def test_a_polar_night_burns_by_the_clock():
    zone = ZoneInfo("Europe/Oslo")
    tromso = Timetable(parse_schedule(json.dumps(DOCUMENT | {"timezone": "Europe/Oslo", "dim": []})), 69.6496, 18.956)
    assert [tromso.level(at(f"2026-12-21T{hour:02}:00", zone)) for hour in (3, 12, 20)] == [100, 0, 100]


def test_daylight_saving_shifts_no_step():
    berlin = Timetable(
        parse_schedule(json.dumps(DOCUMENT | {"timezone": "Europe/Berlin", "on": "18:00", "off": "06:00"})), 52.5, 13.4
    )
    zone = ZoneInfo("Europe/Berlin")
    for night in ("2026-03-29", "2026-10-25"):
        assert berlin.level(at(f"{night}T00:29", zone)) == 70
        assert berlin.level(at(f"{night}T00:31", zone)) == 50
        assert berlin.level(at(f"{night}T05:59", zone)) == 100
        assert berlin.level(at(f"{night}T06:01", zone)) == 0


@given(minutes=st.integers(0, 366 * 24 * 60 * 3))
def test_at_any_minute_of_three_years_the_safe_schedule_lights_the_night(minutes):
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    level = Timetable(safe_schedule("Asia/Jakarta"), *PLACE).level(int(moment.timestamp() * 1000))
    local = moment.astimezone(JAKARTA)
    hour = local.hour + local.minute / 60
    if not 5.2 <= hour <= 18.3:
        assert level == 100
    if 6.2 <= hour <= 17.4:
        assert level == 0


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"version": None}, "version"),
        ({"version": True}, "version"),
        ({"version": -1}, "version"),
        ({"timezone": "Asia/Nowhere"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": 7}, "timezone"),
        ({"on": "dusk"}, "on"),
        ({"on": "sunset+9999m"}, "on"),
        ({"off": "24:00"}, "off"),
        ({"off": None}, "off"),
        ({"dim": {}}, "dim"),
        ({"dim": [{"at": "22:00"}]}, "dim.level"),
        ({"dim": [{"at": "22:00", "level": 101}]}, "dim.level"),
        ({"dim": [{"at": "22:00", "level": 50.0}]}, "dim.level"),
        ({"dim": [{"at": "9:00", "level": 50}]}, "dim.at"),
        ({"dim": [7]}, "dim.at"),
        ({"dim": [{"at": "22:00", "level": 50}] * 1000}, "dim"),
    ],
)
def test_a_bad_document_is_refused_with_its_key(changes, key):
    with pytest.raises(BadSchedule, match=rf"^{key}:"):
        parse_schedule(json.dumps(DOCUMENT | changes))


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "7", '"sunset"', "[" * 100_000, '{"version": 1e999}'])
def test_what_is_no_document_is_refused(text):
    with pytest.raises(BadSchedule):
        parse_schedule(text)
