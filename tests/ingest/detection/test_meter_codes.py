"""Meters that say absurd, implausible or frozen values."""

import numpy as np

from tests.ingest.detection.lamp_nights import at_night


def test_absurd_powers_of_a_dark_lamp_are_no_cycling(kit):
    town = at_night(kit)
    town.factor[7] = 0.0
    changes = town.play(10)

    def absurd(columns):
        if town.now_us // 60_000_000 % 7 == 0:
            columns["power_w"][7] = 6553.5

    town.quirk = absurd
    assert kit.open_codes([*changes, *town.play(60)]) == {"lampFailure": 1}


def test_one_absurd_value_is_ignored_and_five_are_a_meter_failure(kit):
    town = at_night(kit)

    def absurd(every):
        def quirk(columns):
            if town.now_us // 60_000_000 % every == 0:
                columns["power_w"][7] = 6553.5

        return quirk

    town.quirk = absurd(7)
    assert town.play(60) == []
    town.quirk = absurd(1)
    changes = town.play(6)
    assert kit.open_codes(changes) == {"meterFailure": 1}
    town.quirk = None
    assert kit.open_codes([*changes, *town.play(6)]) == {}


def implausible(*lamps):
    def quirk(columns):
        columns["quality"][list(lamps)] = 4
        for name in ("voltage_v", "current_a", "power_w", "power_factor"):
            columns[name][list(lamps)] = np.nan

    return quirk


def test_what_the_agent_finds_implausible_five_times_is_a_meter_failure(kit):
    town = at_night(kit)
    town.quirk = implausible(7)
    assert town.play(4) == []
    changes = town.play(30)
    assert kit.open_codes(changes) == {"meterFailure": 1}
    town.quirk = None
    assert kit.open_codes([*changes, *town.play(6)]) == {}


def test_implausible_readings_with_good_ones_between_are_ignored(kit):
    town = at_night(kit)
    for _ in range(10):
        town.quirk = implausible(7)
        town.play(4)
        town.quirk = None
        town.play(1)
    assert kit.open_codes(town.changes) == {}


def test_frozen_meter_is_no_dimming_failure_when_the_street_dims(kit):
    town = at_night(kit)

    def frozen(columns):
        columns["voltage_v"][7], columns["current_a"][7], columns["power_w"][7] = 225.1, 0.467, 100.2

    town.quirk = frozen
    town.play(10)
    town.level = 50
    changes = town.play(40)
    assert kit.open_codes(changes) == {"meterFailure": 1}


def test_lamp_that_was_stuck_dim_from_its_first_hour_is_itself_again_when_mended(kit):
    town = kit.Town(dims=(("22:00", 80),))
    town.factor[4] = 0.808  # as at 80 %: no more than its rating may be wrong and its age may cost
    town.play(60)
    town.factor[4] = 1.0
    town.play(60)
    town.level = 80
    town.play(60)
    assert kit.open_codes(town.changes) == {}


def test_frozen_meter_with_lost_replies_is_no_dimming_failure(kit):
    town = at_night(kit)

    def frozen(columns):
        if town.now_us // 60_000_000 % 5 == 0:
            columns["quality"][7] = 1
            for name in ("voltage_v", "current_a", "power_w"):
                columns[name][7] = np.nan
        else:
            columns["voltage_v"][7], columns["current_a"][7], columns["power_w"][7] = 225.1, 0.467, 100.2

    town.quirk = frozen
    town.play(60)
    town.level = 50
    town.play(90)
    assert kit.open_codes(town.changes) == {"meterFailure": 1}


def test_frozen_meter_is_told_after_thirty_samples(kit):
    town = at_night(kit)

    def frozen(columns):
        columns["voltage_v"][7], columns["current_a"][7], columns["power_w"][7] = 225.1, 0.467, 100.2

    town.quirk = frozen
    assert town.play(29) == []
    changes = town.play(3)
    assert kit.open_codes(changes) == {"meterFailure": 1}
