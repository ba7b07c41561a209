"""Dips of less than a second between two sweeps: no voltage shows them, and only some discharge lamps go out."""

import numpy as np
import pytest

from tests.ingest.detection.mixed_street import Circuit, Street


def street_of(*technologies, **kwargs):
    circuits = tuple(Circuit(14, 280 - 110 * i, technology=name) for i, name in enumerate(technologies))
    street = Street(circuits, noise=0.003, **kwargs)
    street.play(60)
    assert street.changes == []
    return street


def put_out(street, lamps, minutes, longest_s=240):
    """Play on while these lamps (bool (n,)) cool, strike one after another and run up."""
    strikes_s = street.rng.uniform(60, longest_s, street.n)
    began_us, kept = street.now_us, street.factor.copy()

    def run_up(_step):
        since_s = (street.now_us - began_us) / 1e6 - street.interval_s - strikes_s
        power = np.where(since_s < 0, 0.02, 1 - 0.7 * np.exp(-np.maximum(since_s, 0) / 120))
        street.factor[:] = np.where(lamps, kept * power, kept)

    street.play(minutes, before=run_up)
    street.factor[:] = kept


@pytest.mark.parametrize("interval_s", [60, 120])
@pytest.mark.parametrize("technologies", [("HPS", "MH"), ("MH", "LED"), ("HPS",)])
@pytest.mark.parametrize("share", [0.3, 0.45])
def test_weak_arcs_that_go_out_together_are_no_failures(technologies, interval_s, share):
    street = street_of(*technologies, interval_s=interval_s, lost_replies=0.02, seed=int(100 * share))
    for _ in range(2):
        lamps = street.is_magnetic & (street.rng.permuted(np.arange(street.n)) < share * street.n)
        lamps |= street.where(0, 2, 4)
        put_out(street, lamps & street.is_magnetic, 40)
    assert [change for change in street.changes if change.key.code in {"lampFailure", "cyclingFailure"}] == []


def test_a_lamp_that_does_not_come_back_is_told_when_it_would_be_warm():
    street = street_of("HPS", seed=2)
    dead = street.where(0, 5, 5)
    began_us = street.now_us
    lamps = street.where(0, 3, 8)
    street.factor[dead] = 0
    put_out(street, lamps & ~dead, 30)
    assert street.codes() == {"lampFailure": 1}
    ((key, _),) = street.standing().items()
    (opened,) = [c for c in street.changes if c.key == key and hasattr(c, "evidence")]
    assert 10 * 60 <= (opened.at_us - began_us) / 1e6 <= 16 * 60


def test_one_or_two_lamps_of_many_that_go_out_are_told_after_three_samples():
    street = street_of("HPS", "HPS", seed=3)
    street.factor[street.where(0, 5, 6)] = 0
    street.play(4)
    assert street.codes() == {"lampFailure": 2}


@pytest.mark.parametrize("seed", range(3))
def test_dips_again_and_again_are_no_cycling(seed):
    street = street_of("HPS", "MH", interval_s=120, lost_replies=0.015, seed=seed)
    for _ in range(5):
        put_out(street, street.is_magnetic, 25, longest_s=540)
    assert street.changes == []


def test_a_lamp_that_cycles_between_dips_is_told():
    street = street_of("HPS", seed=4)
    put_out(street, street.where(0, 1, 9), 30)
    for _ in range(4):
        street.factor[street.where(0, 12, 12)] = 0.02
        street.play(5)
        street.factor[street.where(0, 12, 12)] = 1
        street.play(10)
    assert "cyclingFailure" in street.codes()
