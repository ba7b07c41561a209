"""A lamp that falls silent beside other faults: what those do to the sums of meters is none of its own."""

import numpy as np
import pytest

from tests.ingest.detection.mixed_street import Circuit, Street
from tests.ingest.detection.street_sweeps import learned, sweeps

DEAF, WRONG = 12, 3


def beside(street, *, is_lost):
    """Let the meter of one lamp show wrong powers, with its reply lost in some sweeps."""
    at = street.fleet_of[street.where(0, WRONG, WRONG)][0]

    def quirk(columns):
        row = np.flatnonzero(columns["lamp"] == at)[0]
        columns["power_w"][row] += 60
        if is_lost():
            columns["quality"][row] = 1
            for name in ("power_w", "voltage_v", "current_a", "power_factor"):
                columns[name][row] = np.nan

    street.quirk = quirk


@pytest.mark.parametrize("lost", [{5, 9}, {3, 4, 5}, {7, 8}])
def test_lost_replies_of_a_meter_that_shows_nonsense_make_no_deaf_lamp_dark(lost):
    street = learned(Street((Circuit(14, 40, phases="T"), Circuit(14, 40, phases="S")), noise=0.002, seed=3))
    sweep = [-10]
    beside(street, is_lost=lambda: sweep[0] in lost)
    street.play(10)
    assert street.codes() == {"meterFailure": 1}
    street.is_silent |= street.where(0, DEAF, DEAF)
    street.play(12, before=lambda step: sweep.__setitem__(0, step))
    assert street.codes() == {"meterFailure": 1, "communicationFailure": 1}
    (fault,) = (fault for key, fault in street.standing().items() if key.code == "communicationFailure")
    assert fault.evidence["is_dark"] is False


@pytest.mark.parametrize("minutes", [8, 40])
def test_a_meter_that_stands_still_over_a_dim_step_makes_no_deaf_lamp_dark(minutes):
    street = learned(Street((Circuit(14, 40, phases="T"), Circuit(14, 40, phases="S")), noise=0.002, seed=4))
    at, kept = street.fleet_of[street.where(0, WRONG, WRONG)][0], {}

    def freeze(columns):
        row = np.flatnonzero(columns["lamp"] == at)[0]
        for name in ("power_w", "voltage_v", "current_a", "power_factor"):
            columns[name][row] = kept.setdefault(name, columns[name][row])

    street.quirk = freeze
    street.play(minutes)
    street.level = 50
    street.play(2)
    street.is_silent |= street.where(0, DEAF, DEAF)
    street.play(15)
    assert "lampFailure" not in street.ever()
    assert street.codes()["communicationFailure"] == 1


@pytest.mark.parametrize(("volts", "knows_phase"), [(210, True), (212, False), (238, True)])
def test_deaf_ballasts_at_another_voltage_make_no_deaf_lamp_dark(volts, knows_phase):
    circuits = (Circuit(28, 150, technology="HPS"), Circuit(27, 60, technology="HPS", bus="B"))
    street = learned(Street(circuits, knows_phase=knows_phase, noise=0.002, seed=8))
    street.bus_down = {(0, "B")}
    street.play(6)
    assert street.codes() == {"busFailure": 1}
    street.volts[:] = volts
    street.play(10)
    street.is_silent |= street.where(0, DEAF, DEAF)
    street.play(12)
    assert street.codes() == {"busFailure": 1, "communicationFailure": 1}
    assert "lampFailure" not in street.ever()


@pytest.mark.parametrize("first", [13, 14])
def test_pole_fuses_that_blow_hours_apart_at_the_end_of_a_cable_are_no_cable(first):
    street = learned(Street((Circuit(14, 40), Circuit(14, 40)), noise=0.002, seed=5))
    street.is_cut |= street.where(0, first, first)
    street.play(30)
    street.is_cut |= street.where(0, 13, 14)
    street.play(30)
    assert street.ever() == {"lampFailure"}
    assert {key.place.lamp_id for key in street.standing()} == {"C0-1-013", "C0-1-014"}


@pytest.mark.parametrize(("before", "span"), [(14, ("C0-1-011", "C0-1-012")), (12, ("C0-1-011", "C0-1-013"))])
def test_a_cable_that_breaks_before_or_behind_a_dark_lamp_is_a_cable_still(before, span):
    street = learned(Street((Circuit(14, 40), Circuit(14, 40)), noise=0.002, seed=6))
    street.is_cut |= street.where(0, before, before)
    street.play(30)
    street.is_cut |= street.where(0, 12, 14)
    street.play(12)
    (fault,) = (fault for key, fault in street.standing().items() if key.code == "cableFailure")
    assert fault.span == span


@pytest.mark.parametrize("is_of_circuit", [True, False])
@pytest.mark.parametrize("off_v", [(-9, 9, 9), (9, -9, 0), (-9, 0, 9)])
def test_phases_that_come_back_to_where_they_belong_are_no_broken_neutral(is_of_circuit, off_v):
    street = learned(Street((Circuit(24, 90), Circuit(24, 90)), noise=0.001, seed=7))

    def apart(columns):
        rows = np.flatnonzero(np.isin(columns["lamp"], street.fleet_of[street.where(1)]))
        columns["voltage_v"][rows] = np.choose(street.fleet.phase[columns["lamp"][rows]], volts)

    for share in (1.0, 1.5):  # each step is less than the limit: what is usual follows
        volts = 227 + share * np.array(off_v)
        if is_of_circuit:
            street.quirk = apart
        else:
            street.volts[0] = volts
        street.play(60)
    assert "neutralFailure" not in street.ever()
    street.quirk, street.volts[0] = None, (228.5, 226, 227)
    street.play(10)
    assert "neutralFailure" not in street.ever()


def test_a_supply_that_was_low_last_night_and_a_silent_phase_are_no_broken_neutral():
    street = Street((Circuit(9, 90), Circuit(9, 90)), noise=0.001, seed=7)
    street.volts[:] = 209
    street.play(60)
    street.level, street.volts[:] = 0, 229
    street.play(60)
    street.is_silent |= street.where(1, phase="T")
    street.level = 100
    street.play(10)
    assert "neutralFailure" not in street.ever()


def test_a_load_that_goes_after_a_node_went_deaf_is_no_pole_fuse():
    street = learned(Street((Circuit(24, 90), Circuit(24, 90)), noise=0.002, seed=8))
    street.tap_w[0, 2] = 120  # on the phase of that lamp
    street.play(20)
    street.is_silent |= street.where(0, DEAF, DEAF)
    street.play(3)
    street.tap_w[0, 2] = 0
    street.play(12)
    assert "lampFailure" not in street.ever()
    assert street.codes() == {"communicationFailure": 1}


@pytest.mark.parametrize("is_fuse", [True, False])
@pytest.mark.parametrize("earlier", [(2, 1), (1, 9), (2, 6)])
def test_a_lamp_that_was_silent_before_does_not_hide_the_far_end_of_its_bus(earlier, is_fuse):
    """From the ninth lamp of the second circuit on a wire is broken; one lamp behind it had been silent for long."""
    street = learned(Street((Circuit(9, 90), Circuit(12, 40), Circuit(12, 60)), noise=0.002, seed=21))
    circuit, pole = earlier
    lone = street.where(circuit, pole, pole)
    if is_fuse:
        street.is_cut |= lone
    else:
        street.is_silent |= lone
    sweeps(street, 30)
    street.is_silent |= street.where(1, 8) | street.where(2)
    sweeps(street, 8)
    assert street.codes() == {"busFailure": 1, "lampFailure" if is_fuse else "communicationFailure": 1}
    (fault,) = [fault for key, fault in street.standing().items() if key.code == "busFailure"]
    assert fault.span == ("C0-2-007", "C0-2-008")
    assert len(fault.lamp_ids) == 16


def test_lamps_that_fell_silent_one_after_another_are_no_end_of_a_bus():
    street = learned(Street((Circuit(9, 90), Circuit(6, 40), Circuit(4, 60)), noise=0.002, seed=21))
    for circuit, pole in ((1, 5), (1, 6), (2, 1), (2, 2), (2, 3), (2, 4)):
        street.is_silent |= street.where(circuit, pole, pole)
        sweeps(street, 9)
    assert street.codes() == {"communicationFailure": 6}


@pytest.mark.parametrize(
    ("share", "cause", "code"), [(0.015, "deaf", "communicationFailure"), (1, "fuse", "lampFailure")]
)
@pytest.mark.parametrize("n_alike", [2, 3])
def test_a_reading_that_comes_twice_by_chance_hides_no_power_from_the_sum(share, cause, code, n_alike):
    """A dark lamp and a driver that keeps its level draw the same before and after a step; their meters are right."""
    street = Street((Circuit(14, 40, phases="T"), Circuit(14, 40, phases="S")), noise=0.002, interval_s=300, seed=4)
    street.play(150)
    at, kept = street.fleet_of[street.where(0, WRONG, WRONG)][0], {}
    sweeps = iter(range(1000))

    def keep(columns):
        row, sweep = np.flatnonzero(columns["lamp"] == at)[0], next(sweeps)
        watt = 40.0 * share
        columns["power_w"][row], columns["current_a"][row] = watt, 0.004 if share < 1 else 0.19
        if sweep >= 30 + 3 - n_alike:  # silence is judged in the third sweep
            columns["voltage_v"][row] = kept.setdefault("v", columns["voltage_v"][row])

    street.quirk = keep
    street.play(75)
    street.level = 50
    street.play(75)
    (street.is_silent if cause == "deaf" else street.is_cut)[street.where(0, DEAF, DEAF)] = True
    street.play(30)
    told = {change.key.place.lamp_id: change for change in street.standing().values()}
    assert told[f"C0-1-{DEAF:03d}"].key.code == code
