"""What circuits, cables and buses say of the load that told them: measured beside expected, of their lamps alone."""

import pytest

from tests.ingest.detection.mixed_street import Circuit, Street
from tests.ingest.detection.street_sweeps import learned, sweeps

INTERVALS = pytest.mark.parametrize("interval_s", [60, 300])


def street_of(*circuits, interval_s=60, **settings):
    return learned(Street(circuits, interval_s=interval_s, noise=0.002, seed=3, **settings))


def faults_of(street, code):
    return {key.place.circuit or key.place.bus: fault for key, fault in street.standing().items() if key.code == code}


def assert_power(fault, expected_w, *, is_there):
    shown = fault.evidence
    assert shown["expected_power_w"] == pytest.approx(expected_w, rel=0.06)
    if is_there:
        assert shown["power_w"] == pytest.approx(expected_w, rel=0.1)
    else:
        assert 0 <= shown["power_w"] < 0.15 * expected_w


@INTERVALS
@pytest.mark.parametrize("has_meter", [True, False])
def test_a_dead_circuit_says_what_its_lamps_draw_and_should_draw(interval_s, has_meter):
    street = street_of(Circuit(12, 90, has_meter=has_meter), Circuit(8, 60), interval_s=interval_s)
    should_w = street.power[street.where(0)].sum()
    street.is_fuse_blown[0, 0, :] = True
    sweeps(street, 6)
    assert_power(faults_of(street, "circuitFailure")["1"], should_w, is_there=False)


def test_two_circuits_that_die_in_one_sweep_say_each_its_own():
    street = street_of(Circuit(12, 90), Circuit(8, 150), Circuit(6, 60))
    should_w = [street.power[street.where(q)].sum() for q in (0, 1)]
    street.is_fuse_blown[0, :2, :] = True
    sweeps(street, 6)
    found = faults_of(street, "circuitFailure")
    for name, expected_w in zip("12", should_w, strict=True):
        assert_power(found[name], expected_w, is_there=False)


@INTERVALS
def test_a_cut_cable_says_what_the_lamps_behind_it_draw_and_should_draw(interval_s):
    street = street_of(Circuit(12, 90), Circuit(8, 60), interval_s=interval_s)
    tail = street.where(0, 7)
    should_w = street.power[tail].sum()
    street.is_cut |= tail
    sweeps(street, 6)
    assert_power(faults_of(street, "cableFailure")["1"], should_w, is_there=False)


def test_a_dead_bus_says_that_its_lamps_draw_what_they_should():
    street = street_of(Circuit(12, 90), Circuit(8, 60, bus="B"))
    should_w = street.power[street.where(1)].sum()
    street.is_silent |= street.where(1)
    sweeps(street, 6)
    fault = faults_of(street, "busFailure")["B"]
    assert fault.evidence["lamps_silent"] == len(fault.lamp_ids) == 8
    assert_power(fault, should_w, is_there=True)


def test_a_fuse_that_takes_its_meter_along_says_what_the_circuit_draws_and_should_draw():
    circuits = (Circuit(12, 90, metered=0, has_meter=True), Circuit(8, 150, metered=0, has_meter=True))
    street = learned(Street(circuits, noise=0.002, seed=3), 90)
    should_w = street.power[street.where(0)].sum()
    street.is_fuse_blown[0, 0, :] = True
    street.is_meter_dead[0, 0] = True
    sweeps(street, 6)
    fault = faults_of(street, "circuitFailure")["1"]
    assert fault.evidence["meter_silent"] is True
    assert_power(fault, should_w, is_there=False)


def test_nothing_is_said_of_the_power_where_no_meter_told_it():
    street = street_of(Circuit(12, 90), Circuit(8, 60), has_cabinet_meter=False)
    street.is_fuse_blown[0, 0, :] = True
    sweeps(street, 6)
    fault = faults_of(street, "circuitFailure")["1"]
    assert "power_w" not in fault.evidence
    assert "expected_power_w" not in fault.evidence


def test_a_bus_whose_failure_grows_counts_all_its_lamps():
    """Its far end first; then the wire breaks nearer to the cabinet as well."""
    street = street_of(Circuit(16, 90), Circuit(8, 60, bus="B"))
    street.is_silent |= street.where(0, 11)
    sweeps(street, 6)
    street.is_silent |= street.where(0, 5)
    sweeps(street, 8)
    fault = faults_of(street, "busFailure")["A"]
    assert fault.evidence["lamps_silent"] == len(fault.lamp_ids) == 12


@INTERVALS
@pytest.mark.parametrize("watts", [(90, 90), (90, 60)])
def test_two_pole_fuses_in_one_sweep_cannot_be_told_apart(interval_s, watts):
    """Each of the two could explain the step of the load, or its part: neither is reported as a pole fuse."""
    street = street_of(*(Circuit(14, watt) for watt in watts), interval_s=interval_s)
    dead = [street.where(0, 5, 5), street.where(1, 9, 9)]
    street.is_cut |= dead[0] | dead[1]
    sweeps(street, 10)
    assert street.codes() == {"communicationFailure": 2}
    for fault in street.standing().values():
        assert fault.evidence["ambiguous"] is True
        assert "is_dark" not in fault.evidence


@INTERVALS
def test_a_fuse_and_a_deaf_node_in_one_sweep_cannot_be_told_apart(interval_s):
    street = street_of(Circuit(14, 90), Circuit(14, 90), interval_s=interval_s, knows_phase=False)
    street.is_cut |= street.where(0, 5, 5)
    street.is_silent |= street.where(1, 9, 9)
    sweeps(street, 10)
    assert street.codes() == {"communicationFailure": 2}
    assert all(fault.evidence["ambiguous"] is True for fault in street.standing().values())
