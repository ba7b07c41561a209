"""Energy counters that stumble: what physics forbids is no reading, only a lasting fall is a reset, no bill moves."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.energy.counters_to_energy import US_PER_H, energy_by_period
from tests.growth import check_growth

STEP = US_PER_H // 4
MAX_GAP = 3 * STEP
N = 240  # readings: two and a half days


def total(at_us, counter, *, most_w=1950.0, n_hours=80):
    meter = np.zeros(len(at_us), np.int64)
    edges = np.arange(n_hours + 1) * US_PER_H
    counter = np.asarray(counter, float)
    found = energy_by_period(
        meter, np.asarray(at_us), counter, edges, n_meters=1, max_gap_us=MAX_GAP, most_w=np.array([most_w])
    )
    return found.measured_wh.sum(), found.interpolated_wh.sum()


def history(rng, start=None, full_w=900.0):
    """A street's counter: at full power, dimmed, off by day."""
    power = np.array([rng.choice([full_w, full_w, full_w / 2]) if i // 48 % 2 == 0 else 0.0 for i in range(N)])
    begin = rng.randrange(1, 5_000_000) if start is None else start
    used = np.concatenate([[0.0], np.cumsum(power[1:] / 4)])
    return np.arange(N) * STEP, np.floor(begin + used), used[-1]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_dips_and_spikes_change_no_total(seed, n_stumbles):
    rng = random.Random(seed)
    at_us, counter, used = history(rng)
    seen = counter.copy()
    for _ in range(n_stumbles):
        length = rng.randint(1, 3)
        at = rng.randrange(6, N - 6 - length)
        kind = rng.choice(["dip", "zero", "spike", "garbage"])
        stumble = {
            "dip": lambda at=at: counter[at] - rng.randrange(1, max(2, int(counter[at]))),
            "zero": lambda: 0.0,
            "spike": lambda at=at: counter[at] + rng.randrange(50_000, 4_000_000_000),
            "garbage": lambda: float(rng.randrange(2**32)),
        }[kind]()
        seen[at : at + length] = stumble
    measured, interpolated = total(at_us, seen)
    assert measured + interpolated == pytest.approx(used, abs=n_stumbles * 3 * 225 * 0.05 + 1)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["reset", "exchange", "exchange_up", "wrap"]))
def test_a_counter_that_begins_anew_moves_a_bill_by_no_more_than_one_step(seed, kind):
    rng = random.Random(seed)
    at_us, counter, used = history(rng, start=rng.randrange(500_000, 5_000_000))
    at = rng.randrange(20, N - 20)
    seen = counter.copy()
    if kind == "wrap":
        end = rng.choice([10.0**7, 10.0**8, 2.0**32])
        seen = (counter - counter[at] + rng.randrange(0, 200)) % end
    else:
        begin = {"reset": 0.0, "exchange": float(rng.randrange(1000, 400_000)), "exchange_up": counter[at] + 10.0**7}
        seen[at:] = counter[at:] - counter[at] + begin[kind]
    measured, interpolated = total(at_us, seen)
    assert measured + interpolated == pytest.approx(used, abs=225 + 1)
    assert measured <= used + 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_nothing_that_a_meter_says_bills_more_than_its_connection_can_draw(seed):
    rng = random.Random(seed)
    counter = np.array([float(rng.randrange(2 ** rng.randint(1, 40))) for _ in range(N)])
    measured, interpolated = total(np.arange(N) * STEP, counter)
    assert measured + interpolated <= 1950.0 * N / 4 * 3 + N * 20 * 3


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.05, 1.0))
def test_a_sound_counter_is_measured_whatever_the_register_says_of_its_supply(seed, share):
    at_us, counter, used = history(random.Random(seed))
    measured, interpolated = total(at_us, counter, most_w=900.0 * share)
    assert (measured, interpolated) == (pytest.approx(used, abs=2), 0)


def test_a_dip_that_climbs_back_slowly_is_no_reset():
    at_us = np.arange(40) * STEP
    counter = 500_000 + 20.0 * np.arange(40)
    seen = counter.copy()
    seen[10:14] -= [300, 220, 140, 60]
    measured, interpolated = total(at_us, seen)
    assert measured + interpolated == pytest.approx(39 * 20)
    assert interpolated == pytest.approx(20), "the step over what was left out is marked"


def test_a_reset_that_is_not_borne_out_yet_counts_nothing():
    at_us = np.arange(6) * STEP
    measured, interpolated = total(at_us, [1000, 1020, 1040, 1060, 1080, 3])
    assert (measured, interpolated) == (80, 0)


def test_work_grows_with_the_meters_not_faster():
    """Ten times the meters, all of them garbage, cost about ten times as much."""
    rng = np.random.default_rng(1)

    def run(n_meters):
        meter = np.repeat(np.arange(n_meters), N)
        at_us = np.tile(np.arange(N) * STEP, n_meters)
        counter = rng.integers(0, 2**32, len(meter)).astype(float)
        edges = np.arange(25) * US_PER_H
        most = np.full(n_meters, 1000.0)
        return energy_by_period(meter, at_us, counter, edges, n_meters=n_meters, max_gap_us=MAX_GAP, most_w=most)

    def seconds(n_meters):
        began = time.process_time()
        run(n_meters)
        return time.process_time() - began

    check_growth(lambda: seconds(100), lambda: seconds(1000), factor=30, slack_s=0)
