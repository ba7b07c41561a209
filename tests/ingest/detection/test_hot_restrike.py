"""Sums of discharge lamps after a dip: hot arcs cool before they strike, and the last per cent comes late."""

import numpy as np
import pytest

from tests.ingest.detection.mixed_street import Circuit, Street


def dipped(street, minutes, slowness_s):
    """Play on after a dip that no sweep saw: each arc strikes after one to five minutes and then warms up."""
    strikes_s = street.rng.uniform(70, 280, street.n)
    began_us, kept = street.now_us, street.factor.copy()

    def warm(_step):
        since_s = (street.now_us - began_us) / 1e6 - street.interval_s - strikes_s
        street.factor[:] = kept * np.where(since_s < 0, 0.03, 1 - 0.62 * np.exp(-np.maximum(since_s, 0) / slowness_s))

    street.play(minutes, before=warm)


@pytest.mark.parametrize(("interval_s", "slowness_s"), [(60, 190), (120, 190), (120, 140)])
def test_a_sum_that_warms_up_after_a_hidden_dip_has_no_dark_lamp(interval_s, slowness_s):
    street = Street((Circuit(90, 150, technology="HPS", metered=0),), interval_s=interval_s, noise=0.003, seed=1)
    street.play(180)
    assert street.changes == []
    for _ in range(3):
        dipped(street, 75, slowness_s)
    assert street.changes == []


def test_lamps_that_do_not_come_back_after_a_dip_are_counted():
    street = Street((Circuit(90, 150, technology="HPS", metered=0),), interval_s=120, noise=0.003, seed=3)
    street.play(180)
    street.factor[street.where(0, 40, 42)] = 0
    dipped(street, 35, 140)
    ((_, fault),) = street.standing().items()
    assert fault.evidence["lamps_dark"] == 3


def test_a_lamp_that_is_dark_from_dusk_on_waits_for_no_cooling():
    street = Street((Circuit(30, 150, technology="HPS", metered=0),), noise=0.003, seed=4)
    street.play(180)
    street.level = 0
    street.play(45)
    street.factor[street.where(0, 5, 5)] = 0
    street.level = 100
    street.play(24)
    assert street.codes() == {"circuitPowerTooLow": 1}
