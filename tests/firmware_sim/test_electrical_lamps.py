"""Lamps and their meters against the figures of data sheets."""

from __future__ import annotations

import numpy as np
import pytest

from firmware_sim.electrical import LampFault, interrupt_supply
from firmware_sim.electrical import technology as tech
from tests.firmware_sim.electrical_street import street


@pytest.mark.parametrize(("level", "share"), [(0, 0.0), (10, 0.14), (25, 0.28), (50, 0.52), (75, 0.76), (100, 1.0)])
def test_led_power_follows_the_driver_curve(level: int, share: float) -> None:
    sample = street().go(level)
    assert sample.true_power_w == pytest.approx(100.0 * share, abs=1e-3)
    assert sample.power_w == pytest.approx(100.0 * share, rel=0.0051, abs=0.11)


@pytest.mark.parametrize(("level", "lowest"), [(100, 0.95), (50, 0.85), (25, 0.70)])
def test_healthy_led_power_factor_stays_above_the_fault_limits(level: int, lowest: float) -> None:
    assert (street().go(level).power_factor >= lowest).all()


def test_led_draws_constant_power_so_its_current_rises_as_voltage_falls() -> None:
    town = street()
    before = town.go()
    town.condition.feeder_offset_v[:] = -30.0
    town.go()
    after = town.go()
    assert after.true_power_w == pytest.approx(before.true_power_w, rel=1e-4)
    ratio = before.true_voltage_v / after.true_voltage_v
    assert (ratio > 1.12).all()
    assert after.true_current_a / before.true_current_a == pytest.approx(ratio, rel=1e-3)


@pytest.mark.parametrize("technology", [tech.HPS, tech.MH, tech.MV])
def test_reactor_ballast_power_follows_the_square_of_the_voltage(technology: int) -> None:
    town = street(technology=technology, watts=150.0)
    for _ in range(60):
        warm = town.go()
    town.condition.feeder_offset_v[:] = -15.0
    town.go()
    sagged = town.go()
    expected = (sagged.true_voltage_v / warm.true_voltage_v) ** 2
    assert sagged.true_power_w / warm.true_power_w == pytest.approx(expected, rel=2e-3)
    assert sagged.true_power_w == pytest.approx(150.0 * (sagged.true_voltage_v / 230.0) ** 2, rel=2e-3)


@pytest.mark.parametrize(
    ("technology", "earliest_s", "latest_s"),
    [(tech.HPS, 120, 300), (tech.MH, 90, 300), (tech.MV, 150, 420), (tech.CFL, 20, 120), (tech.IND, 20, 120)],
)
def test_cold_discharge_lamp_reaches_nine_tenths_within_its_run_up(
    technology: int, earliest_s: int, latest_s: int
) -> None:
    town = street(1, technology, 150.0)
    shares = [town.go(seconds=10.0) for _ in range(90)]
    powers = [float(s.true_power_w[0] / max((s.true_voltage_v[0] / 230.0) ** 2, 0.1)) for s in shares]
    final = powers[-1]
    reached_s = 10 * next(i for i, power in enumerate(powers) if power >= 0.9 * final)
    assert earliest_s <= reached_s <= latest_s
    assert powers[0] < 0.8 * final


@pytest.mark.parametrize(
    ("technology", "least_s", "most_s"), [(tech.HPS, 30, 70), (tech.MH, 400, 620), (tech.MV, 150, 250)]
)
def test_hot_lamp_waits_before_it_ignites_again_after_a_dip(technology: int, least_s: int, most_s: int) -> None:
    town = street(8, technology, 150.0)
    for _ in range(30):
        assert town.go().status[0] & 16 == 0
    interrupt_supply(town.plant, town.state, np.ones(8, dtype=bool))
    samples = [town.go(seconds=5.0) for _ in range(150)]
    assert (samples[0].status & 16 == 16).all()
    assert (samples[1].status & 16 == 0).all()
    dark_s = 5 * np.array([sample.is_lit for sample in samples]).argmax(axis=0)
    assert dark_s.min() >= least_s
    assert dark_s.max() <= most_s
    assert (samples[1].true_power_w < 0.2 * 150.0).all()


def test_led_is_back_at_once_after_a_dip() -> None:
    town = street()
    town.go()
    interrupt_supply(town.plant, town.state, np.ones(12, dtype=bool))
    assert town.go(seconds=1.0).is_lit.all()


def test_failed_capacitor_lowers_power_factor_and_not_power() -> None:
    for technology, low, high in ((tech.HPS, 0.39, 0.51), (tech.LED, 0.40, 0.60)):
        town = street(40, technology, 150.0)
        for _ in range(30):
            before = town.go()
        town.condition.set_fault(np.arange(20), LampFault.CAPACITOR_FAILED)
        for _ in range(3):
            after = town.go()
        assert (after.power_factor[:20] > low).all()
        assert (after.power_factor[:20] < high).all()
        assert (after.power_factor[20:] > 0.85).all()
        assert after.true_power_w == pytest.approx(before.true_power_w, rel=0.05)
        assert (after.true_current_a[:20] > 1.6 * before.true_current_a[:20]).all()


def test_sodium_lamp_at_end_of_life_cycles_and_its_node_counts_it() -> None:
    town = street(3, tech.HPS, 150.0)
    town.condition.set_fault(1, LampFault.CYCLING)
    first = town.go()
    samples = [town.go() for _ in range(120)]
    lit = np.array([sample.is_lit for sample in samples])
    changes = (lit[1:] != lit[:-1]).sum(axis=0)
    assert changes[0] == 0
    assert changes[1] >= 8
    ignitions = int(samples[-1].switch_count[1]) - int(first.switch_count[1])
    assert abs(ignitions - changes[1] / 2) <= 1
    powers = np.array([sample.true_power_w[1] for sample in samples])
    assert powers.max() > 120.0
    assert powers[~lit[:, 1]].max() < 5.0


def test_cycles_between_two_steps_are_counted_all_the_same() -> None:
    town = street(1)
    town.condition.set_fault(0, LampFault.CYCLING)
    town.condition.cycle_on_s[0], town.condition.cycle_off_s[0] = 20.0, 10.0
    first = int(town.go().switch_count[0])
    for _ in range(10):
        last = int(town.go(seconds=300.0).switch_count[0])
    assert last - first == pytest.approx(100, abs=2)


def test_dead_led_idles_like_the_captured_half_watt_reading() -> None:
    town = street()
    town.go()
    town.condition.set_fault(0, LampFault.DEAD)
    sample = town.go()
    assert sample.power_w[0] == pytest.approx(0.5, abs=0.1)
    assert sample.current_a[0] == pytest.approx(0.035, abs=0.005)
    assert sample.power_factor[0] == pytest.approx(0.06, abs=0.011)
    assert not sample.is_lit[0]


def test_dead_sodium_lamp_still_shows_its_capacitors_current() -> None:
    town = street(4, tech.HPS, 150.0)
    town.go()
    town.condition.set_fault(0, LampFault.DEAD)
    sample = town.go()
    assert sample.power_w[0] < 2.0
    assert 0.7 < sample.current_a[0] < 1.3


def test_stuck_dimming_ignores_the_level() -> None:
    town = street(2)
    town.condition.set_fault(0, LampFault.DIMMING_STUCK)
    assert town.go(50).true_power_w == pytest.approx([100.0, 52.0], rel=1e-4)
    town.condition.stuck_level[0] = 50
    assert town.go(100).true_power_w == pytest.approx([52.0, 100.0], rel=1e-4)
    assert town.go(0).true_power_w == pytest.approx([0.0, 0.0])


def test_driver_fault_darkens_the_lamp_and_sets_its_bit() -> None:
    town = street(2)
    town.condition.set_fault(1, LampFault.DRIVER_FAULT)
    sample = town.go()
    assert (sample.status & 2).tolist() == [0, 2]
    assert sample.is_lit.tolist() == [True, False]


def test_blocked_cooling_overheats_one_lamp_and_shuts_it_down_at_last() -> None:
    town = street(3)
    town.condition.temperature_offset_c[1] = 40.0
    town.condition.temperature_offset_c[2] = 80.0
    samples = [town.go() for _ in range(180)]
    assert 40.0 < samples[-1].temperature_c[0] < 70.0
    assert samples[-1].temperature_c[1] > 85.0
    assert any(sample.status[2] & 8 for sample in samples)
    assert all(sample.power_w[2] < 5.0 for sample in samples if sample.status[2] & 8)


def test_same_seed_gives_the_same_night_to_the_last_digit() -> None:
    first, second = street(), street()
    for _ in range(5):
        a, b = first.go(), second.go()
        assert np.array_equal(a.power_w, b.power_w)
        assert np.array_equal(a.voltage_v, b.voltage_v)
