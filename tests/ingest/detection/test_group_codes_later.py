"""Faults of circuits, cables and buses after something else went before: absurd values, lost replies, repairs."""

import numpy as np
import pytest

from tests.ingest.detection.broken_groups import after_half_an_hour, break_cable


def test_lost_and_garbled_replies_say_nothing(kit):
    town = kit.Town(n_cabinets=4)
    town.lost_replies = 0.05
    assert town.play(300) == []


def test_silence_by_day_of_a_circuit_that_never_answered_by_day_is_normal(kit):
    town = kit.Town(switching="", start_us=1_795_399_200_000_000, has_contacts=False)
    town.level = 0
    town.is_powered[:] = False
    assert town.play(120) == []


@pytest.mark.parametrize("power_w", [1e6, 900.0])
def test_absurd_power_now_and_then_does_not_spoil_the_balance_of_a_cable(kit, power_w):
    town = kit.Town(circuit_meters=False, n_circuits=1)

    def spoil(columns):
        if town.rng.random() < 0.2:
            columns["power_w"][3] = power_w

    town.quirk = spoil
    assert town.play(60) == []
    town.quirk = None
    span = break_cable(town, 0, 0, 6)
    (fault,) = kit.raised(town.play(5))
    assert (fault.key.code, fault.span) == ("cableFailure", span)


@pytest.mark.parametrize(("n_poles", "pole"), [(12, 8), (20, 20)])
def test_far_end_of_a_bus_across_circuits_is_told_by_the_sum_of_its_lamps(kit, n_poles, pole):
    town = kit.Town(circuit_meters=False, n_circuits=3, n_poles=n_poles, noise=0.006, is_surveyed=pole == 8)
    assert town.play(60) == []
    end = town.index(0, 0, pole)
    town.is_silent[end:] = True
    (fault,) = kit.raised(town.play(4))
    assert fault.key.code == "busFailure"
    assert fault.span == (f"L-{end - 1:04d}", f"L-{end:04d}")
    assert len(fault.lamp_ids) == town.n - end
    town.is_silent[:] = False
    assert kit.open_codes([*town.changes, *town.play(3)]) == {}


def test_short_tail_of_discharge_lamps_warms_up_after_its_cable_is_mended(kit):
    town = after_half_an_hour(kit, technology="HPS", is_dimmable=False)
    break_cable(town, 0, 1, 7)
    changes = town.play(20)
    town.is_powered[:] = True
    tail = slice(town.index(0, 1, 8), town.index(0, 1, 10) + 1)

    def strike(step):
        town.factor[tail] = 0.05 if step < 4 else min(1.0, 0.3 + 0.15 * (step - 4))

    later = town.play(30, before=strike)
    assert kit.open_codes([*changes, *later]) == {}
    assert kit.raised(later, "lampFailure") == []


def test_lost_reply_of_a_node_that_is_dead_is_no_communication_failure(kit):
    town = kit.Town(is_surveyed=False)
    assert town.play(30) == []
    town.is_powered[5:10] = False

    def own_supply(columns):
        dead = np.flatnonzero((columns["quality"] != 0) & ~town.is_powered)
        columns["quality"][dead] = 0
        for name in ("voltage_v", "current_a", "power_w"):
            columns[name][dead] = 0.0
        if town.now_us // 60_000_000 % 7 == 0:
            columns["quality"][7] = 1
            columns["voltage_v"][7] = columns["power_w"][7] = np.nan

    town.quirk = own_supply
    assert kit.raised(town.play(60), "communicationFailure") == []


def test_lost_replies_of_the_cabinet_meter_bring_no_dead_phase_back(kit):
    town = kit.Town(circuit_meters=False, is_node=False)
    town.phase_v[0] = (225.0, 225.0, 225.0)
    assert town.play(30) == []
    town.phase_v[0, 2] = 0.0
    town.is_powered[town.circuit == 1] = False

    def lossy(columns):
        if town.now_us // 60_000_000 % 4 == 0:
            for name in ("cabinet_voltage_v", "cabinet_power_w"):
                columns[name][:] = np.nan

    town.quirk = lossy
    assert kit.open_codes(town.play(40)) == {"supplyLoss": 1}


def test_cable_break_is_told_after_something_has_tapped_the_cabinet(kit):
    town = kit.Town(circuit_meters=False)
    assert town.play(60) == []
    town.extra_w[0] = 500.0
    town.play(90)
    town.extra_w[0] = 0.0
    town.play(40)
    span = break_cable(town, 0, 1, 7)
    (fault,) = kit.raised(town.play(5))
    assert (fault.key.code, fault.span) == ("cableFailure", span)


def test_an_absurd_voltage_by_day_is_no_circuit_that_lives_by_day(kit):
    town = kit.Town(switching="", circuit_meters=False, has_contacts=False)
    town.level = 0

    def dead_but_for_one(columns):
        columns["quality"][:], columns["voltage_v"][:], columns["power_w"][:] = 0, 0.0, 0.0
        if town.now_us // 60_000_000 % 10 == 0:
            columns["voltage_v"][3] = 999.0

    town.quirk = dead_but_for_one
    assert kit.raised(town.play(60), "circuitFailure") == []


@pytest.mark.parametrize("first", ["lost", "dead"])
def test_a_lost_sample_long_ago_does_not_count_with_todays(kit, first):
    """Three in a row are asked for; answers between two losses begin the count anew."""
    town = after_half_an_hour(kit)
    here = town.circuit == 1
    if first == "lost":
        town.is_silent[here] = True
    else:
        town.quirk = lambda columns: [columns[name].__setitem__(here, 3.0) for name in ("voltage_v", "power_w")]
    town.play(1)
    town.is_silent[:], town.quirk = False, None
    town.play(10)
    town.is_silent[here] = True
    assert town.play(2) == []
    assert kit.raised(town.play(1)) != []
