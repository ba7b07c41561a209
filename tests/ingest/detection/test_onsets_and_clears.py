"""Since when a fault is there, and what ends one that the night seems to say nothing of."""

import numpy as np
import pytest

DAY_US = 1_795_399_200_000_000  # 2026-11-23 09:00 in Jakarta


def at_night(kit, **kwargs):
    town = kit.Town(**kwargs)
    assert town.play(40) == []
    return town


def by_day(kit):
    town = kit.Town(start_us=DAY_US, switching="lamp", interval_s=300)
    town.level = 0
    town.play(30)
    return town


def test_cycling_began_with_its_first_change(kit):
    town = at_night(kit, dims=())
    first_us = town.now_us + 60_000_000
    for _ in range(3):
        town.factor[3] = 0.02
        town.play(10)
        town.factor[3] = 1
        town.play(10)
    (fault,) = kit.raised(town.changes, "cyclingFailure")
    assert fault.since_us == first_us
    assert fault.at_us > first_us


def test_a_frozen_meter_began_with_the_first_of_its_equal_readings(kit):
    town = at_night(kit)
    lamp = town.fleet.lamp_index[town.ids[3]]

    def freeze(columns):
        at = np.flatnonzero(columns["lamp"] == lamp)
        columns["voltage_v"][at], columns["current_a"][at], columns["power_w"][at] = 225.1, 0.467, 99.8

    town.quirk = freeze
    first_us = town.now_us + 60_000_000
    (fault,) = kit.raised(town.play(31), "meterFailure")
    assert (fault.since_us, fault.evidence["samples"]) == (first_us, 30)
    assert fault.at_us == first_us + 29 * 60_000_000


@pytest.mark.parametrize("has_status", [True, False])
def test_a_lamp_on_by_day_clears_when_it_burns_as_commanded(kit, has_status):
    town = by_day(kit)
    town.actual_level = np.zeros(town.n, np.uint8)
    town.actual_level[3] = 100
    lamp = town.fleet.lamp_index[town.ids[3]]

    def open_relay(columns):
        if has_status and town.level == 0:
            columns["status"][lamp] = 0

    town.quirk = open_relay
    town.play(40)
    code = "relayFailure" if has_status else "lampUnexpectedOn"
    assert kit.open_codes(town.changes) == {code: 1}
    town.level, town.actual_level = 100, None
    town.play(30)
    assert kit.open_codes(town.changes) == {}


def test_a_relay_that_is_closed_by_status_and_a_dark_lamp_prove_nothing_of_a_welded_one(kit):
    town = by_day(kit)
    lamp = town.fleet.lamp_index[town.ids[3]]
    town.actual_level = np.zeros(town.n, np.uint8)
    town.actual_level[3] = 100
    town.quirk = lambda columns: columns["status"].__setitem__(lamp, 1 if town.level else 0)
    town.play(40)
    town.level, town.actual_level = 100, None
    town.factor[3] = 0.0
    town.play(30)
    assert "relayFailure" in {c.key.code for c in town.changes}
    assert not kit.cleared(town.changes, "relayFailure")
