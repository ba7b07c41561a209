"""Same silence, three crews: circuit, cable and bus told apart by meters, order and wiring."""

import numpy as np
import pytest

from tests.ingest.detection.broken_groups import after_half_an_hour, break_cable


def test_dead_circuit_of_discharge_lamps_is_told_in_three_sweeps(kit):
    for meters in (True, False):
        town = after_half_an_hour(kit, technology="HPS", is_dimmable=False, circuit_meters=meters)
        town.is_powered[town.circuit == 1] = False
        changes = town.play(4)
        assert kit.open_codes(changes) == {"circuitFailure": 1}
        town.is_powered[:] = True
        break_cable(town, 0, 0, 5)
        assert kit.open_codes([*changes, *town.play(4)]) == {"cableFailure": 1}


@pytest.mark.parametrize("pole", [1, 4, 8])
@pytest.mark.parametrize("meters", ["circuit", "cabinet"])
def test_broken_cable_names_its_span_within_three_sweeps(kit, pole, meters):
    town = after_half_an_hour(kit, circuit_meters=meters == "circuit")
    town.lost_replies = 0.02
    town.play(30)
    span = break_cable(town, 0, 1, pole)
    changes = town.play(15)
    (fault,) = kit.raised(changes)
    assert (fault.key.code, fault.span, fault.key.place.span_after) == ("cableFailure", span, span[0])
    assert len(fault.lamp_ids) == town.n_poles - pole
    town.is_powered[:] = True
    assert kit.open_codes([*changes, *town.play(10)]) == {}


def test_last_pole_alone_is_no_cable(kit):
    town = after_half_an_hour(kit)
    break_cable(town, 0, 1, town.n_poles - 1)
    changes = town.play(15)
    (fault,) = changes
    assert (fault.key.code, fault.evidence["load"], fault.evidence["suspected"]) == ("lampFailure", "gone", "pole fuse")
    town.is_powered[:] = True
    assert kit.open_codes([*changes, *town.play(4)]) == {}


def test_estimated_order_names_no_span(kit):
    town = after_half_an_hour(kit, is_surveyed=False)
    break_cable(town, 0, 1, 5)
    changes = town.play(15)
    assert kit.open_codes(changes) == {"communicationFailure": 5}


def test_cut_data_wire_behind_a_pole_is_a_bus_failure_with_a_span(kit):
    town = after_half_an_hour(kit, n_circuits=2, n_buses=2)
    town.is_silent[town.index(0, 1, 6) : town.index(0, 1, 10) + 1] = True
    changes = town.play(15)
    (fault,) = changes
    assert (fault.key.code, fault.key.place.bus) == ("busFailure", "B")
    assert fault.span == ("L-0014", "L-0015")
    town.is_silent[:] = False
    assert len(kit.cleared(town.play(2))) == 1


def test_lamp_that_misses_the_sweep_in_which_its_bus_is_back_is_not_told(kit):
    town = after_half_an_hour(kit, n_circuits=2, n_buses=2)
    town.is_bus_up[0, 1] = False
    town.play(60)
    town.is_bus_up[0, 1], town.is_silent[15] = True, True
    (clear,) = town.play(1)
    assert clear.key.code == "busFailure"
    town.is_silent[15] = False
    assert town.play(10) == []


def test_whole_bus_silent_with_its_load_there(kit):
    town = after_half_an_hour(kit, n_circuits=2, n_buses=2, circuit_meters=False)
    town.is_bus_up[0, 1] = False
    (fault,) = town.play(15)
    assert (fault.key.code, fault.key.place.controller_id, fault.key.place.bus) == ("busFailure", "PJU-0", "B")
    assert (fault.span, len(fault.lamp_ids)) == (None, 10)


def test_one_bus_over_all_circuits_silent_with_the_load_there(kit):
    town = after_half_an_hour(kit, n_circuits=3)
    town.is_bus_up[0, 0] = False
    (fault,) = town.play(15)
    assert (fault.key.code, len(fault.lamp_ids)) == ("busFailure", 30)


def test_circuit_without_any_meter_is_told_by_the_others_on_its_bus(kit):
    town = after_half_an_hour(kit, circuit_meters=False, cabinet_meter=False)
    town.is_powered[town.circuit == 1] = False
    (fault,) = town.play(15)
    assert fault.key.code == "circuitFailure"


def test_what_cannot_be_told_apart_is_ambiguous(kit):
    town = after_half_an_hour(kit, circuit_meters=False, cabinet_meter=False, n_buses=2, n_circuits=2)
    town.is_powered[town.circuit == 1] = False
    changes = town.play(15)
    assert kit.open_codes(changes) == {"communicationFailure": 10}
    assert all(c.evidence["ambiguous"] for c in changes)


def test_circuits_of_two_lamps_are_told_lamp_by_lamp(kit):
    town = after_half_an_hour(kit, n_poles=2, n_circuits=4)
    town.is_powered[town.circuit == 1] = False
    changes = town.play(15)
    assert kit.open_codes(changes) == {"communicationFailure": 2}


def test_dark_lamp_keeps_its_fault_under_its_circuits(kit):
    town = after_half_an_hour(kit)
    town.factor[12] = 0.0
    first = town.play(5)
    town.is_powered[town.circuit == 1] = False
    second = town.play(10)
    assert kit.open_codes([*first, *second]) == {"circuitFailure": 1}
    child = next(c for c in second if c.key.code == "lampFailure")
    assert child.cause == next(c for c in second if c.key.code == "circuitFailure").key
    town.is_powered[:] = True
    third = town.play(30)
    assert kit.open_codes([*first, *second, *third]) == {"lampFailure": 1}


def test_dead_tail_with_own_supply_is_told_by_voltage(kit):
    town = after_half_an_hour(kit, circuit_meters=False, cabinet_meter=False)
    tail = slice(town.index(0, 1, 6), town.index(0, 1, 10) + 1)

    def own_supply(columns):
        order = [town.fleet.lamp_index[i] for i in town.ids]
        rows = np.flatnonzero(np.isin(columns["lamp"], order[tail]))
        columns["quality"][rows] = 0
        columns["voltage_v"][rows] = columns["power_w"][rows] = columns["current_a"][rows] = 0.0

    town.is_powered[tail] = False
    town.quirk = own_supply
    changes = town.play(15)
    assert kit.open_codes(changes) == {"cableFailure": 1}


def test_two_causes_at_once_are_told_apart(kit):
    town = after_half_an_hour(kit, n_circuits=3)
    break_cable(town, 0, 0, 5)
    town.is_powered[town.circuit == 1] = False
    town.is_silent[town.index(0, 2, 4)] = True
    changes = town.play(15)
    assert kit.open_codes(changes) == {"cableFailure": 1, "circuitFailure": 1, "communicationFailure": 1}


def test_two_causes_at_once_are_told_apart_by_the_cabinet_meter_alone(kit):
    town = after_half_an_hour(kit, n_circuits=3, circuit_meters=False, n_buses=3 if False else 1)
    break_cable(town, 0, 0, 5)
    town.is_silent[town.index(0, 2, 4)] = True
    changes = town.play(15)
    assert kit.open_codes(changes) == {"cableFailure": 1, "communicationFailure": 1}
