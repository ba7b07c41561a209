"""Each lamp-level code opens on its cause, says why, and clears; its confounders say nothing."""

import numpy as np
import pytest

from tests.ingest.detection.lamp_nights import at_night

DAY_US = 1_795_399_200_000_000  # 2026-11-23 09:00 in Jakarta
MIDNIGHT_US = 1_795_438_800_000_000 + 5 * 3_600_000_000  # 01:00: dimmed to 50 %


def by_day(kit, **kwargs):
    town = kit.Town(start_us=DAY_US, switching="lamp", interval_s=300, **kwargs)
    town.level = 0
    town.play(30)
    return town


def follow_schedule(town, levels):
    """Set the level by minute of play."""

    def before(step):
        minute = step * town.interval_s / 60
        town.level = [level for start, level in levels if start <= minute][-1]

    return before


def test_lamp_on_by_day_is_told_after_15_minutes_and_clears_when_off(kit):
    town = by_day(kit)
    town.actual_level = np.zeros(town.n, np.uint8)
    town.actual_level[3] = 100
    assert town.play(15) == []
    (fault,) = town.play(10)
    assert (fault.key.code, fault.lamp_ids) == ("lampUnexpectedOn", ("L-0003",))
    town.actual_level[3] = 0
    (clear,) = town.play(15)
    assert clear.key == fault.key


def test_welded_relay_hides_the_lamp_on_by_day(kit):
    town = by_day(kit)
    town.actual_level = np.zeros(town.n, np.uint8)
    town.actual_level[3] = 100
    town.quirk = lambda c: c.update(status=np.zeros_like(c["status"]))
    changes = town.play(60)
    assert kit.open_codes(changes) == {"relayFailure": 1}


def test_meter_without_status_is_never_a_relay_failure(kit):
    town = kit.Town(is_node=False)
    assert town.play(60) == []


def test_status_left_out_of_every_record_is_never_a_relay_failure(kit):
    town = kit.Town()
    town.quirk = lambda c: c.update(status=np.zeros_like(c["status"]))
    assert town.play(60) == []


def test_lamp_that_goes_on_and_off_is_cycling_and_explains_its_dark_hours(kit):
    town = at_night(kit, technology="HPS", is_dimmable=False)

    def before(step):
        town.factor[2] = 0.005 if step % 12 < 5 else 1.0

    changes = town.play(60, before)
    assert kit.open_codes(changes) == {"cyclingFailure": 1}
    assert not [c for c in changes if hasattr(c, "lamp_ids") and c.lamp_ids != ("L-0002",)]


def test_switching_on_with_the_supply_is_no_cycling(kit):
    town = at_night(kit, circuit_meters=False)
    town.switch_count[:] = 500
    town.play(20)
    for _ in range(3):
        town.is_supplied[:] = False
        town.play(5)
        town.is_supplied[:] = True
        town.switch_count += 1
        assert kit.raised(town.play(15), "cyclingFailure") == []


def test_switch_count_alone_tells_cycling(kit):
    town = at_night(kit, minutes=40)
    town.switch_count[:] = 500
    town.play(15)
    town.switch_count[2] += 3
    changes = town.play(15)
    assert kit.open_codes(changes) == {"cyclingFailure": 1}


def test_supply_dips_of_a_whole_circuit_are_no_cycling_and_no_failure(kit):
    town = at_night(kit, technology="HPS", is_dimmable=False, is_node=False)

    def before(step):
        out = step % 40 < 6
        town.factor[town.circuit == 0] = 0.02 if out else 1.0

    assert town.play(160, before) == []


def test_lamps_of_a_circuit_that_was_out_warm_up_when_it_is_back(kit):
    for minutes, cause in ((2, "circuit"), (20, "circuit"), (20, "contactor"), (3, "supply")):
        town = at_night(kit, minutes=20, technology="HPS", is_dimmable=False, is_node=False)
        town.is_powered[:10] = cause != "circuit"
        town.contactor = False if cause == "contactor" else None
        town.is_supplied[0] = cause != "supply"
        first = town.play(minutes)
        town.is_powered[:], town.contactor, town.is_supplied[0] = True, None, True

        def before(step, town=town):
            town.factor[:] = 0.02 if step < 4 else min(1.0, 0.3 + 0.15 * (step - 4))

        second = town.play(25, before)
        assert {c.key.code for c in [*first, *second]} <= {"circuitFailure", "contactorFailure", "supplyLoss"}
        assert kit.open_codes([*first, *second]) == {}


def test_restart_bit_of_one_node_warms_up_its_circuit(kit):
    town = at_night(kit, technology="HPS", is_dimmable=False)

    def before(step):
        town.status[:] = 0
        town.status[4] = 16 if step == 0 else 0
        town.factor[town.circuit == 0] = 0.02 if step < 6 else min(1.0, 0.3 + 0.15 * (step - 6))

    assert town.play(30, before) == []


def test_lamp_stuck_at_full_power_while_dimmed(kit):
    town = at_night(kit)
    town.play(30, follow_schedule(town, [(0, 50)]))
    town.actual_level = np.full(town.n, 50, np.uint8)
    town.actual_level[6] = 100
    changes = town.play(25)
    assert kit.open_codes(changes) == {"dimmingFailure": 1}
    assert kit.raised(changes)[0].lamp_ids == ("L-0006",)
    town.actual_level = None
    assert kit.open_codes([*changes, *town.play(30)]) == {}


def test_lamp_stuck_dimmed_when_the_level_rises_again(kit):
    town = at_night(kit)
    town.level = 50
    town.play(30)
    town.level = 100
    town.actual_level = np.full(town.n, 100, np.uint8)
    town.actual_level[6] = 50
    changes = town.play(30)
    assert kit.open_codes(changes) == {"dimmingFailure": 1}


def test_rating_eight_percent_off_and_ten_percent_of_ageing_say_nothing(kit):
    town = kit.Town()
    town.true_w = np.where(np.arange(town.n) % 2 == 0, 82.8, 108.0)
    levels = [(0, 100), (120, 70), (200, 50), (260, 100)]
    assert town.play(300, follow_schedule(town, levels)) == []


@pytest.mark.parametrize(("factor", "code"), [(0.6, "lampPowerTooLow"), (1.5, "lampPowerTooHigh")])
def test_power_off_its_band_for_ten_minutes(kit, factor, code):
    town = at_night(kit)
    town.factor[5] = factor
    assert town.play(9) == []
    (fault,) = town.play(5)
    assert (fault.key.code, fault.lamp_ids) == (code, ("L-0005",))
    assert "suspected_register_error" not in fault.evidence
    town.factor[5] = 1.0
    (clear,) = town.play(15)
    assert clear.key == fault.key


def test_power_off_from_the_first_lit_hour_is_the_registers_fault(kit):
    town = kit.Town()
    town.true_w[5] = 60.0
    changes = town.play(200, follow_schedule(town, [(0, 100), (100, 50)]))
    (fault,) = changes
    assert fault.key.code == "lampPowerTooLow"
    assert fault.evidence["suspected_register_error"] is True


def test_lamp_replaced_by_another_wattage_is_the_registers_fault(kit):
    town = at_night(kit)
    town.factor[5] = 0.0
    town.play(10)
    town.factor[5], town.true_w[5] = 1.0, 150.0
    changes = town.play(40)
    (fault,) = kit.raised(changes)
    assert (fault.key.code, fault.evidence["suspected_register_error"]) == ("lampPowerTooHigh", True)


def test_failed_capacitor(kit):
    town = at_night(kit, technology="HPS", is_dimmable=False)
    town.power_factor[5] = 0.45
    (fault,) = town.play(15)
    assert (fault.key.code, fault.evidence["power_factor"]) == ("powerFactorTooLow", 0.45)
    town.power_factor[5] = 0.93
    assert kit.open_codes([fault, *town.play(15)]) == {}


def test_power_factor_falls_with_the_level_and_that_is_no_fault(kit):
    town = at_night(kit)
    town.level, town.power_factor[:] = 50, 0.70
    assert town.play(60) == []


def test_hot_luminaire_told_by_slow_samples(kit):
    town = at_night(kit)

    def slow(columns):
        if town.now_us // 60_000_000 % 15:
            columns["temperature_c"][:] = np.nan

    town.quirk = slow
    town.temperature[4] = 92.0
    changes = town.play(90)
    assert kit.open_codes(changes) == {"highTemperature": 1}
    town.temperature[4] = 83.0
    assert town.play(90) == []  # between the limits: open still
    town.temperature[4] = 70.0
    assert len(kit.cleared(town.play(90))) == 1


def test_thermal_shutdown_explains_the_dark_lamp(kit):
    town = at_night(kit)
    town.status[4], town.factor[4] = 8, 0.0
    changes = town.play(10)
    assert kit.open_codes(changes) == {"highTemperature": 1}


def test_driver_fault_explains_a_failure_that_opened_before(kit):
    town = at_night(kit)
    town.factor[4] = 0.0
    first = town.play(5)
    assert kit.open_codes(first) == {"lampFailure": 1}
    town.status[4] = 2
    changes = town.play(5)
    assert kit.open_codes([*first, *changes]) == {"controlGearFailure": 1}
    child = next(c for c in changes if c.key.code == "lampFailure")
    assert child.cause.code == "controlGearFailure"


@pytest.mark.parametrize("is_still_dark", [False, True])
def test_lamp_that_its_driver_kept_dark_is_judged_anew_when_the_driver_is_well(kit, is_still_dark):
    town = at_night(kit, switching="lamp")
    town.status[4], town.factor[4] = 2, 0.0
    told = town.play(15)
    assert kit.open_codes(told) == {"controlGearFailure": 1}
    town.level, town.status[4] = 0, 0  # exchanged by day: nothing proves that the lamp burns, nor that it does not
    told += town.play(30)
    assert kit.open_codes(told) == {}
    town.level = 100
    town.factor[4] = 0.0 if is_still_dark else 1.0
    told += town.play(30)
    assert kit.open_codes(told) == ({"lampFailure": 1} if is_still_dark else {})
