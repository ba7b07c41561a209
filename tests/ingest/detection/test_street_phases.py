"""Streets whose phases move apart, break or are missing."""

import numpy as np
import pytest

from tests.ingest.detection.mixed_street import DAY_US, Circuit, Street
from tests.ingest.detection.street_sweeps import INTERVALS, learned, only, sweeps


@INTERVALS
@pytest.mark.parametrize("has_meter", [True, False])
def test_one_phase_of_a_circuit_is_one_fault_with_its_phase(interval_s, has_meter):
    circuits = (Circuit(24, 90, has_meter=has_meter), Circuit(24, 90, has_meter=has_meter))
    street = learned(Street(circuits, interval_s=interval_s, seed=7))
    street.is_fuse_blown[0, 0, 1] = True
    sweeps(street, 12)
    key, fault = only(street, "circuitFailure")
    assert (key.place.phase, fault.evidence["phase"], len(fault.lamp_ids)) == ("S", "S", 8)
    street.is_fuse_blown[:] = False
    sweeps(street, 5)
    assert street.codes() == {}


@INTERVALS
@pytest.mark.parametrize("has_meter", [True, False])
def test_one_phase_behind_a_pole_names_the_span_between_its_neighbours(interval_s, has_meter):
    circuits = (Circuit(24, 90, has_meter=has_meter), Circuit(24, 90, has_meter=has_meter))
    street = learned(Street(circuits, interval_s=interval_s, seed=8))
    street.is_cut |= street.where(0, 10, phase="T")
    sweeps(street, 12)
    key, fault = only(street, "cableFailure")
    assert (key.place.phase, fault.span, len(fault.lamp_ids)) == ("T", ("C0-1-009", "C0-1-012"), 5)


@INTERVALS
@pytest.mark.parametrize("volts", [(252, 243, 190), (239, 227, 214), (380, 360, 120)])
def test_phases_that_move_apart_are_a_broken_neutral_and_nothing_else(interval_s, volts):
    street = learned(Street((Circuit(24, 90), Circuit(24, 90)), interval_s=interval_s, seed=12))
    street.volts[0] = volts
    sweeps(street, 2)
    key, fault = only(street, "neutralFailure")
    assert (key.place.cabinet_id, key.place.circuit, len(fault.lamp_ids)) == ("C-0", None, 48)
    sweeps(street, 20)
    only(street, "neutralFailure")
    street.volts[:] = 227
    sweeps(street, 6)
    assert street.codes() == {}
    assert street.ever() == {"neutralFailure"}


@pytest.mark.parametrize("n_circuits", [1, 2])
@pytest.mark.parametrize("volts", [(248, 210, 230), (262, 259, 180), (190, 195, 260)])
def test_a_neutral_that_breaks_on_one_circuit_is_the_circuits(n_circuits, volts):
    street = learned(Street((Circuit(24, 90),) * n_circuits, seed=13))

    def apart(columns):
        rows = np.flatnonzero(np.isin(columns["lamp"], street.fleet_of[street.where(n_circuits - 1)]))
        phase = street.fleet.phase[columns["lamp"][rows]]
        columns["voltage_v"][rows] = np.choose(phase, volts)

    street.quirk = apart
    street.play(30)
    key, _ = only(street, "neutralFailure")
    assert key.place.circuit == str(n_circuits)
    street.quirk = None
    street.play(8)
    assert street.codes() == {}
    assert street.ever() == {"neutralFailure"}


@pytest.mark.parametrize("has_cabinet_meter", [True, False])
@pytest.mark.parametrize("phases", ["RST", "RS"])
def test_a_neutral_that_breaks_and_leaves_a_phase_too_little_to_answer_is_one_fault(has_cabinet_meter, phases):
    circuits = (Circuit(18, 90, phases=phases), Circuit(18, 90, phases=phases))
    street = learned(Street(circuits, has_cabinet_meter=has_cabinet_meter, seed=13))
    weak = street.where(1, phase="S")
    strong = street.where(1) & ~weak

    def apart(columns):
        columns["voltage_v"][np.isin(columns["lamp"], street.fleet_of[strong])] = 322

    street.quirk, street.is_cut[weak] = apart, True
    street.play(30)
    key, fault = only(street, "neutralFailure")
    assert (key.place.circuit, len(fault.lamp_ids)) == ("2", 18)
    street.quirk, street.is_cut[:] = None, False
    street.play(10)
    assert street.codes() == {}
    assert street.ever() == {"neutralFailure"}


def test_a_dead_phase_of_a_circuit_under_a_high_supply_is_no_broken_neutral():
    street = learned(Street((Circuit(18, 90), Circuit(18, 90)), seed=13))
    street.is_fuse_blown[0, 1, 1] = True
    street.play(10)
    street.volts[0] = 240
    street.play(30)
    assert street.ever() == {"circuitFailure"}


def test_a_brown_out_of_all_phases_and_a_lost_phase_are_no_broken_neutral():
    street = learned(Street((Circuit(24, 90, technology="HPS"), Circuit(24, 90)), seed=14))
    street.volts[:] = 200
    street.play(8)
    street.volts[:] = 227
    street.play(30)
    assert street.changes == []
    street.volts[0, 1] = 0
    street.play(8)
    assert "neutralFailure" not in street.ever()


@pytest.mark.parametrize("has_contact", [True, False])
@pytest.mark.parametrize(("n_cabinets", "minutes", "is_told"), [(8, 240, False), (1, 60, False), (1, 300, True)])
def test_photocells_in_dark_weather_are_no_fault(n_cabinets, minutes, is_told, has_contact):
    """From 09:00 on; the sun stands high since 07:00."""
    circuits = (Circuit(6, 90, dimmable=False),)
    street = Street(
        circuits, n_cabinets, switching="lamp", has_idle_contact=has_contact, start_us=DAY_US, interval_s=300, seed=16
    )
    street.tells_level, street.level = False, 0
    street.play(30)
    street.is_forced_on[:] = True
    street.play(minutes)
    assert street.ever() == ({"lampUnexpectedOn"} if is_told else set())


@INTERVALS
@pytest.mark.parametrize("has_meter", [True, False])
def test_one_sweep_of_140_volts_opens_nothing_on_sums_of_discharge_lamps(interval_s, has_meter):
    circuits = tuple(Circuit(n, 150, technology="HPS", metered=0, has_meter=has_meter) for n in (40, 59))
    for seed in range(3):
        street = learned(Street(circuits, interval_s=interval_s, ballast=1.9, seed=seed), 150)
        street.volts[:] = 140
        sweeps(street, 1)
        street.volts[:] = 227
        street.play(120)
        assert street.changes == []


def test_phases_that_drift_apart_a_little_make_no_dark_lamps_of_a_circuit_whose_meter_sees_one_of_them():
    circuits = (Circuit(42, 244, technology="HPS", metered=0, has_meter=True),)
    street = learned(Street(circuits, seed=19), 150)
    street.volts[0] = (231, 226, 224)
    street.play(120)
    assert street.changes == []
    street.factor[7] = 0
    street.play(40)
    only(street, "circuitPowerTooLow")


@pytest.mark.parametrize("volts", [255.0, 198.0])
@pytest.mark.parametrize("technology", ["HPS", "LED"])
def test_a_voltage_of_one_circuit_that_the_cabinet_does_not_show_makes_no_dark_lamps_when_it_is_over(technology, volts):
    circuits = (Circuit(12, 150, technology=technology, metered=0, has_meter=True),) * 2
    street = learned(Street(circuits, seed=34), 90)

    def of_the_circuit(columns):
        columns["circuit_voltage_v"][1] *= volts / 227
        columns["circuit_power_w"][1] *= (volts / 227) ** (2 if technology == "HPS" else 0)

    street.quirk = of_the_circuit
    street.play(90)
    code = "supplyVoltageTooHigh" if volts > 227 else "supplyVoltageTooLow"
    assert street.codes() == {code: 1}
    street.quirk = None
    street.play(60)
    assert (street.codes(), street.ever()) == ({}, {code})
    street.factor[14] = 0
    street.play(30)
    assert street.codes() == {"circuitPowerTooLow": 1}
