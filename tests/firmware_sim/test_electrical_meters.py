"""Meters of simulated lamps against their data sheets, healthy and broken."""

from __future__ import annotations

import numpy as np
import pytest

from firmware_sim.electrical import LampFault, build_plant
from firmware_sim.electrical import technology as tech
from tests.firmware_sim.electrical_street import Town, street


def test_small_load_shows_power_with_zero_current() -> None:
    sample = street(watts=3.0).go()
    assert sample.power_w == pytest.approx(3.0, abs=0.11)
    assert (sample.current_a == 0.0).all()
    assert (sample.power_factor == 0.0).all()


def test_power_below_the_meters_start_is_shown_as_zero() -> None:
    assert (street(watts=0.3).go().power_w == 0.0).all()


def test_meter_errors_stay_within_the_accuracy_class_and_on_its_steps() -> None:
    town = Town(
        build_plant(
            rated_power_w=np.linspace(20.0, 250.0, 4000),
            technology=tech.LED,
            cabinet=0,
            circuit=np.repeat(np.arange(100), 40),
        )
    )
    sample = town.go()
    for shown, true, half_step in (
        (sample.voltage_v, sample.true_voltage_v, 0.05),
        (sample.current_a, sample.true_current_a, 0.0005),
        (sample.power_w, sample.true_power_w, 0.05),
    ):
        error = np.abs(shown - true)
        assert (error <= 0.005 * true + half_step * 1.01).all()
        assert error.max() > 0.0035 * true.mean()
        steps = shown.astype(np.float64) / (2 * half_step)
        assert np.abs(steps - np.rint(steps)).max() < 1e-2
    assert np.abs(sample.power_factor - sample.true_power_factor).max() <= 0.0101 + 0.005
    assert sample.power_factor.max() <= 1.0
    again = town.go()
    assert (again.voltage_v != sample.voltage_v).mean() > 0.5


def test_node_relay_faults_show_in_status_and_power() -> None:
    town = street(4)
    town.condition.set_fault(0, LampFault.RELAY_STUCK_CLOSED)
    town.condition.set_fault(1, LampFault.RELAY_STUCK_OPEN)
    town.condition.set_fault(2, LampFault.FORCED_ON)
    off = town.go(0)
    assert (off.power_w > 6.0).tolist() == [True, False, True, False]
    assert (off.status & 1).tolist() == [0, 0, 1, 0]
    on = town.go(100)
    assert (on.power_w > 6.0).tolist() == [True, False, True, True]
    assert (on.status & 1).tolist() == [1, 1, 1, 1]


def test_energy_hours_and_switches_add_up_over_a_night() -> None:
    town = street(2, watts=120.0)
    dark = town.go(0)
    samples = [dark] + [town.go(100 if 0 < i <= 600 else 0) for i in range(700)]
    # 600 minutes at 120 W; the step that ends lit counts for its whole minute
    assert np.subtract(samples[-1].energy_wh, dark.energy_wh) == pytest.approx(1200.0, abs=3.0)
    assert set(np.subtract(samples[-1].burning_hours, dark.burning_hours).tolist()) <= {10, 9, 11}
    assert np.subtract(samples[-1].switch_count, dark.switch_count).tolist() == [1, 1]


def test_frozen_meter_repeats_its_last_digits_and_its_sister_does_not() -> None:
    town = street(2)
    town.go()
    town.condition.set_fault(0, LampFault.METER_FROZEN)
    shown = [town.go() for _ in range(30)]
    first = {(s.voltage_v[0], s.current_a[0], s.power_w[0]) for s in shown}
    second = {(s.voltage_v[1], s.current_a[1], s.power_w[1]) for s in shown}
    assert len(first) == 1
    assert len(second) > 20


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_impossible_meter_shows_what_no_lamp_can_have(kind: int) -> None:
    town = street(2)
    town.condition.set_fault(0, LampFault.METER_IMPOSSIBLE)
    town.condition.impossible_kind[0] = kind
    sample = town.go()
    is_impossible = (
        (sample.power_w > 1.1 * sample.voltage_v * (sample.current_a + 0.02) + 2.0)
        | (sample.power_factor > 1.05)
        | (sample.voltage_v > 300.0)
    )
    assert is_impossible.tolist() == [True, False]


def test_healthy_meters_of_all_technologies_never_look_impossible() -> None:
    codes = np.arange(700) % 7
    watts = np.resize([3.0, 20.0, 60.0, 150.0, 250.0], 700)
    town = Town(build_plant(rated_power_w=watts, technology=codes, cabinet=0, circuit=np.arange(700) // 25))
    for _ in range(15):
        s = town.go()
        assert not (s.power_w > 1.1 * s.voltage_v * (s.current_a + 0.02) + 2.0).any()
        assert (s.power_factor <= 1.0).all()
