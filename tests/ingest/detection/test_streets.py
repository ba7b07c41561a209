"""Circuits, phases, buses and meters on streets of mixed lamps, partly metered, at sweeps of one and five minutes."""

import numpy as np
import pytest

from tests.ingest.detection.mixed_street import DAY_US, Circuit, Street
from tests.ingest.detection.street_sweeps import INTERVALS, learned, only, sweeps

DAY_AFTER_US = DAY_US + 86_400_000_000


@INTERVALS
@pytest.mark.parametrize(("metered", "technology"), [(0.97, "LED"), (0.7, "HPS")])
def test_unmetered_lamps_among_metered_ones_do_not_keep_a_balance_from_being_learned(interval_s, metered, technology):
    circuits = (Circuit(30, 90, metered=metered, technology=technology), Circuit(30, 90))
    street = learned(Street(circuits, interval_s=interval_s, seed=5))
    street.is_cut |= street.where(1, 28)
    sweeps(street, 12)
    _, fault = only(street, "cableFailure")
    assert fault.span == ("C0-2-027", "C0-2-028")


@INTERVALS
@pytest.mark.parametrize("n_cut", [3, 4, 6])
def test_small_cut_tail_behind_a_large_cabinet_meter_is_a_cable(interval_s, n_cut):
    circuits = (Circuit(40, 90), Circuit(40, 90), Circuit(40, 90), Circuit(8, 40))
    street = learned(Street(circuits, interval_s=interval_s, seed=2), 120 if interval_s == 60 else 240)
    street.is_cut |= street.where(3, 9 - n_cut)
    sweeps(street, 15)
    _, fault = only(street, "cableFailure")
    assert fault.span == (f"C0-4-{8 - n_cut:03d}", f"C0-4-{9 - n_cut:03d}")


@INTERVALS
@pytest.mark.parametrize("n_lamps", [12, 20])
def test_a_tail_that_was_cut_before_the_first_sweep_is_a_cable(interval_s, n_lamps):
    street = Street((Circuit(n_lamps, 40), Circuit(21, 50)), interval_s=interval_s, seed=8)
    street.is_cut |= street.where(1, 11)
    sweeps(street, 8)
    _, fault = only(street, "cableFailure")
    assert fault.span == ("C0-2-010", "C0-2-011")


@INTERVALS
def test_a_bus_end_that_was_deaf_before_the_first_sweep_is_a_bus(interval_s):
    street = Street((Circuit(20, 40, bus="A"), Circuit(21, 50, bus="B")), interval_s=interval_s, seed=9)
    street.bus_down = {(0, "B")}
    sweeps(street, 8)
    only(street, "busFailure")


def test_a_tap_on_the_first_night_and_lost_replies_do_not_spoil_the_balance():
    circuits = tuple(Circuit(45, 90, has_meter=True, bus=bus) for bus in "AABB")
    street = Street(circuits, lost_replies=0.02, knows_phase=False, seed=3)
    street.tap_w[0] = 5000
    street.play(240)
    assert street.codes() == {"unmeteredLoad": 1}
    street.tap_w[:] = 0
    street.play(60)
    street.changes.clear()
    street.bus_down = {(0, "A")}
    street.play(6)
    _, fault = only(street, "busFailure")
    assert len(fault.lamp_ids) == 90


@INTERVALS
@pytest.mark.parametrize("has_meter", [True, False])
@pytest.mark.parametrize("rest", ["ABBBBBBBBBBBBBBBBBBB", "AB"])
def test_a_bus_that_carries_whole_circuits_and_some_lamps_of_another_is_one_fault(interval_s, has_meter, rest):
    circuits = (Circuit(20, 90, has_meter=has_meter), Circuit(20, 90, has_meter=has_meter), Circuit(20, 40, bus=rest))
    street = learned(Street(circuits, interval_s=interval_s, seed=4))
    street.bus_down = {(0, "A")}
    sweeps(street, 15)
    key, fault = only(street, "busFailure")
    assert (key.place.bus, fault.span, len(fault.lamp_ids)) == ("A", None, 40 + rest.count("A") * 20 // len(rest))


@INTERVALS
@pytest.mark.parametrize(("first", "second"), [(1.0, 1.0), (0.0, 1.0), (0.0, 0.0)])
def test_a_fuse_that_takes_its_circuit_meter_along_is_a_circuit_failure(interval_s, first, second):
    circuits = (
        Circuit(20, 90, has_meter=True, metered=first, technology="HPS" if first == 0 else "LED"),
        Circuit(20, 90, has_meter=True, metered=second),
    )
    street = learned(Street(circuits, interval_s=interval_s, seed=6))
    street.is_cut |= street.where(0)
    street.is_meter_dead[0, 0] = True
    sweeps(street, 4)
    key, fault = only(street, "circuitFailure")
    assert (key.place.circuit, len(fault.lamp_ids)) == ("1", 20)
    street.is_cut[:] = False
    street.is_meter_dead[:] = False
    sweeps(street, 5)
    assert street.codes() == {}


@INTERVALS
@pytest.mark.parametrize("n_metered", [1, 2])
@pytest.mark.parametrize("technology", ["LED", "HPS"])
def test_a_breaker_of_a_circuit_with_few_metered_lamps_is_a_circuit_failure(interval_s, n_metered, technology):
    circuits = (
        Circuit(14, 90, has_meter=True, metered=n_metered / 14, technology=technology),
        Circuit(14, 90, has_meter=True),
    )
    street = learned(Street(circuits, interval_s=interval_s, seed=6))
    street.is_cut |= street.where(0)
    street.is_meter_dead[0, 0] = True
    sweeps(street, 12)
    key, fault = only(street, "circuitFailure")
    assert (key.place.circuit, len(fault.lamp_ids), fault.at_us - fault.since_us) == ("1", 14, 2_000_000 * interval_s)
    street.is_cut[:] = False
    street.is_meter_dead[:] = False
    sweeps(street, 5)
    assert street.codes() == {}


@pytest.mark.parametrize("n_deaf", [1, 2])
def test_a_dead_circuit_meter_beside_deaf_lamps_whose_load_is_there_is_no_circuit_failure(n_deaf):
    circuits = (Circuit(14, 90, has_meter=True, metered=2 / 14), Circuit(14, 90, has_meter=True))
    street = learned(Street(circuits, seed=6))
    street.is_silent |= street.where(0, 1, n_deaf)
    street.is_meter_dead[0, 0] = True
    street.play(30)
    assert street.codes() == {"communicationFailure": n_deaf}


def test_a_silent_circuit_meter_whose_load_is_there_is_no_circuit_failure():
    circuits = (Circuit(20, 90, has_meter=True, metered=0), Circuit(20, 90, has_meter=True))
    street = learned(Street(circuits, seed=6))
    street.is_meter_dead[0, 0] = True
    street.play(60)
    assert street.changes == []


@INTERVALS
def test_a_pole_fuse_is_named_and_a_deaf_node_is_not(interval_s):
    street = learned(Street((Circuit(20, 90), Circuit(20, 90)), interval_s=interval_s, seed=9))
    street.is_cut |= street.where(0, 7, 7)
    sweeps(street, 10)
    key, fault = only(street, "lampFailure")
    assert (key.place.lamp_id, fault.evidence["suspected"]) == ("C0-1-007", "pole fuse")
    street.is_cut[:] = False
    sweeps(street, 4)
    assert street.codes() == {}
    street.changes.clear()
    street.is_silent |= street.where(1, 4, 4)
    sweeps(street, 10)
    only(street, "communicationFailure")


def test_lamps_that_fall_silent_together_without_an_order_are_no_pole_fuses():
    street = learned(Street((Circuit(20, 90, is_surveyed=False), Circuit(20, 90)), seed=9))
    street.is_cut |= street.where(0, 17)
    street.play(15)
    assert "lampFailure" not in street.ever()


def test_current_terminals_the_wrong_way_round_are_no_tap():
    street = learned(Street((Circuit(20, 90), Circuit(20, 90)), seed=10))
    street.is_reversed |= street.where(0, 1, 8)
    street.play(90)
    assert "unmeteredLoad" not in street.ever()
    picture = street.detection.live_picture()
    assert (picture["state"][street.where(0, 1, 8)] == 2).all()  # lit


def test_level_unknown_on_lost_replies_does_not_stop_unmetered_load():
    circuits = (Circuit(30, 90), Circuit(30, 90, dimmable=False))
    street = Street(circuits, lost_replies=0.05, lost_level=255, seed=11)
    street.level = 70
    learned(street)
    street.tap_w[0, 0] = 900
    street.play(33)
    only(street, "unmeteredLoad")


@INTERVALS
def test_a_tap_near_the_limit_is_told_in_time_in_a_large_city_of_discharge_lamps(interval_s):
    circuits = (Circuit(120, 150, technology="HPS"), Circuit(120, 150, technology="HPS"))
    late = []
    for seed in range(4):
        street = learned(Street(circuits, ballast=1.8, interval_s=interval_s, seed=seed, noise=0.01))
        street.tap_w[0] = 0.125 / 0.875 * 35_700 / 3  # 0.8 % beyond the limit, little more than the noise of one sample
        began_us = street.now_us
        told = street.play(60)
        late.append((told[0].at_us - began_us) / 60_000_000 if told else np.inf)
    assert max(late) <= 30 + 3 * interval_s / 60


@INTERVALS
@pytest.mark.parametrize("poles", [[1], [0, 1, 2]])
@pytest.mark.parametrize("has_contacts", [True, False])
def test_welded_poles_are_seen_by_the_cabinet_meter_alone(interval_s, poles, has_contacts):
    circuits = (Circuit(30, 90, metered=0), Circuit(30, 90, metered=0))
    street = Street(circuits, interval_s=interval_s, has_contacts=has_contacts, seed=15)
    learned(street)
    street.level, street.now_us = 0, DAY_AFTER_US
    street.play(90)
    street.changes.clear()
    street.welded[0, poles] = True
    street.play(30)
    only(street, "contactorFailure")
    street.welded[:] = False
    sweeps(street, 4)
    assert street.codes() == {}
    street.tap_w[0, 1] = 300  # a tap by day is none of the contactor's
    street.play(80)
    assert street.codes() == {"unmeteredLoad": 1}


def test_many_dark_lamps_of_a_sum_clear_in_ten_minutes_and_never_contradict_the_power():
    street = learned(Street((Circuit(20, 120, metered=0, has_meter=True),), has_cabinet_meter=False, seed=17), 120)
    street.factor[:12] = 0
    (fault,) = street.play(12)
    assert fault.evidence["lamps_dark"] == 12
    street.factor[:10] = 1
    street.play(20)
    ((_, fault),) = street.standing().items()
    assert fault.evidence["lamps_dark"] == 2
    missing_w = fault.evidence["expected_power_w"] - fault.evidence["power_w"]
    assert abs(missing_w / fault.evidence["lamp_power_w"] - 2) < 0.5
    street.factor[:] = 1
    assert street.play(9) == []
    assert len(street.play(3)) == 1
    assert street.codes() == {}


@pytest.mark.parametrize("n", [6, 30])
def test_a_street_without_supply_whose_agent_lives_on_a_battery_is_no_fault_of_its_lamps(n):
    """Nothing tells of the supply: neither contact nor meter."""
    street = learned(Street((Circuit(n, 90),), has_cabinet_meter=False, has_contacts=False, seed=18))
    street.is_supplied[:] = False
    street.play(60)
    assert street.changes == []
    street.is_supplied[:] = True
    street.play(20)
    assert street.changes == []
    street.is_silent |= street.where(0, 3, 3)
    street.play(8)
    only(street, "communicationFailure")


@pytest.mark.parametrize("interval_s", [60, 300])
@pytest.mark.parametrize("apart", [1, 2])
def test_lamps_of_a_dead_circuit_whose_last_replies_are_sweeps_apart_are_told_as_the_circuit(interval_s, apart):
    circuits = (Circuit(16, 60), Circuit(24, 60), Circuit(17, 60))
    street = learned(Street(circuits, interval_s=interval_s, seed=31))
    late = street.where(1) & (street.rng.random(street.n) < 0.4)
    street.is_cut |= street.where(1) & ~late
    street.play(apart * interval_s / 60)
    street.is_cut |= late
    street.play(3 * interval_s / 60)
    only(street, "circuitFailure")
    street.play(4 * interval_s / 60)
    assert street.ever() == {"circuitFailure"}


@pytest.mark.parametrize("interval_s", [60, 300])
def test_a_lamp_that_misses_a_sweep_while_the_others_behind_it_are_cut_off_is_none_of_theirs(interval_s):
    street = learned(Street((Circuit(12, 90), Circuit(12, 90)), interval_s=interval_s, seed=32))
    street.is_cut |= street.where(0, 2)
    street.play(2 * interval_s / 60)
    street.is_silent |= street.where(0, 1, 1)  # one lost reply, in the very sweep that would confirm
    street.play(interval_s / 60)
    street.is_silent[:] = False
    street.play(2 * interval_s / 60)
    _, fault = only(street, "cableFailure")
    assert fault.span == ("C0-1-001", "C0-1-002")


@pytest.mark.parametrize("interval_s", [60, 300])
def test_dead_meters_of_circuits_tell_nothing_of_lamps_elsewhere_in_a_street_without_supply(interval_s):
    circuits = (Circuit(20, 150, technology="HPS", has_meter=True), Circuit(9, 90, bus="B"))
    street = learned(Street(circuits, has_contacts=False, interval_s=interval_s, seed=33))
    street.is_supplied[:] = False
    street.play(60)
    assert "communicationFailure" not in street.ever()
    street.is_supplied[:] = True
    street.play(60)
    assert street.codes() == {}
