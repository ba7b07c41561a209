"""Drivers of one technology dim along different curves: each lamp's own is learned, level by level."""

import numpy as np
import pytest

from benchmarks.small_town import city_of
from ingest.detection.engine import Detection
from ingest.detection.memory.own_curves import OwnCurves

CURVES = {"steep": {50: 0.41, 70: 0.62, 100: 1.0}, "flat": {50: 0.62, 70: 0.80, 100: 1.0}}


class Street:
    """A town at sweeps of five minutes whose drivers have a curve of their own."""

    def __init__(self, kit, curve):
        self.kit, self.curve = kit, CURVES[curve]
        self.town = kit.Town(n_poles=5, interval_s=300, dims=(), circuit_meters=False, cabinet_meter=False)
        self.health = np.ones(self.town.n)
        self.town.quirk = self._draw
        for level in (100, 70, 50):
            self.play(level, 160)

    def _draw(self, columns):
        town = self.town
        rows = [town.fleet.lamp_index[name] for name in town.ids]
        power = town.true_w * self.curve[town.level] * self.health
        power = power * (1 + 0.003 * town.rng.standard_normal(town.n))
        columns["power_w"][rows] = np.where(columns["quality"][rows] == 0, np.round(power, 1), np.nan)

    def play(self, level, minutes):
        self.town.level = level
        return self.town.play(minutes)


def raised(changes):
    return sorted((c.key.code, c.key.place.lamp_id) for c in changes if hasattr(c, "evidence") and c.cause is None)


def test_a_weak_lamp_on_a_flat_curve_is_found_at_a_dim_level(kit):
    street = Street(kit, "flat")
    street.health[3] = 0.68  # 81 % of what the technology's curve says of 50 %
    changes = street.play(50, 40)
    assert raised(changes) == [("lampPowerTooLow", "L-0003")]
    (fault,) = (c for c in changes if hasattr(c, "evidence"))
    assert fault.evidence["expected_power_w"] == pytest.approx(62, abs=0.5)


def test_a_lamp_on_a_steep_curve_that_lost_a_tenth_is_healthy(kit):
    street = Street(kit, "steep")
    street.health[3] = 0.9  # 71 % of what the technology's curve says
    assert street.play(50, 60) == []
    assert street.town.changes == []


@pytest.mark.parametrize("curve", ["steep", "flat"])
def test_lamps_on_their_own_curve_are_quiet(kit, curve):
    street = Street(kit, curve)
    street.play(50, 60)
    state = street.town.detection._state
    quiet = state.flags == 0  # but one whose reading was the same twice by chance
    assert quiet.sum() >= 8
    assert ((state.low_w < state.power_w) & (state.power_w < state.high_w))[quiet].all()


def test_the_curve_outlives_a_restart_and_a_snapshot_without_one_is_read(kit):
    street = Street(kit, "flat")
    memory = street.town.detection.snapshot()
    street.health[3] = 0.68

    def told_after(memory):
        street.town.detection = Detection(street.town.fleet, city_of(dims=()), start_us=street.town.now_us)
        street.town.detection.restore(memory)
        return raised(street.play(50, 30))

    assert told_after(memory) == [("lampPowerTooLow", "L-0003")]
    assert told_after({name: values for name, values in memory.items() if "/curves/" not in name}) == []


def test_another_lamp_has_another_curve(kit):
    street = Street(kit, "flat")
    state = street.town.detection._state
    state.start_anew(np.array([3]))
    factor = state.curves.factor(np.array([2, 3]), np.array([50, 50], np.uint8))
    assert factor == pytest.approx([0.62 / 0.52, 1.0], abs=0.01)


def test_nothing_is_learned_from_a_lamp_with_a_fault(kit):
    street = Street(kit, "flat")
    before = street.town.detection._state.curves.apart.copy()
    street.health[3] = 0.5
    street.play(50, 240)
    index = street.town.fleet.lamp_index["L-0003"]
    after = street.town.detection._state.curves.apart
    assert after[4, index] == pytest.approx(before[4, index], abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_is_the_samples_until_it_stands(seed):
    rng = np.random.default_rng(seed)
    curves, n = OwnCurves(4), 90
    lamps = np.arange(4)
    shares = rng.normal(rng.uniform(0.8, 1.25, 4), 0.01, (n, 4)).astype(np.float32)
    level = rng.integers(1, 81, 4).astype(np.uint8)
    for i, share in enumerate(shares):
        factor = curves.factor(lamps, level)
        wanted = 1.0 if i < 5 else shares[: min(i, 60)].mean(axis=0)
        assert factor == pytest.approx(np.broadcast_to(wanted, 4), abs=0.002)
        curves.learn(slice(0, 4), level, share, np.ones(4, bool))
    assert curves.factor(slice(0, 4), np.full(4, 100, np.uint8)) == 1
    assert curves.factor(slice(0, 4), np.zeros(4, np.uint8)) == 1
    curves.learn(lamps, level, np.full(4, 5, np.float32), np.ones(4, bool))
    assert (curves.n_samples <= 60).all()
