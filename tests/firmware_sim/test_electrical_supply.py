"""The supply of a cabinet: lost, back again, low, and with one phase dead."""

from __future__ import annotations

import numpy as np

from firmware_sim.electrical import technology as tech
from firmware_sim.electrical.feeder import draw_feeder, feeder_voltage, frequency
from tests.firmware_sim.test_electrical_network import settle, start, town


def test_lost_supply_and_dead_phase_read_as_the_contract_says() -> None:
    plant = town()
    condition, state, rng = start(plant)
    condition.is_supply_lost[0] = True
    condition.is_phase_dead[1, 2] = True
    sample = settle(plant, condition, state, rng)
    assert sample.is_supply_present.tolist() == [False, True]
    assert np.isnan(sample.cabinet_voltage_v[0]).all()
    assert sample.cabinet_voltage_v[1, 2] == 0.0
    assert (sample.cabinet_voltage_v[1, :2] > 200.0).all()
    # circuits 2 and 3 hang on phases T and R
    assert sample.is_silent.tolist() == [True] * 30 + [False] * 10
    assert sample.is_contactor_closed.tolist() == [False, True]


def test_supply_that_returns_restarts_the_nodes_once() -> None:
    plant = town()
    condition, state, rng = start(plant)
    settle(plant, condition, state, rng)
    condition.is_supply_lost[0] = True
    settle(plant, condition, state, rng)
    condition.is_supply_lost[0] = False
    first = settle(plant, condition, state, rng, n_steps=1)
    second = settle(plant, condition, state, rng, n_steps=1)
    assert ((first.status & 16) != 0).tolist() == [True] * 20 + [False] * 20
    assert (second.status & 16 == 0).all()


def test_brown_out_to_200_volts_keeps_every_lamp_lit() -> None:
    plant = town(technology=np.arange(40) % 7)
    condition, state, rng = start(plant)
    settle(plant, condition, state, rng, n_steps=20)
    condition.feeder_offset_v[:] = -24.0
    sample = settle(plant, condition, state, rng, n_steps=8)
    assert sample.is_lit.all()
    condition.feeder_offset_v[:] = -70.0
    deep = settle(plant, condition, state, rng, n_steps=1)
    assert not deep.is_lit[plant.technology == tech.MH].any()
    assert deep.is_lit[plant.technology == tech.LED].all()


def test_feeder_sags_in_the_evening_and_stays_within_the_standard() -> None:
    feeder = draw_feeder(500, np.random.default_rng(1))
    longitude = np.full(500, 105.0)
    midnight = 1_790_121_600_000_000 - 7 * 3_600_000_000  # 00:00 local
    hours = [feeder_voltage(feeder, midnight + int(h * 3.6e9), longitude) for h in range(24)]
    assert np.mean(hours[19]) < np.mean(hours[4]) - 3.0
    assert np.min(hours) > 0.90 * 230.0
    assert np.max(hours) < 1.05 * 230.0
    assert not np.array_equal(hours[19][:, 0], hours[19][:, 1])
    assert all(abs(frequency(midnight + h * 977_000_000) - 50.0) < 0.1 for h in range(100))
