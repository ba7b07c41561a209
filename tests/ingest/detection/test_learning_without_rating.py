"""A lamp whose register entry names no power: it is learned from nights in which it burned, never from dark ones."""

import numpy as np
import pytest

from benchmarks.small_town import city_of
from ingest.detection.engine import Detection
from tests.ingest.detection.mixed_street import Circuit, Street

UNRATED = 3
NIGHT_MIN, DAY_MIN = 600, 840


def unrated_street():
    street = Street((Circuit(8, technology="MV", watt=125.0),), switching="lamp", interval_s=300)
    street.fleet.rated_power_w[street.fleet_of[UNRATED]] = np.nan
    street.detection = Detection(street.fleet, city_of({}, ()), start_us=street.start_us)
    return street


def play_night(street, dark_after_min=None):
    street.level = 100
    before = NIGHT_MIN if dark_after_min is None else dark_after_min
    street.play(before)
    if dark_after_min is not None:
        street.factor[UNRATED] = 0.03
        street.play(NIGHT_MIN - before)
    street.level = 0
    street.play(DAY_MIN)


@pytest.mark.parametrize("dark_after_min", [0, 120, 470])
def test_a_lamp_without_rating_that_dies_in_its_second_night_is_told_dark(dark_after_min):
    street = unrated_street()
    play_night(street)
    play_night(street, dark_after_min)
    play_night(street)
    assert street.ever() == set()  # until then only rules that need no rating
    play_night(street)
    assert {(key.code, key.place.lamp_id) for key in street.standing()} == {("lampFailure", street.ids[UNRATED])}
    learned_w = street.detection._state.baseline_w[street.fleet_of[UNRATED]]
    assert learned_w == pytest.approx(street.true_w[UNRATED], rel=0.05)


def test_a_lamp_without_rating_that_never_burned_is_not_learned():
    street = unrated_street()
    street.factor[UNRATED] = 0.03
    for _ in range(4):
        play_night(street)
    assert np.isnan(street.detection._state.baseline_w[street.fleet_of[UNRATED]])
    street.factor[UNRATED] = 1.0
    for _ in range(4):
        play_night(street)
    assert street.ever() == set()
    learned_w = street.detection._state.baseline_w[street.fleet_of[UNRATED]]
    assert learned_w == pytest.approx(street.true_w[UNRATED], rel=0.05)
