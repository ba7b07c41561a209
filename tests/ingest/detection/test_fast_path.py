"""The fast path tells and remembers what every rule on every reading would: random nights, judged both ways.

``make soak`` plays hundreds of them.
"""

import os

import numpy as np
import pytest

from benchmarks.small_town import city_of
from ingest.detection.engine import Detection
from ingest.detection.rules import DETECTORS
from tests.ingest.detection.exact_path import ExactDetection, differences
from tests.ingest.detection.random_nights import Night

IS_SOAK = bool(os.environ.get("TERANG_SOAK"))
SEEDS = range(200 if IS_SOAK else 4)
SWEEPS = 700 if IS_SOAK else 260


def same_for(detections, night, act):
    changes = [act(detection) for detection in detections]
    assert changes[0] == changes[1], f"seed {night.seed}, at {night.town.now_us}"
    return changes[0]


def play(seed, sweeps, rules=DETECTORS, exact_rules=None):
    """Play a night both ways and compare after each sweep; returns what was told."""
    night = Night(seed)
    town = night.town
    city = city_of(town.limits, town.dims)
    fast = Detection(town.fleet, city, start_us=town.now_us, rules=rules)
    exact = ExactDetection(town.fleet, city, start_us=town.now_us, rules=exact_rules or rules)
    told = []
    for sweep in range(sweeps):
        batch, now_us = night.step()
        for mark in night.marks:
            raised = [change.key for change in told if not hasattr(change, "is_proof")]
            if mark == 0 and raised:
                for detection in (fast, exact):
                    detection.mark_repaired(raised[-1])
            elif mark == 1:
                window = [("C-0", None, None, now_us, now_us + 600_000_000)]
                for detection in (fast, exact):
                    detection.set_maintenance(window)
            elif mark == 2:
                fast, exact = restarted(fast, now_us), restarted(exact, now_us)
        night.marks.clear()
        with np.errstate(all="ignore"):
            told += same_for((fast, exact), night, lambda d: d.judge(batch, now_us))  # noqa: B023
            told += same_for((fast, exact), night, lambda d: d.tick(now_us))  # noqa: B023
        assert differences(fast, exact) == [], f"seed {seed}, sweep {sweep}"
    return told


def restarted(detection, now_us):
    again = type(detection)(detection._fleet, detection._city, start_us=now_us, rules=list(detection._rule_set))
    assert again.restore(detection.snapshot()) == []
    again.listen(None)
    return again


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_night_is_told_and_remembered_the_same(seed):
    play(seed, SWEEPS)
