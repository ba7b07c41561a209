"""Lamps that switch themselves are live by day: what is silent then is told, and told apart as soon as loads tell."""

import pytest

from ingest.model.finding import Raised
from ingest.model.fleet import SWITCHING_UNKNOWN
from tests.ingest.detection.mixed_street import DAY_US, Circuit, Street

HOUR = 3_600_000_000
LEDS = (Circuit(14, 90), Circuit(14, 90))


def by_day(circuits=LEDS, **kwargs):
    """A street whose lamps switch themselves, in the second day of its life."""
    street = Street(circuits, switching="lamp", noise=0.002, start_us=DAY_US - 14 * HOUR, **kwargs)
    street.play(45)
    street.level, street.interval_s = 0, 300
    street.play(60)
    assert street.changes == []
    return street


def dusk(street, minutes=25):
    street.level, street.interval_s = 100, 60
    street.play(minutes)


def test_a_breaker_is_told_by_the_other_circuits_of_its_bus():
    street = by_day()
    street.is_cut |= street.where(0)
    street.play(15)
    assert street.codes() == {"circuitFailure": 1}
    street.play(60)
    dusk(street)
    assert street.ever() == {"circuitFailure"}


@pytest.mark.parametrize("knows", ["switching", "answered"])
@pytest.mark.parametrize("is_bus", [True, False])
def test_a_whole_bus_is_ambiguous_until_its_load_tells(knows, is_bus):
    street = by_day((Circuit(14, 90, bus="A"), Circuit(14, 90, bus="B")))
    if knows == "answered":
        street.fleet.cabinet_switching[:] = SWITCHING_UNKNOWN
        street.play(15)
    if is_bus:
        street.bus_down.add((0, "A"))
    else:
        street.is_cut |= street.where(0)
    street.play(25)
    assert street.codes() == {"communicationFailure": 14}
    assert all(fault.evidence["ambiguous"] for fault in street.standing().values())
    street.play(60)
    dusk(street)
    assert street.codes() == {"busFailure" if is_bus else "circuitFailure": 1}


def test_the_end_of_a_bus_that_is_a_circuit_is_no_circuit_before_its_load_tells():
    street = by_day()
    street.is_silent |= street.where(1)
    street.play(25)
    assert street.codes() == {"communicationFailure": 14}
    dusk(street)
    assert street.codes() == {"busFailure": 1}


def test_a_cable_is_told_at_dusk_and_explains_what_was_silent_by_day():
    street = by_day()
    street.is_cut |= street.where(0, 8)
    street.play(25)
    assert street.codes() == {"communicationFailure": 7}
    dusk(street)
    assert street.codes() == {"cableFailure": 1}


@pytest.mark.parametrize(("is_fuse", "code"), [(True, "lampFailure"), (False, "communicationFailure")])
def test_one_lamp_is_told_by_day_and_its_load_at_dusk(is_fuse, code):
    street = by_day()
    chosen = street.where(0, 5, 5)
    street.is_cut |= chosen & is_fuse
    street.is_silent |= chosen & (not is_fuse)
    street.play(25)
    assert street.codes() == {"communicationFailure": 1}
    dusk(street)
    assert street.codes() == {code: 1}
    (fault,) = street.standing().values()
    assert fault.evidence["is_dark"] is is_fuse
    assert "ambiguous" not in fault.evidence
    n = len(street.changes)
    street.play(30)
    assert len(street.changes) == n, "asked once"


def test_what_was_told_by_day_outlives_a_restart():
    street = by_day()
    street.is_cut |= street.where(0, 8)
    street.play(25)
    memory = street.detection.snapshot()
    fresh = Street(street.circuits, switching="lamp").detection
    fresh.restore(memory)
    street.detection = fresh
    dusk(street)
    assert street.codes() == {"cableFailure": 1}


def test_four_lost_replies_in_a_row_by_day_are_no_fault_of_one_lamp():
    street = by_day()
    street.is_silent |= street.where(0, 5, 5)
    street.play(20)
    street.is_silent[:] = False
    street.play(15)
    assert [change for change in street.changes if isinstance(change, Raised)] == []


def test_a_blackout_by_day_that_nothing_tells_of_is_nobodys_own():
    street = by_day(has_contacts=False)
    street.is_supplied[:] = False
    street.play(120)
    assert street.changes == []


def test_a_circuit_of_contactors_is_silent_by_day():
    street = Street((Circuit(14, 90), Circuit(14, 90)), start_us=DAY_US - 14 * HOUR)
    street.play(45)
    street.level, street.interval_s = 0, 300
    street.play(180)
    assert street.changes == []


@pytest.mark.parametrize("has_cabinet_meter", [True, False])
def test_a_contactor_that_nobody_knows_of_opens_at_dawn(has_cabinet_meter):
    """One sweep hears the lamps while they are told to be off already: that is no circuit that answers by day."""
    street = Street((Circuit(14, 90, has_meter=True), Circuit(14, 90)), has_contacts=False, lost_replies=0.02,
                    has_cabinet_meter=has_cabinet_meter, start_us=DAY_US - 14 * HOUR)  # fmt: skip
    street.fleet.cabinet_switching[:] = SWITCHING_UNKNOWN
    street.play(45)
    street.level, street.interval_s = 0, 300
    street.welded[:] = True
    street.play(5)
    street.welded[:] = False
    street.play(180)
    assert street.changes == []
