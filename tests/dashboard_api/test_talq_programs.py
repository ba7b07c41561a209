"""Control programs and calendars of TALQ as schedules: the same level at every minute, or a refusal by name."""

from __future__ import annotations

import copy
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.talq.calendars import Night, hours_of_calendars
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.night_levels import Sun
from dashboard_api.neighbours.talq.programs import hours_of_program
from edge_agent.wire.schedule import night_steps, step_at
from edge_agent.wire.sun import sun_event_s
from ingest.schema.sections import ScheduleSection
from tests.dashboard_api.talq_plans import absolute, calendar, control, program, sun

PLACE = (0.79, 102.0)
ZONE = "Asia/Jakarta"
DAY = date(2026, 11, 24)


def level_at(hours, moment, zone="UTC"):
    """Level by the rules that the agent switches by."""
    today = moment.astimezone(ZoneInfo(zone)).date()
    return step_at(lambda evening: night_steps(hours, evening, *PLACE, zone), today, int(moment.timestamp())).level


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
    for minute in (*asked, start, end, *(time for time, _level in controls)):
        found = level_at(hours, datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(minutes=minute))
        assert found == level_by_talq(start, end, controls, minute), minute
    assert document == before


@st.composite
def many_periods(draw):
    """Any periods of a day and any controls; an empty list of periods is the whole day."""
    times = sorted(draw(st.sets(minutes, min_size=1, max_size=6)))
    spans = draw(st.lists(st.tuples(minutes, minutes), max_size=4))
    return spans, [(time, draw(st.sampled_from([0, 0, 30, 100]))) for time in times]


def is_active(spans, minute):
    return not spans or any((minute - start) % 1440 < ((end - start) % 1440 or 1440) for start, end in spans)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(many_periods(), st.lists(minutes, min_size=5, max_size=5))
def test_several_periods_or_none_are_one_night_unless_lamps_burn_at_noon(drawn, asked):
    spans, controls = drawn
    document = program("p", *(control(clock(time), level) for time, level in controls))
    document["activePeriods"] = [absolute(clock(start), clock(end)) for start, end in spans]

    def wanted(minute):
        return level_by_full_day(controls, minute) if is_active(spans, minute) else 0

    try:
        hours = ScheduleSection.model_validate(hours_of_program(document))
    except RefusedError:
        assert wanted(719) or wanted(720), "only a night with light at noon cannot be expressed"
        return
    edges = {
        (time + more) % 1440 for time in (*sum(spans, ()), *(at for at, _level in controls)) for more in (-1, 0, 1)
    }
    for minute in {*asked, *edges, 0, 719, 720, 1439}:
        found = level_at(hours, datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(minutes=minute))
        assert found == wanted(minute), minute


def level_by_full_day(controls, minute):
    return min(controls, key=lambda one: (minute - one[0]) % 1440)[1]


@pytest.mark.parametrize("sunset", [-180, -20, 0, 25, 180])
@pytest.mark.parametrize("sunrise", [-180, 0, 30])
def test_a_level_that_is_set_by_the_sun_is_that_of_the_whole_night(sunset, sunrise):
    controls = [sun("sunset", sunset, 60), sun("sunrise", sunrise, 0)]
    document = {**program(astroClockTimeControls=controls), "activePeriods": []}
    hours = ScheduleSection.model_validate(hours_of_program(document))
    for days in (0, 90, 180, 270):
        evening = DAY + timedelta(days=days)
        on_s = sun_event_s("sunset", evening, *PLACE, ZONE) + sunset * 60
        off_s = sun_event_s("sunrise", evening + timedelta(days=1), *PLACE, ZONE) + sunrise * 60
        for at_s, level in ((on_s - 60, 0), (on_s + 60, 60), (off_s - 60, 60), (off_s + 60, 0)):
            assert level_at(hours, datetime.fromtimestamp(at_s, UTC), ZONE) == level, (days, at_s)


@pytest.mark.parametrize(
    ("controls", "on", "off", "level"),
    [
        ([sun("sunset", 0, 70)], "sunset+10m", "sunrise-10m", 70),
        ([sun("sunset", 0, 70), sun("sunrise", 0, 100)], "sunset+10m", "sunrise-10m", 70),
        ([sun("sunset", 30, 70), sun("sunrise", -30, 0)], "sunset+30m", "sunrise-30m", 70),
        ([sun("sunrise", 30, 0), sun("sunset", -30, 100)], "sunset+10m", "sunrise-10m", 100),
    ],
)
def test_a_level_by_the_sun_holds_within_the_active_period(controls, on, off, level):
    hours = hours_of_program(program(astroClockTimeControls=controls))
    assert hours == {"on": on, "off": off, "dim": [{"at": "12:00", "level": level}]}


WEEKEND = {"type": "ccDay", "days": [{"start": 6, "end": 7}]}
JULY = {"type": "ccDate", "dates": [{"start": "--07-01", "end": "--07-31"}]}


@pytest.mark.parametrize(
    "rules",
    [
        [{"program": "dimmed", "condition": WEEKEND}],
        [{"program": "same", "condition": WEEKEND}, {"program": "dimmed", "condition": JULY}],
        [{"program": "same", "startDate": "2026-07-01", "endDate": "2026-07-31"}],
        [{"program": "dimmed"}, {"program": "bright", "condition": WEEKEND}],
        [{"program": "dimmed", "startDate": "--01-01", "endDate": "--12-31"}, {"program": "bright"}],
    ],
)
def test_rules_that_come_to_the_same_on_every_day_are_one_schedule(rules):
    programs = {
        "dimmed": program(),
        "same": program("same"),
        "bright": program("bright", control("22:00:00", 100)),
    }
    found = hours_of_calendars({"c": calendar("c", rules=rules)}, programs, Night(DAY))
    assert found == {"c": hours_of_program(program())}


@pytest.mark.parametrize("condition", ["", 5, {}, {"type": "ccWeek"}, []])
def test_a_condition_of_no_kind_is_an_error_of_the_payload(condition):
    document = calendar("c", rules=[{"program": "dimmed", "condition": condition}])
    with pytest.raises(BadRequestError) as caught:
        hours_of_calendars({"c": document}, {"dimmed": program()}, Night(DAY))
    assert not isinstance(caught.value, RefusedError)


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
        ScheduleSection.model_validate(
            hours_of_calendars({"c": calendar()}, {"dimmed": whole}, Night(DAY, Sun(365, 1065)))["c"]
        )


def test_a_refusal_names_the_member():
    with pytest.raises(RefusedError) as caught:
        hours_of_program(program(dynamicControls=[{}]))
    assert caught.value.parameters["where"] == "dynamicControls"
