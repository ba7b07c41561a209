"""Dips that come again while lamps still cool, strike or run up from the one before."""

import numpy as np
import pytest

from tests.ingest.detection.mixed_street import Circuit, Street


class Arcs:
    """Discharge lamps that cool after they go out, strike and run up; told by the street's factors."""

    def __init__(self, street, longest_min, dead=()):
        self.street, self.rng = street, np.random.default_rng(street.seed + 100)
        self.strike_us = np.full(street.n, -1e18)
        self.longest_min, self.dead = longest_min, list(dead)
        self.dips = {}

    def dip(self, share):
        """Some of the arcs that burn go out."""
        street = self.street
        burns = street.is_magnetic & (street.now_us >= self.strike_us)
        out = burns & (self.rng.random(street.n) < share)
        cooling_us = self.rng.uniform(2, self.longest_min, street.n) * 60e6
        self.strike_us = np.where(out, street.now_us + cooling_us, self.strike_us)

    def run_up(self, step):
        street = self.street
        if step in self.dips:
            self.dip(self.dips[step])
        since_s = (street.now_us - self.strike_us) / 1e6
        street.factor[:] = np.where(since_s < 0, 0.02, 1 - 0.75 * np.exp(-np.maximum(since_s, 0) / 120))
        if self.dips and step >= min(self.dips):
            street.factor[self.dead] = 0.0

    def train(self, gaps_min, shares, rest_min=45):
        """Play dips so many minutes apart, and go on."""
        steps = np.cumsum(np.round(np.array(gaps_min) * 60 / self.street.interval_s).astype(int))
        self.dips = dict(zip(steps.tolist(), shares, strict=True))
        self.street.play(sum(gaps_min) + rest_min, before=self.run_up)


def street_of(seed, interval_s, longest_min, circuits, **kwargs):
    street = Street(circuits, noise=0.003, interval_s=interval_s, seed=seed, **kwargs)
    arcs = Arcs(street, longest_min)
    street.play(80)
    assert street.changes == []
    return street, arcs


TWO = (Circuit(14, 180, technology="HPS"), Circuit(14, 170, technology="MH"))


@pytest.mark.parametrize("interval_s", [60, 120, 300])
@pytest.mark.parametrize("longest_min", [5, 9, 15])
@pytest.mark.parametrize("seed", range(4))
def test_a_train_of_partial_dips_tells_nothing(seed, longest_min, interval_s):
    rng = np.random.default_rng([seed, interval_s, longest_min])
    n = int(rng.integers(2, 6))
    street, arcs = street_of(seed, interval_s, longest_min, TWO, lost_replies=0.01 * (seed % 2))
    arcs.train(rng.uniform(2, 30, n), rng.uniform(0.25, 0.9, n))
    told = [(c.key.code, c.key.place) for c in street.changes]
    assert told == []


@pytest.mark.parametrize("seed", range(4))
def test_a_lamp_that_dies_between_dips_is_told_after_the_last(seed):
    rng = np.random.default_rng(seed)
    street, arcs = street_of(seed, 60, 8, TWO)
    gaps_min = rng.uniform(3, 12, 3)
    began_us = street.now_us
    arcs.dead = [int(rng.integers(28))]
    arcs.train(gaps_min, rng.uniform(0.3, 0.8, 3))
    assert street.codes() == {"lampFailure": 1}
    (opened,) = [c for c in street.changes if hasattr(c, "lamp_ids")]
    assert opened.lamp_ids == (street.ids[arcs.dead[0]],)
    since_last_min = (opened.at_us - began_us) / 60e6 - sum(gaps_min)
    assert 10 <= since_last_min <= 24


@pytest.mark.parametrize("interval_s", [60, 120])
@pytest.mark.parametrize("seed", range(6))
def test_sums_of_lamps_see_every_dip_of_a_train(seed, interval_s):
    rng = np.random.default_rng([seed, interval_s])
    n = int(rng.integers(2, 6))
    circuits = tuple(Circuit(c.n, c.watt, technology=c.technology, metered=0, has_meter=True) for c in TWO)
    street, arcs = street_of(seed, interval_s, 9, circuits)
    arcs.train(rng.uniform(2, 30, n), rng.uniform(0.3, 0.9, n))
    assert street.changes == []
