"""The agent switches by a schedule and the server judges by it: at any second both say the same level."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent.wire.schedule import Timetable, parse_schedule
from firmware_sim.fleet.schedule import SimulatedTimetable
from firmware_sim.fleet.schedule import parse_schedule as parse_simulated
from ingest.lighting.timetable import CabinetTimetable
from ingest.schema.sections import ScheduleSection

ZONES = (
    "Asia/Jakarta", "Asia/Jayapura", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC",
    "Africa/Casablanca", "Europe/Oslo", "Pacific/Chatham",
)  # fmt: skip  # a table
START_S, END_S = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2020, 2038))

clock_times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
sun_times = st.builds(
    "{}{}".format, st.sampled_from(["sunset", "sunrise"]), st.sampled_from(["", "+10m", "-10m", "+999m"])
)
dims = st.lists(st.fixed_dictionaries({"at": clock_times, "level": st.integers(0, 100)}), max_size=5)
places = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def said(document: dict, place: tuple[float, float], at_s: int) -> tuple[int, int, int, int]:
    """Level by the agent; level, beginning and end of the step by the server."""
    agent = Timetable(parse_schedule(json.dumps(document)), *place)
    section = ScheduleSection(on=document["on"], off=document["off"], dim=tuple(document["dim"]))
    latitude, longitude = (np.array([degrees]) for degrees in place)
    server = CabinetTimetable(section, document["timezone"], latitude, longitude)
    level, since_us, until_us = server.look(np.array([0]), np.array([at_s * 1_000_000]))
    return agent.level(at_s * 1000 + 999), int(level[0]), int(since_us[0]), int(until_us[0])


@settings(max_examples=400, deadline=None)
@given(
    at_s=st.integers(START_S, END_S),
    place=places,
    timezone=st.sampled_from(ZONES),
    on=clock_times | sun_times,
    off=clock_times | sun_times,
    dim=dims,
)
@example(at_s=1_795_435_200, place=(-6.2, 106.8), timezone="Asia/Jakarta", on="sunset", off="23:00", dim=[])
@example(at_s=1_797_800_000, place=(69.65, 18.96), timezone="Europe/Oslo", on="sunset", off="sunrise", dim=[])
@example(at_s=1_696_439_668, place=(66.0, 3.0), timezone="Asia/Jakarta", on="sunset+10m", off="00:00", dim=[])
def test_agent_and_server_say_the_same_level(at_s, place, timezone, on, off, dim) -> None:
    document = {"version": 1, "timezone": timezone, "on": on, "off": off, "dim": dim}
    by_agent, by_server, since_us, until_us = said(document, place, at_s)
    assert by_agent == by_server
    assert since_us <= at_s * 1_000_000 < until_us
    # to the second: the agent's level holds from the step's first second to its last, and not one longer
    agent = Timetable(parse_schedule(json.dumps(document)), *place)
    for moment_s in (since_us // 1_000_000, until_us // 1_000_000 - 1):
        assert agent.level(moment_s * 1000) == by_agent
    again = said(document, place, until_us // 1_000_000)
    assert again[0] == again[1]
    is_asked_again = again[0] == by_agent == 0 and again[2] == since_us  # no night begins within two days
    assert again[2] == until_us or is_asked_again, "steps follow each other without a gap"


def test_lamps_that_go_off_in_the_evening_are_off_for_the_server_too() -> None:
    document = {"version": 1, "timezone": "Asia/Jakarta", "on": "18:00", "off": "23:00", "dim": []}
    noon_s = int(datetime(2026, 11, 24, 5, 0, tzinfo=UTC).timestamp())
    assert said(document, (-6.2, 106.8), noon_s)[:2] == (0, 0)


@settings(max_examples=150, deadline=None)
@given(
    at_s=st.integers(START_S, END_S),
    latitude=st.floats(-55, 55),
    longitude=st.floats(-20, 20),
    dim=st.lists(
        st.fixed_dictionaries(
            {"at": st.sampled_from(["21:30", "23:00", "01:00", "03:30"]), "level": st.integers(1, 100)}
        ),
        max_size=3,
        unique_by=lambda step: step["at"],
    ),
)
def test_the_simulators_own_reading_agrees_within_the_rounding_of_places(at_s, latitude, longitude, dim) -> None:
    document = {"version": 1, "timezone": "UTC", "on": "sunset+10m", "off": "sunrise-10m", "dim": dim}
    oracle = SimulatedTimetable(parse_simulated(document, "UTC"), latitude, longitude)
    agent = Timetable(parse_schedule(json.dumps(document)), latitude, longitude)
    around = [oracle.level((at_s + shift) * 1_000_000) for shift in (-10, 0, 10)]
    assert agent.level(at_s * 1000) in around
