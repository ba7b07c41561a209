"""Codes of cabinets, circuits' voltages and sums, and controllers."""

import numpy as np
import pytest

from ingest.model.batch import SessionEvent

DAY_US = 1_795_399_200_000_000


def lit(kit, **kwargs):
    town = kit.Town(**kwargs)
    assert town.play(40) == []
    return town


def test_supply_loss_is_told_at_once_and_hides_what_follows(kit):
    town = lit(kit)
    town.factor[3] = 0.0
    first = town.play(5)
    town.is_supplied[0] = False
    changes = town.play(1)
    fault = next(c for c in changes if c.key.code == "supplyLoss")
    assert len(fault.lamp_ids) == town.n
    later = town.play(30)
    assert kit.open_codes([*first, *changes, *later]) == {"supplyLoss": 1}
    town.is_supplied[0] = True
    assert kit.open_codes([*first, *changes, *later, *town.play(20)]) == {"lampFailure": 1}


def test_one_dead_phase_names_itself(kit):
    town = lit(kit)
    town.phase_v[0, 1] = 0.0
    (fault,) = town.play(3)
    assert (fault.key.code, fault.key.place.phase, fault.evidence["phase"]) == ("supplyLoss", "S", "S")
    town.phase_v[0, 1] = np.nan
    assert len(kit.cleared(town.play(4))) == 1


def test_single_phase_cabinet_has_no_dead_phases(kit):
    town = kit.Town()
    town.phase_v[0] = [225.0, 0.0, 0.0]
    assert town.play(60) == []


def test_open_door_is_told_at_once(kit):
    town = lit(kit)
    town.is_door_open[0] = True
    (fault,) = town.play(1)
    assert (fault.key.code, fault.key.place.cabinet_id) == ("cabinetDoorOpen", "C-0")
    town.is_door_open[0] = False
    assert len(kit.cleared(town.play(1))) == 1


def test_contactor_stuck_off_is_one_fault(kit):
    town = kit.Town(start_us=DAY_US)
    town.level = 0
    town.play(30)
    town.level, town.contactor = 100, False
    assert town.play(13) == []
    changes = town.play(10)
    assert kit.open_codes(changes) == {"contactorFailure": 1}
    assert changes[0].evidence["kind"] == "stuck_off"
    town.contactor = None
    assert kit.open_codes([*changes, *town.play(10)]) == {}


def test_contactor_stuck_on_is_one_fault(kit):
    town = kit.Town(start_us=DAY_US, interval_s=300)
    town.level = 0
    town.play(30)
    town.contactor = True
    changes = town.play(40)
    assert kit.open_codes(changes) == {"contactorFailure": 1}
    town.contactor = None
    assert kit.open_codes([*changes, *town.play(60)]) == {}


def test_low_voltage_of_the_whole_cabinet_is_one_fault(kit):
    town = lit(kit, technology="HPS", is_dimmable=False)
    town.voltage = 198.0
    assert town.play(9) == []
    changes = town.play(10)
    (fault,) = kit.raised(changes)
    assert (fault.key.code, fault.key.place.circuit) == ("supplyVoltageTooLow", None)
    town.voltage = 225.0
    assert kit.open_codes([*changes, *town.play(20)]) == {}


def test_high_voltage_of_one_circuit_is_the_circuits(kit):
    town = lit(kit)

    def high(columns):
        rows = town.fleet.lamp_circuit[columns["lamp"]] == 1
        columns["voltage_v"][rows] += 20

    town.quirk = high
    changes = town.play(20)
    (fault,) = kit.raised(changes)
    assert (fault.key.code, fault.key.place.circuit) == ("supplyVoltageTooHigh", "2")


def test_illegal_tap_is_told_after_half_an_hour(kit):
    town = lit(kit, n_poles=15)
    town.loss = 0.02
    assert town.play(40) == []
    town.extra_w[0] = 600.0
    assert town.play(29) == []
    (fault,) = town.play(5)
    assert fault.key.code == "unmeteredLoad"
    assert 400 < fault.evidence["unmetered_power_w"] < 700
    town.extra_w[0] = 0.0
    assert len(kit.cleared(town.play(35))) == 1


def test_silent_lamps_are_no_illegal_tap(kit):
    town = lit(kit, n_poles=15)
    town.is_silent[2:8] = True
    changes = town.play(120)
    assert "unmeteredLoad" not in kit.open_codes(changes)


def test_dark_lamps_of_a_metered_circuit_are_counted(kit):
    town = lit(kit, lamp_meters=False, n_poles=20, cabinet_meter=False)
    town.play(60)
    town.factor[[3, 7]] = 0.0
    assert town.play(9) == []
    changes = town.play(6)
    (fault,) = changes
    assert (fault.key.code, fault.key.place.circuit) == ("circuitPowerTooLow", "1")
    assert fault.evidence["lamps_dark"] == 2
    assert fault.evidence["lamps_dark_uncertainty"] < 1
    town.factor[:] = 1.0
    assert kit.open_codes([*changes, *town.play(30)]) == {}


def test_dark_lamp_of_a_cabinet_with_one_meter_is_counted_over_dim_steps(kit):
    town = lit(kit, lamp_meters=False, n_poles=30, n_circuits=1, circuit_meters=False)
    for level, minutes in ((100, 80), (70, 150), (50, 240), (100, 20)):
        town.level = level
        assert town.play(minutes) == []
    town.factor[3] = 0.0
    changes = town.play(25)
    (fault,) = changes
    assert (fault.key.code, fault.evidence["lamps_dark"]) == ("circuitPowerTooLow", 1)


@pytest.mark.parametrize("told", ["contacts", "voltage", "load"])
def test_lamps_that_start_anew_after_an_outage_are_not_counted_as_dark(kit, told):
    town = lit(
        kit, technology="HPS", is_dimmable=False, lamp_meters=False, n_poles=15, n_circuits=1, circuit_meters=False
    )
    assert town.play(60) == []

    def run_up(step):
        town.factor[:] = min(1.0, 0.05 + 0.1 * step)

    if told == "contacts":
        town.is_supplied[:] = False
        town.play(30)
        town.is_supplied[:] = True
    elif told == "voltage":
        town.voltage = 150.0
        town.play(1)
        town.voltage = 225.0
    changes = town.play(40, before=run_up)
    assert kit.raised(changes, "circuitPowerTooLow") == []
    town.factor[:3] = 0.0
    (fault,) = town.play(14)
    assert (fault.key.code, fault.evidence["lamps_dark"]) == ("circuitPowerTooLow", 3)


def test_a_dim_step_that_came_early_leaves_no_dark_lamp_behind(kit):
    town = lit(kit, lamp_meters=False, n_poles=15, circuit_meters=True, cabinet_meter=False, has_contacts=False)
    town.now_us = kit.NIGHT_US + 80 * kit.MINUTE_US
    assert town.play(32) == []
    town.level = 70  # eight minutes before the city's schedule says so
    assert town.play(60) == []


@pytest.mark.parametrize("lamp_meters", [True, False])
def test_lamps_on_a_stuck_contactor_are_no_unmetered_load(kit, lamp_meters):
    town = kit.Town(lamp_meters=lamp_meters, circuit_meters=False, start_us=DAY_US)
    town.level = 0
    town.play(30)
    town.contactor = True
    changes = town.play(90)
    assert [fault.key.code for fault in kit.raised(changes)] == ["contactorFailure"]
    town.contactor = None
    assert kit.open_codes([*changes, *town.play(10)]) == {}
    assert kit.raised(town.changes, "unmeteredLoad") == []


def test_dead_phase_is_no_dark_lamps_of_a_sum(kit):
    town = lit(kit, lamp_meters=False, n_poles=15, circuit_meters=True)
    town.phase_v[0] = (225.0, 225.0, 225.0)
    assert town.play(40) == []
    town.phase_v[0, 1] = 0.0
    town.factor[::3] = 0.0
    changes = town.play(40)
    assert kit.open_codes(changes) == {"supplyLoss": 1}
    town.phase_v[0, 1], town.factor[:] = 225.0, 1.0
    assert kit.open_codes([*changes, *town.play(30)]) == {}


def test_absurd_voltages_by_day_are_no_voltage_of_the_circuit(kit):
    town = kit.Town(circuit_meters=False, cabinet_meter=False, start_us=DAY_US)
    town.level = 0

    def one_voice(columns):  # nodes with their own supply, one of which shows nonsense
        columns["quality"][:] = 0
        columns["voltage_v"][:] = 0.0
        columns["power_w"][:] = 0.0
        columns["voltage_v"][town.rng.integers(town.n)] = 999.0

    town.quirk = one_voice
    assert kit.raised(town.play(60), "supplyVoltageTooHigh") == []


def test_one_sweep_without_load_is_no_dark_lamp(kit):
    town = lit(kit, lamp_meters=False, n_poles=20, cabinet_meter=False)
    town.play(60)
    town.factor[:] = 0.0
    town.play(1)
    town.factor[:] = 1.0
    assert town.play(40) == []


def test_agent_restart_is_no_fault_and_death_is(kit):
    town = lit(kit, n_cabinets=2)
    at = town.now_us
    assert town.detection.session(SessionEvent(0, is_birth=False, at_us=at), at) == []
    changes = town.play(3, controllers=[1])
    town.detection.session(SessionEvent(0, is_birth=True, at_us=town.now_us), town.now_us)
    assert changes + town.play(20) == []
    at = town.now_us
    town.detection.session(SessionEvent(0, is_birth=False, at_us=at), at)
    changes = town.play(4, controllers=[1])
    assert changes == []
    (fault,) = town.play(3, controllers=[1])
    assert (fault.key.code, fault.since_us) == ("controllerOffline", at)
    town.detection.session(SessionEvent(0, is_birth=True, at_us=town.now_us), town.now_us)
    assert len(kit.cleared(town.play(2))) == 1


def test_offline_controller_keeps_its_faults_below_it(kit):
    town = lit(kit, n_cabinets=2)
    town.factor[3] = 0.0
    first = town.play(5)
    second = town.play(120, controllers=[1])
    assert kit.open_codes([*first, *second]) == {"controllerOffline": 1}
    third = town.play(10)
    assert kit.open_codes([*first, *second, *third]) == {"lampFailure": 1}


def test_maintenance_silences_what_is_worked_on(kit):
    town = lit(kit)
    until = town.now_us + 60 * kit.MINUTE_US
    town.detection.set_maintenance([("C-0", "1", None, 0, until)])
    town.factor[[2, 15]] = 0.0
    changes = town.play(30)
    assert [c.lamp_ids for c in changes] == [("L-0015",)]
    assert kit.open_codes([*changes, *town.play(60)]) == {"lampFailure": 2}


def test_repair_that_did_not_hold_is_said(kit):
    town = lit(kit)
    town.factor[3] = 0.0
    (fault,) = town.play(5)
    town.detection.mark_repaired(fault.key)
    changes = town.play(30)
    (word,) = changes
    assert (type(word).__name__, word.key) == ("StillFailing", fault.key)


def test_history_changes_nothing(kit):
    town = lit(kit)

    def history(columns):
        columns["is_historical"][:] = True

    town.quirk = history
    town.factor[:] = 0.0
    assert town.play(60) == []


def test_clock_a_century_off_changes_nothing(kit):
    town = lit(kit)
    for at in (0, 4_300_000_000_000_000):
        town.quirk = lambda columns, at=at: columns["at_us"].__setitem__(slice(None), at)
        assert town.play(30) == []
