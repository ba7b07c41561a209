"""Scenario files: times in every spelling, errors with file and line, the truth log."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from firmware_sim.fleet.town import read_town
from firmware_sim.fleet.world import World
from firmware_sim.injections import Injections, Step
from firmware_sim.scenario import ScenarioError, read_scenario
from firmware_sim.truth import write_truth
from tests.firmware_sim.injection_city import write_city

BEGIN_US = int(datetime(2026, 11, 23, 11, 0, tzinfo=UTC).timestamp() * 1e6)  # 18:00 in Jakarta
MINUTE_US = 60_000_000


@pytest.fixture
def world(tmp_path):
    return World(read_town(write_city(tmp_path)), np.random.default_rng(3), BEGIN_US)


def read(tmp_path, world, text):
    path = tmp_path / "night.toml"
    path.write_text(text, encoding="utf-8")
    return read_scenario(path, world, BEGIN_US)


@pytest.mark.parametrize(
    ("when", "start_min", "end_min"),
    [
        ("", 0, None),
        ('start = "40m"\nduration = "8m"', 40, 48),
        ('start = "21:15"\nduration = "2h"', 195, 315),
        ('start = "21:15"\nend = "05:00"', 195, 660),
        ('start = "1d 19:00"', 1500, None),
        ("start = 2026-11-23T12:00:00Z\nend = 2026-11-23T20:00:00", 60, 120),
    ],
)
def test_times_relative_local_and_absolute(tmp_path, world, when, start_min, end_min):
    (step,) = read(tmp_path, world, f'[[fault]]\ncode = "cabinetDoorOpen"\nplace = "C-1"\n{when}\n')
    assert step.start_us == BEGIN_US + start_min * MINUTE_US
    assert step.end_us == (None if end_min is None else BEGIN_US + end_min * MINUTE_US)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('[[fault]]\ncode = "lampFailur"\nplace = "L-113"\n', 2, "unknown code"),
        ('[[fault]]\ncode = "lampFailure"\n\nplace = "L-999"\n', 4, "no lamp named 'L-999'"),
        ('[[fault]]\ncode = "lampFailure"\n', 1, "place is missing"),
        ('[[fault]]\ncode = "lampFailure"\nplace = "L-113"\nstart = "25:00"\n', 4, "not a time of day"),
        ('[[fault]]\ncode = "lampFailure"\nplace = "L-113"\nstart = "soon"\n', 4, "no time such as"),
        ('[[fault]]\ncode = "lampFailure"\nplace = "L-113"\nduration = 5\n', 4, "no duration"),
        (
            '[[fault]]\ncode = "lampFailure"\nplace = "L-113"\nend = "5m"\nduration = "5m"\n',
            5,
            "either end or duration",
        ),
        ('[[fault]]\ncode = "lampFailure"\nplace = "L-113"\nstart = "9m"\nend = "5m"\n', 5, "before it starts"),
        ('[[fault]]\ncode = "lampFailure"\nplace = "L-113"\ncause = "rust"\n', 4, "one of 'dead'"),
        ('[[fault]]\ncode = "lampUnexpectedOn"\nplace = "L-113"\n', 3, "dead by day"),
        (
            '[[fault]]\ncode = "cabinetDoorOpen"\nplace = "C-1"\n\n[[fault]]\ncode = "supplyLoss"\nplace = "C-9"\n',
            7,
            "named 'C-9'",
        ),
        ('[[fault]]\ncode = "lampFailure"\nplace = "L-113"\nduration = "0s"\n', 4, "ends as it starts"),
        ('[[fault]]\ncode = "lampFailure"\nplace = "L-113"\nduration = "-5m"\n', 4, "no duration"),
        ('[[fault]]\ncode = "lampFailure"\nplace = "L-113"\nsart = "5m"\n', 4, "unknown parameter 'sart'"),
        ('[[fault]]\ncode = "wrongClock"\nplace = "PJU-1"\nsays_so = [1]\n', 4, "neither true nor false"),
        (
            '[[fault]]\ncode = "cableFailure"\nplace = "L-114"\n[[fault]]\ncode = "cableFailure"\nplace = "L-116"\n',
            4,
            "this is wrong with it already",
        ),
        ('[[fault]]\ncode = "lampFailure"\nplace = "L-113"\n[weather]\nrain = true\n', 4, "only [[fault]]"),
    ],
)
def test_a_wrong_entry_is_reported_with_file_and_line_and_nothing_starts(tmp_path, world, text, line, reason):
    with pytest.raises(ScenarioError) as refusal:
        read(tmp_path, world, text)
    assert f"night.toml:{line}: " in str(refusal.value)
    assert reason in str(refusal.value)
    assert not world.condition.flags.any()


def test_broken_toml_and_missing_files_are_one_line(tmp_path, world):
    with pytest.raises(ScenarioError, match=r"night\.toml"):
        read(tmp_path, world, "[[fault]\n")
    with pytest.raises(ScenarioError, match=r"absent\.toml"):
        read_scenario(tmp_path / "absent.toml", world, BEGIN_US)
    with pytest.raises(ScenarioError, match="no \\[\\[fault\\]\\]"):
        read(tmp_path, world, "")


def test_the_stage_breaks_and_mends_on_time_and_knows_when_it_showed(tmp_path, world):
    """A lamp that dies at 19:30 shows from then on; one that dies by day shows only when it should burn."""
    steps = [
        Step("lampFailure", "L-113", BEGIN_US + 90 * MINUTE_US, BEGIN_US + 120 * MINUTE_US),
        Step("lampFailure", "L-114", BEGIN_US, BEGIN_US + 60 * MINUTE_US),
        Step("cableFailure", "L-124", BEGIN_US + 90 * MINUTE_US, None),
        Step("lostReplies", "PJU-1", BEGIN_US, None, {"share": 0.1}),
    ]
    injections = Injections(world, steps)
    on_us = None
    for minute in range(130):
        at_us = BEGIN_US + minute * MINUTE_US
        injections.turn(at_us)
        moment = world.advance(at_us)
        injections.look(moment, np.ones(3, np.bool_))
        if on_us is None and moment.sample.is_lit.any():
            on_us = at_us
    by_place = {truth.place: truth for truth in injections.truths}
    assert by_place["L-113"].observable_from_us == steps[0].start_us
    assert by_place["L-113"].longest_s == 29 * 60
    assert by_place["L-114"].observable_from_us == on_us
    assert by_place["L-124"].span == ("L-123", "L-124")
    assert by_place["PJU-1"].observable_from_us is None
    write_truth(tmp_path / "truth.jsonl", injections.truths)
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["code"] for line in lines] == ["lampFailure", "lostReplies", "lampFailure", "cableFailure"]
    assert lines[3]["span"] == ["L-123", "L-124"]
    assert lines[2]["end"] == "2026-11-23T13:00:00+00:00"


@pytest.mark.parametrize(
    ("begin_min", "stuck", "shown_min"),
    [(120, 100, 240), (120, 70, 240), (120, 50, None), (300, 100, None), (300, 50, None)],
)
def test_a_stuck_driver_shows_from_the_first_step_on_that_it_does_not_follow(world, begin_min, stuck, shown_min):
    """Dimmed to 50 % at 22:00 (minute 240); before a step it draws what a lamp with dead modules may draw."""
    step = Step("dimmingFailure", "L-214", BEGIN_US + begin_min * MINUTE_US, None, {"level": stuck})
    stage = Injections(world, [step])
    for minute in range(100, 600, 5):
        at_us = BEGIN_US + minute * MINUTE_US
        stage.turn(at_us)
        stage.look(world.advance(at_us), np.ones(3, np.bool_))
    (truth,) = stage.truths
    assert truth.observable_from_us == (None if shown_min is None else BEGIN_US + shown_min * MINUTE_US)


def test_what_no_sweep_brings_to_the_host_is_not_observable(world):
    injections = Injections(world, [Step("cabinetDoorOpen", "C-1", BEGIN_US, None)])
    injections.turn(BEGIN_US)
    injections.look(world.advance(BEGIN_US), np.array([False, True, True]))
    assert injections.truths[0].observable_from_us is None


def test_what_ends_before_the_next_begins_at_the_same_place_is_no_overlap(tmp_path, world):
    entry = '[[fault]]\ncode = "cableFailure"\nplace = "L-114"\nstart = "{}m"\nduration = "10m"\n'
    steps = read(tmp_path, world, entry.format(20) + entry.format(10))
    injections = Injections(world, steps)
    injections.turn(BEGIN_US + 60 * MINUTE_US)
    assert injections.refused == []
    assert [truth.end_us - truth.start_us for truth in injections.truths] == [10 * MINUTE_US] * 2


def test_what_a_hand_breaks_and_mends_stands_in_the_truth_too(tmp_path, world):
    injections = Injections(world, [Step("cabinetDoorOpen", "C-1", BEGIN_US, BEGIN_US + 60 * MINUTE_US)])
    injections.turn(BEGIN_US)
    injections.inject("lampFailure", "L-113", {"cause": "fuse"}, BEGIN_US + MINUTE_US)
    injections.inject("supplyDip", "C-2", {}, BEGIN_US + MINUTE_US)
    assert [injected.code for injected in injections.held] == ["cabinetDoorOpen", "lampFailure"]
    injections.repair(None, "L-113", BEGIN_US + 3 * MINUTE_US)
    injections.repair(None, "C-1", BEGIN_US + 4 * MINUTE_US)  # a scenario's own cause can be mended early
    injections.turn(BEGIN_US + 70 * MINUTE_US)
    write_truth(tmp_path / "truth.jsonl", injections.truths)
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    minutes = {line["code"]: (line["start"][14:16], line["end"][14:16], line["span"]) for line in lines}
    assert minutes == {
        "cabinetDoorOpen": ("00", "04", None),
        "lampFailure": ("01", "03", None),
        "supplyDip": ("01", "01", None),
    }
