"""Cables, circuits and cabinets: what one cause does to all that hangs behind it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.electrical import (
    Condition,
    LampFault,
    Plant,
    Sample,
    State,
    build_plant,
    healthy,
    initial_state,
    step,
)
from firmware_sim.electrical import technology as tech
from firmware_sim.electrical.feeder import feeder_voltage
from firmware_sim.errors import PlantError

START_US = 1_790_164_800_000_000
MINUTE = 60_000_000


def town(n_cabinets: int = 2, circuits: int = 2, lamps: int = 10, **more: Any) -> Plant:
    n_circuits = n_cabinets * circuits
    values: dict[str, Any] = {
        "rated_power_w": np.full(n_circuits * lamps, 100.0),
        "technology": tech.LED,
        "cabinet": np.repeat(np.arange(n_cabinets), circuits * lamps),
        "circuit": np.repeat(np.arange(n_circuits), lamps),
        "position": np.tile(np.arange(1, lamps + 1), n_circuits),
        "phase": np.repeat(np.arange(n_circuits) % 3, lamps),
        "is_dimmable": True,
    }
    return build_plant(**{**values, **more})


def start(plant: Plant) -> tuple[Condition, State, np.random.Generator]:
    rng = np.random.default_rng(3)
    return healthy(plant), initial_state(plant, rng), rng


def settle(
    plant: Plant,
    condition: Condition,
    state: State,
    rng: np.random.Generator,
    level: Any = 100,
    contactor: Any = True,
    n_steps: int = 3,
) -> Sample:
    at_us = state.at_us or START_US
    for _ in range(n_steps):
        at_us += MINUTE
        sample = step(plant, condition, state, at_us, level, contactor, rng)
    return sample


def solved_run(head_v: float, power_w: list[float], span_ohm: list[float]) -> list[float]:
    """Solve one run by plain loops until nothing moves: the oracle of the vectorised drop."""
    volts = [head_v] * len(power_w)
    for _ in range(50):
        here, new = head_v, []
        for j, ohm in enumerate(span_ohm):
            behind = sum(p / v for p, v in zip(power_w[j:], volts[j:], strict=True))
            here -= ohm * behind
            new.append(here)
        volts = new
    return volts


def test_voltage_along_the_cable_agrees_with_a_plain_loop() -> None:
    watts = np.random.default_rng(5).uniform(20.0, 250.0, 40)
    plant = town(rated_power_w=watts)
    condition, state, rng = start(plant)
    sample = settle(plant, condition, state, rng)
    for run, first in enumerate(plant.run_first):
        rows = slice(int(first), int(first + plant.run_length[run]))
        power = sample.true_power_w[rows].tolist()
        phase_v = float(
            feeder_voltage(state.feeder, sample.at_us, plant.cabinet_longitude)[
                plant.run_cabinet[run], plant.run_phase[run]
            ]
        )
        expected = solved_run(phase_v, power, plant.span_ohm[rows].tolist())
        assert sample.true_voltage_v[rows] == pytest.approx(expected, abs=0.02)
        assert (np.diff(sample.true_voltage_v[rows]) < 0).all()


def test_sized_cables_keep_the_last_pole_within_the_design_drop() -> None:
    plant = town(lamps=40)
    condition, state, rng = start(plant)
    sample = settle(plant, condition, state, rng)
    last = sample.true_voltage_v.reshape(-1, 40)[:, -1]
    first = sample.true_voltage_v.reshape(-1, 40)[:, 0]
    assert ((first - last) < 0.04 * 230.0).all()
    assert ((first - last) > 0.01 * 230.0).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_the_register_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shuffle = rng.permutation(40)
    base = {
        "rated_power_w": rng.uniform(20.0, 250.0, 40),
        "cabinet": np.repeat([0, 1], 20),
        "circuit": np.repeat(np.arange(4), 10),
        "position": np.tile(np.arange(1, 11), 4),
        "phase": rng.integers(0, 3, 40),
        "span_m": rng.uniform(25.0, 50.0, 40),
    }
    straight = build_plant(technology=tech.LED, **base)
    mixed = build_plant(technology=tech.LED, **{name: value[shuffle] for name, value in base.items()})
    samples = [settle(plant, *start(plant)[:2], np.random.default_rng(1)) for plant in (straight, mixed)]
    assert samples[1].true_voltage_v == pytest.approx(samples[0].true_voltage_v[shuffle], abs=2e-3)
    circuit_w = samples[0].true_power_w.sum(), samples[1].true_power_w.sum()
    assert circuit_w[0] == pytest.approx(circuit_w[1], rel=1e-5)


def test_circuit_and_cabinet_meters_see_lamps_losses_and_taps() -> None:
    plant = town(n_cabinets=1, circuits=2)
    condition, state, rng = start(plant)
    clean = settle(plant, condition, state, rng)
    lamps = clean.true_power_w.reshape(2, 10).sum(axis=1)
    loss = clean.circuit_power_w - lamps
    assert (loss > 0.004 * lamps).all()
    assert (loss < 0.04 * lamps + 10 * 0.15 + 0.003 * lamps).all()
    assert clean.cabinet_power_w.sum() == pytest.approx(clean.circuit_power_w.sum() + 6.0, rel=0.007)
    condition.tap_w[1] = 400.0
    tapped = settle(plant, condition, state, rng)
    assert tapped.circuit_power_w[1] - clean.circuit_power_w[1] == pytest.approx(410.0, abs=25.0)
    assert tapped.circuit_power_w[0] == pytest.approx(clean.circuit_power_w[0], rel=0.007)
    assert tapped.true_power_w == pytest.approx(clean.true_power_w)
    assert tapped.true_voltage_v[19] < clean.true_voltage_v[19] - 0.5


def test_circuit_energy_is_the_integral_of_its_power() -> None:
    plant = town()
    condition, state, rng = start(plant)
    first = settle(plant, condition, state, rng)
    last = settle(plant, condition, state, rng, n_steps=60)
    counted = last.circuit_energy_wh.astype(int) - first.circuit_energy_wh.astype(int)
    assert counted == pytest.approx(last.circuit_power_w, rel=0.01)
    cabinet = last.cabinet_energy_wh.astype(int) - first.cabinet_energy_wh.astype(int)
    assert cabinet == pytest.approx(last.cabinet_power_w.sum(axis=1), rel=0.01)


def test_cut_cable_darkens_exactly_the_poles_behind_it() -> None:
    plant = town()
    condition, state, rng = start(plant)
    before = settle(plant, condition, state, rng)
    condition.cut_after[2] = 4
    after = settle(plant, condition, state, rng)
    expected = np.zeros(40, dtype=bool)
    expected[24:30] = True
    assert np.array_equal(after.is_silent, expected)
    assert np.isnan(after.power_w[expected]).all()
    assert not np.isnan(after.power_w[~expected]).any()
    assert (after.energy_wh[expected] == 0xFFFFFFFF).all()
    assert before.circuit_power_w[2] - after.circuit_power_w[2] == pytest.approx(610.0, abs=30.0)
    assert after.true_voltage_v[23] > before.true_voltage_v[23] + 0.5


def test_node_with_its_own_supply_reads_no_voltage_behind_a_cut() -> None:
    own = np.zeros(40, dtype=bool)
    own[27] = True
    plant = town(has_own_supply=own)
    condition, state, rng = start(plant)
    condition.cut_after[2] = 4
    sample = settle(plant, condition, state, rng)
    assert not sample.is_silent[27]
    assert sample.voltage_v[27] == 0.0
    assert sample.is_silent[26]


def test_circuit_fuse_takes_its_lamps_and_load_but_not_its_meter() -> None:
    plant = town()
    condition, state, rng = start(plant)
    condition.is_fuse_blown[1] = True
    sample = settle(plant, condition, state, rng)
    assert sample.is_silent.reshape(4, 10).all(axis=1).tolist() == [False, True, False, False]
    assert sample.circuit_power_w[1] == pytest.approx(0.0, abs=1e-6)
    assert sample.circuit_voltage_v[1] > 200.0


def test_pole_fuse_takes_lamp_and_meter_while_a_dead_meter_leaves_the_load() -> None:
    plant = town()
    condition, state, rng = start(plant)
    before = settle(plant, condition, state, rng)
    condition.set_fault(3, LampFault.POLE_FUSE_BLOWN)
    condition.set_fault(13, LampFault.METER_SILENT)
    after = settle(plant, condition, state, rng)
    assert np.flatnonzero(after.is_silent).tolist() == [3, 13]
    assert before.circuit_power_w[0] - after.circuit_power_w[0] == pytest.approx(101.0, abs=12.0)
    assert before.circuit_power_w[1] - after.circuit_power_w[1] == pytest.approx(0.0, abs=12.0)


def test_open_contactor_silences_lamps_and_leaves_the_cabinet_meter() -> None:
    plant = town()
    condition, state, rng = start(plant)
    sample = settle(plant, condition, state, rng, level=0, contactor=[False, True])
    assert sample.is_silent.tolist() == [True] * 20 + [False] * 20
    assert sample.is_circuit_silent.tolist() == [True, True, False, False]
    assert (sample.cabinet_voltage_v > 200.0).all()
    assert sample.cabinet_power_w[0].sum() == pytest.approx(6.0, abs=0.1)
    assert sample.is_contactor_closed.tolist() == [False, True]


def test_lamps_without_node_burn_whenever_a_contactor_circuit_is_live() -> None:
    plant = town(has_node=False)
    condition, state, rng = start(plant)
    condition.is_contactor_stuck_closed[0] = True
    condition.is_contactor_stuck_open[1] = True
    by_day = settle(plant, condition, state, rng, level=0, contactor=False)
    assert by_day.is_lit.tolist() == [True] * 20 + [False] * 20
    by_night = settle(plant, condition, state, rng, level=100, contactor=True)
    assert by_night.is_lit.tolist() == [True] * 20 + [False] * 20
    assert by_night.is_contactor_closed.tolist() == [True, False]


def test_unknown_positions_follow_the_known_ones() -> None:
    plant = build_plant(rated_power_w=np.full(5, 100.0), technology=0, cabinet=0, circuit=0, position=[-1, 2, 1, -1, 3])
    assert plant.rank.tolist() == [4, 2, 1, 5, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rated_power_w": [100.0, 0.0]}, "rated_power_w: lamp 1 has 0.0"),
        ({"technology": [0, 9]}, "technology: lamp 1 has 9"),
        ({"phase": [0, 1, 2]}, "phase: shape"),
        ({"cabinet": [0, 1]}, "circuit 0 hangs on two cabinets"),
        ({"rated_power_w": []}, "at least one lamp"),
        ({"is_contactor_switched": [True, False]}, "is_contactor_switched: shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"rated_power_w": [100.0, 100.0], "technology": 0, "cabinet": 0, "circuit": 0}
    with pytest.raises(PlantError, match=message):
        build_plant(**{**good, **change})
