"""The truth benchmark itself: a small city through the real pipeline, and a scorer that cannot be fooled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from benchmarks.bench_truth import START_US, Job, play_city
from benchmarks.truth.cities import write_city
from benchmarks.truth.report import summary
from benchmarks.truth.score import CODES, Score, wilson
from benchmarks.truth.shown import Shown
from firmware_sim.fleet.town import read_town
from firmware_sim.truth import Truth
from ingest.schema.codes import BY_CODE

MINUTE_US = 60_000_000


@pytest.fixture
def town(tmp_path):
    return read_town(write_city(tmp_path, 3, np.random.default_rng(1)).folder)


def dark_lamp(town, **changes):
    truth = Truth(
        code="lampFailure",
        place=town.lamp_ids[4],
        is_fault=True,
        cabinet_id=town.cabinet_ids[0],
        circuit="1",
        controller_id="PJU-000",
        bus="A",
        phase="",
        span=None,
        lamp_ids=(town.lamp_ids[4],),
        params={},
        start_us=START_US,
        end_us=START_US + 60 * MINUTE_US,
        observable_from_us=START_US + MINUTE_US,
        observable_until_us=START_US + 60 * MINUTE_US,
        longest_s=3540.0,
    )
    return replace(truth, **changes)


def shown(town, **changes):
    at_us = START_US + 3 * MINUTE_US
    stretch = Shown(
        "01", "lampFailure", {"lamp_id": town.lamp_ids[4]}, at_us, (town.lamp_ids[4],), None, {}, shown_us=at_us
    )
    return replace(stretch, **changes)


def settle(town, truths, stretches):
    sweeps_us = [START_US + minute * MINUTE_US for minute in range(90)]
    return Score(town, truths, stretches, sweeps_us, {}, "test").settle()["lampFailure"]


def test_every_code_of_the_catalogue_is_scored():
    assert set(CODES) == set(BY_CODE)


def test_what_is_shown_at_its_place_in_its_time_is_found_with_its_delay(town):
    tally = settle(town, [dark_lamp(town)], [shown(town)])
    assert (tally.n, tally.n_found, tally.n_right, tally.n_false) == (1, 1, 1, 0)
    assert tally.delays == [3]


def test_silence_is_a_miss_and_a_hidden_fault_is_silence(town):
    assert settle(town, [dark_lamp(town)], []).n_found == 0
    hidden = shown(town, shown_us=None, causes=["02"])
    assert settle(town, [dark_lamp(town)], [hidden]).n_found == 0


@pytest.mark.parametrize(
    ("level", "minute", "is_right"), [(100, 58, True), (100, 62, False), (50, 58, False), (70, 58, False)]
)
def test_a_driver_freed_at_the_level_it_was_stuck_at_shows_it_at_the_next_step_alone(town, level, minute, is_right):
    truth = dark_lamp(town, code="dimmingFailure", params={"level": 100})
    since = datetime.fromtimestamp(START_US / 1e6 + minute * 60, UTC).isoformat()
    opened_us = START_US + 70 * MINUTE_US
    told = shown(town, code="dimmingFailure", opened_us=opened_us, evidence={"level": level, "since": since})
    sweeps_us = [START_US + minute * MINUTE_US for minute in range(90)]
    tally = Score(town, [truth], [told], sweeps_us, {}, "test").settle()["dimmingFailure"]
    assert (tally.n_right, tally.n_false) == (is_right, not is_right)


@pytest.mark.parametrize(
    "wrong",
    [
        {"place": {"lamp_id": "L-000-2-01"}},
        {"opened_us": START_US - MINUTE_US},
        {"opened_us": START_US + 70 * MINUTE_US},
    ],
)
def test_another_place_or_time_is_false_and_a_miss(town, wrong):
    tally = settle(town, [dark_lamp(town)], [shown(town, **wrong)])
    assert (tally.n_found, tally.n_false) == (0, 1)


def test_a_fault_that_nobody_could_see_long_enough_is_not_scored_but_not_false_either(town):
    tally = settle(town, [dark_lamp(town, longest_s=300.0)], [shown(town)])
    assert (tally.n, tally.n_right, tally.n_false) == (0, 1, 0)


@pytest.mark.parametrize(
    ("evidence", "minute", "n_false"),
    [
        ({"suspected": "dimming"}, 13, 0),
        ({}, 13, 1),
        ({"suspected": "dimming"}, 50, 1),
        ({"suspected": "dimming"}, -1, 1),
    ],
)
def test_a_stuck_driver_before_a_step_is_right_as_a_suspected_power_fault_but_not_found(
    town, evidence, minute, n_false
):
    step_us, at_us = START_US + 40 * MINUTE_US, START_US + minute * MINUTE_US
    truth = dark_lamp(town, code="dimmingFailure", params={"level": 50}, observable_from_us=step_us, longest_s=1200.0)
    power = shown(town, code="lampPowerTooLow", opened_us=at_us, shown_us=at_us, evidence=evidence)
    tallies = Score(town, [truth], [power], [], {}, "test").settle()
    assert tallies["lampPowerTooLow"].n_false == n_false
    assert (tallies["dimmingFailure"].n, tallies["dimmingFailure"].n_found) == (1, 0)
    told_us = step_us + 15 * MINUTE_US
    stuck = shown(town, code="dimmingFailure", opened_us=told_us, shown_us=told_us)
    assert Score(town, [truth], [power, stuck], [], {}, "test").settle()["dimmingFailure"].n_found == 1


def test_wilsons_interval_holds_against_its_textbook_value():
    """8 of 10 at 95 %: 0.490 to 0.943 (Agresti and Coull, 1998)."""
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.490, abs=1e-3), pytest.approx(0.943, abs=1e-3))
    assert wilson(0, 10)[0] == 0.0


def test_a_small_city_is_judged_truly_from_payload_bytes_to_fault_book():
    outcome = play_city(Job(seed=3, n_cabinets=8, n_quiet=0, n_nights=1))
    assert not outcome.refused
    tallies = outcome.tallies.values()
    n, n_found = sum(tally.n for tally in tallies), sum(tally.n_found for tally in tallies)
    n_right, n_false = sum(tally.n_right for tally in tallies), sum(tally.n_false for tally in tallies)
    assert n > 20
    assert n_found >= 0.95 * n, [tally.missed for tally in tallies]
    assert n_false <= 0.05 * (n_right + n_false), [tally.false for tally in tallies]
    assert set(summary(outcome.tallies, outcome.lamp_nights)["codes"]) == set(BY_CODE)
