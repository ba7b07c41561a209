"""Same silence, three crews: circuit, cable and bus told apart by meters, order and wiring."""

import numpy as np
import pytest


def after_half_an_hour(kit, **kwargs):
    town = kit.Town(**kwargs)
    town.lost_replies = kwargs.pop("lost_replies", 0.0)
    assert town.play(30) == []
    return town


def break_cable(town, cabinet, circuit, pole):
    """The cable parts behind a pole."""
    here = town.index(cabinet, circuit, pole)
    town.is_powered[here + 1 : town.index(cabinet, circuit, town.n_poles) + 1] = False
    return f"L-{here:04d}", f"L-{here + 1:04d}"


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
