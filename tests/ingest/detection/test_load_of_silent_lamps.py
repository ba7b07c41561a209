"""What meters say of silent lamps while something else goes on: lamps that return, arcs that strike, other loads."""

import numpy as np
import pytest

from tests.ingest.detection.mixed_street import Circuit, Street
from tests.ingest.detection.street_sweeps import INTERVALS, learned, sweeps

DEAF = 5


def told_of_lamps(street):
    return {key.place.lamp_id: fault for key, fault in street.standing().items() if key.place.lamp_id}


@pytest.mark.parametrize("metered", [1.0, 0.8])
@pytest.mark.parametrize("before", [2, 3])
@pytest.mark.parametrize("after", [2, 3])
def test_a_node_that_falls_silent_as_a_dead_cable_returns_is_no_pole_fuse(metered, before, after):
    """A lamp that answers has its load, though the fault of its cable stands until that has been confirmed."""
    street = learned(Street((Circuit(20, 40), Circuit(10, 45, metered=metered)), noise=0.002, seed=11), 20)
    street.is_cut |= street.where(1, 5)
    sweeps(street, 6 + before)
    assert street.codes() == {"cableFailure": 1}
    street.is_cut[:] = False
    sweeps(street, after)
    street.is_silent |= street.where(0, DEAF, DEAF)
    sweeps(street, 14)
    assert "lampFailure" not in street.ever()
    assert street.codes() == {"communicationFailure": 1}
    (fault,) = told_of_lamps(street).values()
    assert fault.evidence.get("is_dark") is False


@pytest.mark.parametrize(("interval_s", "before"), [(60, 2), (300, 2), (300, 3)])
def test_a_pole_fuse_that_blows_as_a_dead_circuit_returns_is_told(interval_s, before):
    street = learned(Street((Circuit(20, 40), Circuit(18, 45)), interval_s=interval_s, noise=0.002, seed=12))
    street.is_cut |= street.where(1)
    sweeps(street, 10)
    street.is_cut |= street.where(0, DEAF, DEAF)
    sweeps(street, before)
    street.is_cut &= ~street.where(1)
    sweeps(street, 14)
    assert street.codes() == {"lampFailure": 1}


@pytest.mark.parametrize("interval_s", [60, 300])
@pytest.mark.parametrize("has_contacts", [True, False])
def test_a_lamp_that_misses_the_first_sweep_after_an_outage_of_all_is_no_fault(interval_s, has_contacts):
    """Twelve lamps whose cabinet says nothing of its supply: what was silent all the while is nobody's own silence."""
    street = learned(Street((Circuit(12, 20),), has_contacts=has_contacts, noise=0.002, interval_s=interval_s, seed=13))
    street.is_supplied[:] = False
    sweeps(street, 30)
    street.is_supplied[:] = True
    street.is_silent |= street.where(0, DEAF, DEAF)
    sweeps(street, 1)
    street.is_silent[:] = False
    sweeps(street, 12)
    assert not told_of_lamps(street)
    assert "communicationFailure" not in street.ever()


def test_a_lamp_that_stays_silent_after_an_outage_of_all_is_told():
    street = learned(Street((Circuit(12, 20),), has_contacts=False, noise=0.002, seed=13))
    street.is_supplied[:] = False
    sweeps(street, 30)
    street.is_supplied[:] = True
    street.is_silent |= street.where(0, DEAF, DEAF)
    sweeps(street, 12)
    assert street.codes() == {"communicationFailure": 1}


def dip(street):
    """One sweep of 140 V: the arcs of discharge lamps go out."""
    street.volts[:] = 140
    sweeps(street, 1)
    street.volts[:] = 227


@pytest.mark.parametrize("interval_s", [60, 300])
@pytest.mark.parametrize("after", [0, 1])
def test_a_breaker_that_trips_in_a_dip_is_a_circuit_failure_and_nothing_else(interval_s, after):
    circuits = tuple(Circuit(12, 90, technology="HPS", phases=phase) for phase in "RST")
    street = learned(Street(circuits, noise=0.003, interval_s=interval_s, seed=14))
    dip(street)
    sweeps(street, after)
    street.is_cut |= street.where(0)
    sweeps(street, 20)
    assert street.ever() == {"circuitFailure"}


@pytest.mark.parametrize("interval_s", [60, 300])
@pytest.mark.parametrize("after", [0, 1])
def test_a_bus_that_dies_in_a_dip_is_no_circuit_failure(interval_s, after):
    """Their lamps strike again: what they draw meanwhile is less than what they drew before, and more than nothing."""
    circuits = (Circuit(12, 90, technology="HPS", bus="A"), Circuit(12, 90, technology="HPS", bus="B"))
    street = learned(Street(circuits, noise=0.003, interval_s=interval_s, seed=15))
    dip(street)
    sweeps(street, after)
    street.bus_down = {(0, "A")}
    sweeps(street, 20)
    assert street.ever() == {"busFailure"}


def test_discharge_lamps_whose_last_reply_fell_into_a_dip_are_weighed_by_what_they_usually_draw():
    """At sweeps of five minutes the last power before the silence is that of the dip for half an hour."""
    circuits = tuple(Circuit(22, 70, technology="HPS", phases=p, bus=bus) for p, bus in zip("RST", "ABC", strict=True))
    street = learned(Street(circuits, noise=0.003, interval_s=300, seed=16))
    dip(street)
    street.is_cut |= street.where(0)
    sweeps(street, 5)
    (key,) = street.standing()
    assert (key.code, key.place.circuit) == ("circuitFailure", "1")


@pytest.mark.parametrize("interval_s", [60, 300])
def test_a_cable_cut_whose_phases_are_counted_from_different_sweeps_is_one_cable(interval_s):
    """One phase was dead before and came back for a moment: its lamps are counted anew while the others are lost."""
    street = learned(Street((Circuit(24, 90), Circuit(24, 90)), noise=0.002, interval_s=interval_s, seed=17))
    street.is_cut |= street.where(0, 3)
    sweeps(street, 2)
    again = street.fleet_of[street.where(0, 3, phase="R")]
    street.detection._silence.lost.forget(again.astype(np.int64))
    sweeps(street, 9)
    assert street.ever() == {"cableFailure"}
    (fault,) = street.standing().values()
    assert fault.span == ("C0-1-002", "C0-1-003")


@pytest.mark.parametrize("extra_w", [-300, 300])
@pytest.mark.parametrize("interval_s", [60, 300])
def test_a_load_that_changes_with_a_deaf_node_and_is_not_of_its_size_tells_nothing(extra_w, interval_s):
    street = learned(Street((Circuit(24, 60), Circuit(24, 60)), noise=0.002, interval_s=interval_s, seed=18))
    street.tap_w[0] = max(0, -extra_w)
    sweeps(street, 60)
    street.tap_w[0] = max(0, extra_w)
    street.is_silent |= street.where(0, DEAF, DEAF)
    sweeps(street, 12)
    assert "lampFailure" not in street.ever()
    (fault,) = [fault for key, fault in street.standing().items() if key.code == "communicationFailure"]
    assert fault.evidence.get("ambiguous") is True


@INTERVALS
@pytest.mark.parametrize("technology", ["LED", "HPS"])
@pytest.mark.parametrize("n_dark", [1, 20])
def test_a_lamp_that_was_dark_before_its_node_fell_silent_has_no_pole_fuse(interval_s, technology, n_dark):
    street = learned(
        Street((Circuit(14, 100, technology), Circuit(14, 100)), interval_s=interval_s, noise=0.002, seed=9)
    )
    street.factor[street.where(0, 6, 6)] = 0.01
    sweeps(street, n_dark)
    street.is_silent |= street.where(0, 6, 6)
    sweeps(street, 25)
    told = {key.code: fault for key, fault in street.standing().items()}
    assert told["communicationFailure"].evidence["ambiguous"] is True
    assert "load" not in told["communicationFailure"].evidence
    assert ("lampFailure" in told) == (n_dark >= 3)
    assert all("suspected" not in fault.evidence for fault in told.values())
    street.factor[:] = 1.0
    street.is_silent[:] = False
    sweeps(street, 20)
    assert street.codes() == {}
