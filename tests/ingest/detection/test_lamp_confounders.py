"""What must not be taken for a fault of a lamp: wild values, brown-outs, warm-up, day, missing ratings."""

import numpy as np
import pytest

DAY_US = 1_795_399_200_000_000  # 2026-11-23 09:00 in Jakarta
MIDNIGHT_US = 1_795_438_800_000_000 + 5 * 3_600_000_000  # 01:00: dimmed to 50 %


def at_night(kit, minutes=40, **kwargs):
    town = kit.Town(**kwargs)
    assert town.play(minutes) == []
    return town


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


def test_infinite_and_unknown_values_change_nothing(kit):
    town = at_night(kit)

    def wild(columns):
        columns["power_w"][3], columns["voltage_v"][4] = np.inf, -np.inf
        columns["current_a"][5], columns["power_factor"][6], columns["power_w"][8] = np.nan, np.inf, np.nan

    town.quirk = lambda columns: wild(columns) if town.now_us // 60_000_000 % 4 == 0 else None
    assert town.play(60) == []


def test_unrated_lamp_is_judged_by_nothing_that_needs_a_rating(kit):
    town = kit.Town()
    town.fleet.rated_power_w[:] = np.nan
    town.factor[3] = 0.0
    assert town.play(60) == []


def test_own_median_replaces_the_rating_after_three_nights(kit):
    town = kit.Town(interval_s=300, dims=())
    town.fleet.rated_power_w[3] = np.nan
    for _ in range(4):
        for level, minutes in ((100, 9 * 60), (0, 13 * 60), (100, 2 * 60)):
            town.level = level
            assert town.play(minutes) == []
    town.factor[3] = 0.0
    (fault,) = town.play(20)
    assert fault.key.code == "lampFailure"
    assert abs(fault.evidence["expected_power_w"] - 100) < 2
    assert abs(fault.evidence["learned_power_w"] - 100) < 2


def test_evening_brown_out_of_eight_minutes_says_nothing(kit):
    for technology in ("LED", "HPS"):
        town = at_night(kit, technology=technology, is_dimmable=technology == "LED")
        town.voltage = 200.0
        assert town.play(8) == []
        town.voltage = 225.0
        assert town.play(30) == []


def test_contactor_circuits_are_silent_by_day_and_warm_up_at_dusk(kit):
    town = kit.Town(technology="HPS", is_dimmable=False, start_us=DAY_US)
    town.level = 0
    assert town.play(60) == []
    town.level = 100

    def before(step):
        town.factor[:] = min(1.0, 0.1 * (step + 1))

    assert town.play(60, before) == []


def test_lamp_dark_since_dusk_is_told_when_the_guard_ends(kit):
    town = kit.Town(start_us=DAY_US)
    town.level = 0
    town.play(30)
    town.level, town.factor[3] = 100, 0.0
    assert town.play(9) == []
    changes = town.play(4)
    assert kit.open_codes(changes) == {"lampFailure": 1}


def test_dark_lamp_stays_open_over_the_day(kit):
    town = at_night(kit, minutes=20, interval_s=300)
    town.factor[3] = 0.0
    town.play(30)
    town.level = 0
    assert town.play(300) == []


def test_photocells_that_switch_before_the_schedule_are_no_dark_lamps(kit):
    until_dawn_us = 9 * 3600 * 1_000_000  # from 20:00 on; the schedule's dawn is at 05:15
    for early, is_fault in ((8, False), (30, True)):
        town = kit.Town(switching="lamp", has_contacts=False, is_dimmable=False, dims=(), interval_s=60)
        town.tell_level = False
        town.now_us += until_dawn_us - 40 * kit.MINUTE_US
        assert town.play(55 - early) == []
        town.level = 0
        assert bool(kit.raised(town.play(early + 60), "lampFailure")) is is_fault


@pytest.mark.parametrize(("n_circuits", "n_poles"), [(1, 2), (4, 1)])
def test_few_discharge_lamps_that_go_out_together_strike_again_without_a_fault(kit, n_circuits, n_poles):
    town = kit.Town(
        technology="HPS",
        is_dimmable=False,
        is_node=False,
        cabinet_meter=False,
        circuit_meters=False,
        n_circuits=n_circuits,
        n_poles=n_poles,
    )
    assert town.play(30) == []

    def strike(step):
        town.factor[:] = 0.04 if step < 4 else min(1.0, 0.3 + 0.15 * (step - 4))

    assert town.play(40, before=strike) == []
