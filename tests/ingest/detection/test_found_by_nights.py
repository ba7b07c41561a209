"""What random nights found, one case each: the fast path passed over what all rules on all readings see."""

import numpy as np
import pytest

from benchmarks.small_town import Town, city_of
from ingest.detection.engine import Detection
from tests.ingest.detection.exact_path import ExactDetection, differences
from tests.ingest.detection.test_fast_path import play


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


def test_an_infinite_current_is_seen():
    town = Town(dims=())

    def spoil(columns):
        columns["current_a"][town.fleet.lamp_index[town.ids[3]]] = np.inf

    compared(town, 45, at(40, lambda: setattr(town, "quirk", spoil)))


NIGHTS = {
    "a command that nobody tells is looked at once more after a gap": (11, 25),
    "the power before a step is that of the sample before": (20, 20),
    "a lamp that was not shown lit is judged until it is": (14, 70),
    "a level told beside a lost reply is judged at the next good one": (15, 230),
    "no stable region is made from a sample at a voltage out of limits": (66, 162),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", NIGHTS)
def test_a_night_that_was_told_or_remembered_otherwise(what):
    seed, sweeps = NIGHTS[what]
    play(seed, sweeps)
