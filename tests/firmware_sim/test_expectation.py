"""When an injected fault will be reported: by schedule, guard and confirm time, or why it is not."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from firmware_sim.expectation import Forecast, guard_of
from firmware_sim.expectation_words import when_lines
from firmware_sim.fleet.town import read_town
from firmware_sim.fleet.world import World
from firmware_sim.injection import CONFOUNDERS, FAULTS, InjectionError, foresee
from firmware_sim.injector import Injector
from languages.catalogue import load_catalogue
from tests.firmware_sim.injection_city import write_city
from tests.firmware_sim.test_injection import PLACES

NIGHT_US = int(datetime(2026, 11, 23, 13, 0, tzinfo=UTC).timestamp() * 1e6)  # 20:00 in Jakarta; dimmed from 22:00 on
NOON_US = int(datetime(2026, 11, 23, 5, 0, tzinfo=UTC).timestamp() * 1e6)
SECOND_US = 1_000_000


@pytest.fixture(params=[NIGHT_US, NOON_US], ids=["night", "noon"])
def stage(request, tmp_path):
    world = World(read_town(write_city(tmp_path)), np.random.default_rng(3), request.param)
    world.advance(request.param)
    return world, request.param


def expect(world, now_us, code, place, guard_s=600.0, **params):
    return Forecast(world, 3.0, guard_s).expect(foresee(world, code, place, **params), now_us)


def wait_s(expectation, now_us):
    return (expectation.at_us - now_us) / 1e6


@pytest.mark.parametrize("code", FAULTS)
def test_every_fault_has_a_time_or_a_reason_in_both_languages(stage, code):
    world, now_us = stage
    injector = Injector(world, forecast=Forecast(world, 3.0, 30.0))
    place = PLACES.get(code, "L-214")
    answer = injector.handle({"do": "inject", "code": code, "place": place})["injected"]
    for language in ("en", "id"):
        lines = when_lines(answer, "Asia/Jakarta", load_catalogue(language))
        assert lines
        assert not any("inject." in line for line in lines), "an id without words"
    assert (answer["told_at_us"] is None) or answer["told_at_us"] >= now_us
    (held,) = injector.handle({"do": "list"})["held"]
    assert held["told_at_us"] == answer["told_at_us"]


@pytest.mark.parametrize("code", CONFOUNDERS)
def test_of_a_confounder_nothing_is_reported(stage, code):
    world, now_us = stage
    places = ("C-1", "C-1/1", "L-214", "PJU-1")
    for place in places:
        try:
            injected = foresee(world, code, place)
        except InjectionError:
            continue
        assert Forecast(world, 3.0, 30.0).expect(injected, now_us).reason == "no_fault"


@pytest.mark.parametrize(
    ("code", "place", "after_s"),
    [("networkGone", "PJU-1", 300), ("agentRestart", "PJU-1", 300), ("brownOut", "C-1", 600)],
)
def test_a_confounder_that_would_be_reported_if_it_lasted_says_when(stage, code, place, after_s):
    world, now_us = stage
    expected = expect(world, now_us, code, place, guard_s=30.0)
    assert expected.reason == "no_fault"
    if now_us == NOON_US and code == "brownOut":  # no meter sees it behind an open contactor
        assert wait_s(expected, now_us) > 5.5 * 3600
    else:
        assert after_s <= wait_s(expected, now_us) <= after_s + 60
    answer = Injector(world, forecast=Forecast(world, 3.0, 30.0)).handle({"do": "inject", "code": code, "place": place})
    for language in ("en", "id"):
        (line, *_) = when_lines(answer["injected"], "Asia/Jakarta", load_catalogue(language))
        assert "inject." not in line
        assert "if" in line or "jika" in line


def test_a_dark_lamp_is_reported_within_seconds_by_night_and_after_dusk_by_day(tmp_path):
    world = World(read_town(write_city(tmp_path)), np.random.default_rng(3), NIGHT_US)
    assert wait_s(expect(world, NIGHT_US, "lampFailure", "L-214"), NIGHT_US) <= 30
    by_day = expect(world, NOON_US, "lampFailure", "L-214", guard_s=600.0)
    assert by_day.reason == "dusk"
    assert 5.5 * 3600 < wait_s(by_day, NOON_US) < 6.5 * 3600


def test_the_guard_after_a_switching_is_waited_for(tmp_path):
    world = World(read_town(write_city(tmp_path)), np.random.default_rng(3), NIGHT_US)
    just_dimmed_us = NIGHT_US + 2 * 3600 * SECOND_US + 60 * SECOND_US
    waits = [
        wait_s(expect(world, just_dimmed_us, "lampFailure", "L-214", guard_s=guard), just_dimmed_us)
        for guard in (30, 600)
    ]
    assert waits[0] <= 30
    assert 500 <= waits[1] <= 600


def test_a_stuck_driver_is_reported_at_the_next_dim_step(tmp_path):
    world = World(read_town(write_city(tmp_path)), np.random.default_rng(3), NIGHT_US)
    expected = expect(world, NIGHT_US, "dimmingFailure", "L-214", guard_s=30.0)
    assert expected.reason == "dim_step"
    assert 7200 < wait_s(expected, NIGHT_US) < 7320


@pytest.mark.parametrize(
    ("code", "place", "at_least_s"),
    [
        ("unmeteredLoad", "C-1", 1800),
        ("cyclingFailure", "L-214", 1600),
        ("contactorFailure", "C-1", 900),
        ("lampPowerTooLow", "L-214", 600),
    ],
)
def test_slow_faults_say_so_and_a_quicker_one_is_named(tmp_path, code, place, at_least_s):
    world = World(read_town(write_city(tmp_path)), np.random.default_rng(3), NIGHT_US)
    world.advance(NIGHT_US)
    answer = Injector(world, forecast=Forecast(world, 3.0, 30.0)).handle({"do": "inject", "code": code, "place": place})
    expected = answer["injected"]
    assert expected["told_at_us"] - NIGHT_US >= at_least_s * SECOND_US
    assert expected["quicker_at_us"] - NIGHT_US <= 300 * SECOND_US
    assert foresee(world, expected["quicker"], place).is_fault


def test_temperatures_are_read_seldom(tmp_path):
    world = World(read_town(write_city(tmp_path)), np.random.default_rng(3), NIGHT_US)
    world.advance(NIGHT_US)
    injected = foresee(world, "highTemperature", "L-214", rise_c=90.0)
    expected = Forecast(world, 3.0, 30.0, slow_s=60.0).expect(injected, NIGHT_US)
    assert 300 <= wait_s(expected, NIGHT_US) <= 330


def test_a_lamp_without_a_meter_has_no_time(tmp_path):
    world = World(read_town(write_city(tmp_path)), np.random.default_rng(3), NIGHT_US)
    assert expect(world, NIGHT_US, "lampFailure", "L-311").reason == "no_meter"
    assert expect(world, NIGHT_US, "circuitFailure", "C-3/1").reason == "few_meters"


@pytest.mark.parametrize(("text", "seconds"), [('"30s"', 30), ('"10m"', 600), ("45", 45), ('"?"', 600)])
def test_the_guard_is_the_citys(tmp_path, text, seconds):
    (tmp_path / "city.toml").write_text(f"[limits]\nswitching_guard = {text}\n")
    assert guard_of(tmp_path) == seconds
    assert guard_of(tmp_path / "nowhere") == 600
