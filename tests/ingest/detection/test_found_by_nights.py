"""What random nights found, one case each: the fast path passed over what all rules on all readings see."""

import numpy as np
import pytest

from benchmarks.small_town import Town, city_of
from ingest.detection.engine import Detection
from tests.ingest.detection.exact_path import ExactDetection, differences


def compared(town, minutes, act):
    """Play some minutes both ways; ``act(minute)`` before each sweep."""
    pair = [kind(town.fleet, city_of(dims=town.dims), start_us=town.now_us) for kind in (Detection, ExactDetection)]
    for minute in range(minutes):
        act(minute)
        town.now_us += town.interval_s * 1_000_000
        batch = town.sweep()
        told = [detection.judge(batch, town.now_us) for detection in pair]
        assert told[0] == told[1]
        assert differences(*pair) == [], minute


def at(minute, action):
    return lambda now: action() if now == minute else None


def test_a_temperature_that_is_told_late_is_known():
    town = Town(dims=())
    town.temperature[:] = np.nan
    compared(town, 45, at(40, lambda: town.temperature.__setitem__(3, 45.0)))


@pytest.mark.parametrize("current", [np.inf, 1e38])
def test_an_infinite_current_is_seen(current):
    town = Town(dims=())

    def spoil(columns):
        columns["current_a"][town.fleet.lamp_index[town.ids[3]]] = current

    compared(town, 45, at(40, lambda: setattr(town, "quirk", spoil)))


def test_an_impossible_power_factor_is_seen_while_off():
    town = Town(dims=(), switching="lamp", start_us=Town.start_us - 11 * 3_600_000_000)
    town.level = 0
    town.power_factor[:] = 0.0
    compared(town, 45, at(30, lambda: town.power_factor.__setitem__(3, -1.2)))


def test_a_level_told_beside_a_lost_reply_is_judged_at_the_next_good_one():
    town = Town(dims=(), switching="lamp")

    def act(minute):
        town.level = 0 if minute < 30 else 100
        town.is_silent[3] = minute == 30

    compared(town, 40, act)


def test_a_lamp_that_is_lit_again_while_the_voltage_is_out_of_limits_counts_as_lit():
    town = Town(dims=(), technology="HPS", is_dimmable=False)

    def act(minute):
        town.factor[3] = 0.004 if 40 <= minute < 43 else 1.0
        town.voltage = 204.0 if 42 <= minute < 46 else 225.0

    compared(town, 60, act)


def test_a_lamp_with_an_open_fault_is_judged_when_the_voltage_is_back_within_limits():
    town = Town(dims=())

    def act(minute):
        town.voltage = 243.0 if 30 <= minute < 45 else 225.0
        town.status[3] = 2
        town.level = 0 if 20 <= minute < 30 else 100

    compared(town, 55, act)


def test_a_command_that_nobody_tells_is_looked_at_once_after_a_gap():
    town = Town(dims=(), switching="lamp", has_contacts=False)

    def act(minute):
        town.tell_level = minute < 40
        if minute == 45:
            town.now_us += 3 * 3_600_000_000

    compared(town, 60, act)
