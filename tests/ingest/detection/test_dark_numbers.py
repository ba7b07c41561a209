"""How many lamps of a metered sum are dark: several sizes, dimmed levels, and lamps that run up after their repair."""

import numpy as np
import pytest

from ingest.detection.cabinet.dark_mix import dark_number
from tests.ingest.detection.mixed_street import Circuit, Street
from tests.ingest.detection.street_sweeps import learned

SIZES_W = (20, 28, 40, 60, 70, 90, 100, 120, 150, 170, 250, 280, 400)


def mixed(rng, n_sizes):
    """Ratings of the lamps of one circuit, and what they really draw."""
    sizes_w = rng.choice(SIZES_W, n_sizes, replace=False).astype(float)
    rated_w = np.repeat(sizes_w, rng.integers(2, 25, n_sizes))
    return rated_w, rated_w * rng.normal(1, 0.04, len(rated_w))


@pytest.mark.parametrize("n_sizes", [2, 3, 5])
def test_the_interval_contains_the_number_of_dark_lamps_of_random_mixes(n_sizes):
    rng = np.random.default_rng(n_sizes)
    is_within, is_near, off = [], [], []
    for _ in range(300):
        rated_w, true_w = mixed(rng, n_sizes)
        n_dark = int(rng.integers(1, len(rated_w) // 3 + 1))
        sigma_w = rng.uniform(0.02, 0.15) * rated_w.min()
        missing_w = rng.permutation(true_w)[:n_dark].sum() + sigma_w * rng.standard_normal()
        found = dark_number(rated_w, missing_w * rated_w.sum() / true_w.sum(), sigma_w)
        assert 1 <= found.least <= found.likely <= found.most <= len(rated_w)
        is_within.append(found.least <= n_dark <= found.most)
        is_near.append(abs(found.likely - n_dark) <= 2 * max(found.doubt, 0.5))
        off.append(found.likely - n_dark)
    assert np.mean(is_within) >= 0.95
    assert np.mean(is_near) >= 0.95
    assert abs(np.mean(off)) < 0.25


def test_equal_lamps_are_counted_to_the_nearest():
    rng = np.random.default_rng(9)
    for _ in range(200):
        n = int(rng.integers(3, 200))
        missing = rng.uniform(0.3, n)
        found = dark_number(np.full(n, 90.0), 90 * missing, 9.0)
        assert found.likely == max(1, min(n, round(missing)))
        assert found.doubt == pytest.approx(0.1)
        assert found.least == found.likely == found.most


def test_many_lamps_of_many_sizes_are_counted_by_their_mean():
    """Where all choices are too many to be weighed the mean of the lamps has to do, and is said to be doubtful."""
    lamp_w = np.geomspace(20, 400, 3000)
    found = dark_number(lamp_w, lamp_w[::10].sum(), 30.0)
    assert abs(found.likely - 300) <= 2 * found.doubt
    assert found.least <= 300 <= found.most


def test_three_large_and_one_small_lamp_are_four_and_not_six():
    """3 x 280 W and 1 x 170 W of two circuits of 280 W and one of 170 W, of which the cabinet alone is metered."""
    circuits = tuple(Circuit(16, watt, technology="HPS", metered=0) for watt in (280, 170, 280))
    street = learned(Street(circuits, noise=0.003, seed=5), 150)
    street.factor[[2, 3, 17, 40]] = 0
    (fault,) = street.play(14)
    assert fault.evidence["lamps_dark"] == 4
    assert fault.evidence["lamps_dark_min"] <= 4 <= fault.evidence["lamps_dark_max"]


@pytest.mark.parametrize("level", [50, 70, 100])
def test_lamps_that_dim_are_smaller_than_those_beside_them_that_do_not(level):
    """Six drivers of 90 W at 50 % draw less than three of 100 W at 100 %, though they are rated at more."""
    circuits = (
        Circuit(12, 90, metered=0, dimmable=True),
        Circuit(12, 100, metered=0, dimmable=False),
    )
    for seed in range(3):
        dims = (("21:00", level),) if level < 100 else ()
        street = learned(Street(circuits, noise=0.002, rating_error=0.02, seed=seed, dims=dims), 60)
        street.level = level
        street.play(60)
        rng = np.random.default_rng(seed)
        dark = rng.choice(24, int(rng.integers(1, 6)), replace=False)
        street.factor[dark] = 0
        street.play(14)
        ((_, fault),) = street.standing().items()
        assert fault.evidence["lamps_dark_min"] <= len(dark) <= fault.evidence["lamps_dark_max"]
        off = abs(fault.evidence["lamps_dark"] - len(dark))
        assert off <= max(1, 2 * fault.evidence["lamps_dark_uncertainty"])


def run_up(street, lamps, minutes, slowness_s=150):
    """Play on while some lamps that burn again run up from a third of their power."""
    began_us = street.now_us

    def warm(_step):
        since_s = (street.now_us - began_us) / 1e6
        street.factor[lamps] = 1 - 0.66 * np.exp(-since_s / slowness_s)

    return street.play(minutes, before=warm)


@pytest.mark.parametrize(("interval_s", "slowness_s"), [(60, 100), (60, 180), (120, 150)])
def test_no_number_is_read_from_lamps_that_run_up_after_their_repair(interval_s, slowness_s):
    circuit = Circuit(48, 250, technology="HPS", metered=0)
    street = learned(Street((circuit,), interval_s=interval_s, noise=0.003, seed=6), 150)
    dark = [3, 20, 33, 40]
    street.factor[dark] = 0
    (fault,) = street.play(16)
    assert fault.evidence["lamps_dark"] == 4
    changes = run_up(street, dark, 60, slowness_s)
    assert [type(change).__name__ for change in changes] == ["Cleared"]


def test_a_part_that_is_repaired_is_told_when_it_has_run_up():
    street = learned(Street((Circuit(30, 250, technology="HPS", metered=0),), noise=0.003, seed=7), 150)
    street.factor[[3, 20, 25, 28]] = 0
    street.play(14)
    changes = run_up(street, [3, 20], 45)
    assert [change.evidence["lamps_dark"] for change in changes] == [2]


def test_another_dark_lamp_is_told_within_the_time_of_the_first():
    street = learned(Street((Circuit(20, 120, metered=0),), noise=0.003, seed=8), 90)
    street.factor[[3, 4]] = 0
    street.play(14)
    street.factor[5] = 0
    changes = street.play(13)
    assert [change.evidence["lamps_dark"] for change in changes] == [3]
