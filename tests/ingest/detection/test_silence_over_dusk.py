"""Silence that spans dusk or dawn, or begins before its neighbours': what was a lost reply, and what a cause."""

import numpy as np
import pytest

from ingest.model.finding import Raised

DAY_US = 86_400_000_000


def untold(columns):
    """The agent tells no level of a lamp that it does not hear."""
    columns["level"][columns["quality"] != 0] = 255


def evening_before(kit, **kwargs):
    """A town that was lit the night before, at 17:00 of the day after: its circuits are switched off."""
    town = kit.Town(n_poles=8, dims=(), start_us=kit.NIGHT_US - DAY_US, **kwargs)
    town.quirk = untold
    town.play(80)
    town.level, town.interval_s, town.now_us = 0, 300, kit.NIGHT_US - 180 * kit.MINUTE_US
    return town


def dusk(town, minutes=40):
    """What is raised after the lamps were switched on at 18:10."""
    town.play(70)
    town.level, town.interval_s = 100, 60
    return [change for change in town.play(minutes) if isinstance(change, Raised)]


@pytest.mark.parametrize("technology", ["LED", "HPS"])
@pytest.mark.parametrize("circuit_meters", [True, False])
def test_a_cable_cut_by_day_is_told_where_the_agent_tells_no_level_of_silent_lamps(kit, technology, circuit_meters):
    town = evening_before(kit, technology=technology, circuit_meters=circuit_meters, is_dimmable=technology == "LED")
    town.lost_replies = 0.02
    town.is_powered[4:8] = False
    (fault,) = dusk(town)
    assert (fault.key.code, fault.span) == ("cableFailure", ("L-0003", "L-0004"))


def test_a_pole_fuse_blown_by_day_is_told_where_the_agent_tells_no_level_of_silent_lamps(kit):
    town = evening_before(kit)
    town.is_powered[4] = False
    (fault,) = dusk(town)
    assert (fault.key.code, fault.key.place.lamp_id) == ("lampFailure", "L-0004")


def test_a_reply_lost_at_dawn_does_not_part_a_lamp_from_the_cable_that_is_cut_by_day(kit):
    town = evening_before(kit)
    town.quirk = None
    town.now_us, town.level, town.interval_s = kit.NIGHT_US - DAY_US + 80 * kit.MINUTE_US, 100, 60
    town.play(5)
    town.is_silent[4] = True
    town.play(1)
    town.is_silent[4] = False
    town.level, town.interval_s, town.now_us = 0, 300, kit.NIGHT_US - 180 * kit.MINUTE_US
    town.is_powered[4:8] = False
    (fault,) = dusk(town)
    assert (fault.key.code, fault.span) == ("cableFailure", ("L-0003", "L-0004"))


@pytest.mark.parametrize("cabinet_meter", [True, False])
def test_lamps_without_a_level_are_off_with_the_others_by_day(kit, cabinet_meter):
    town = kit.Town(
        n_poles=6, dims=(), has_contacts=False, circuit_meters=False, cabinet_meter=cabinet_meter, interval_s=300
    )

    def some_untold(columns):
        columns["level"][[3, 7]] = np.where(columns["quality"][[3, 7]] != 0, 255, columns["level"][[3, 7]])

    town.quirk = some_untold
    town.play(100)
    town.now_us, town.level = kit.NIGHT_US + 600 * kit.MINUTE_US, 0  # 06:00
    town.play(120)
    assert kit.raised(town.changes) == []


def test_a_lamp_switched_with_the_others_is_known_to_have_been_switched(kit):
    """Otherwise its node's own count of switchings has one too many when it answers again."""
    town = evening_before(kit)
    town.play(5)
    town.is_silent[4] = True
    town.level, town.interval_s = 100, 60
    town.play(12)
    state = town.detection._state
    silent, other = town.fleet.lamp_index["L-0004"], town.fleet.lamp_index["L-0003"]
    assert state.level[silent] == 100
    assert state.switched_s[silent] == state.switched_s[other]
    town.is_silent[4] = False
    town.play(2)
    assert state.commanded_on[silent] == state.commanded_on[other]


def test_two_lost_replies_before_a_cable_is_cut_make_no_pole_fuse(kit):
    town = kit.Town(n_poles=10, dims=(), interval_s=300, circuit_meters=False)
    town.play(120)
    town.is_silent[6] = True
    town.play(10)
    town.is_powered[4:10] = False
    raised = [change.key.code for change in town.play(60) if isinstance(change, Raised)]
    assert raised == ["cableFailure"]


def test_a_cable_cut_by_day_behind_a_repaired_breaker_is_no_bus(kit):
    """The breaker is closed by day, the cable cut before dusk: what is silent then was silent all day long."""
    town = kit.Town(n_poles=8, dims=(), circuit_meters=False, start_us=kit.NIGHT_US - DAY_US)
    town.play(80)
    town.is_powered[:8] = False
    (fault,) = kit.raised(town.play(10))
    assert fault.key.code == "circuitFailure"
    town.level, town.interval_s, town.now_us = 0, 300, kit.NIGHT_US - 240 * kit.MINUTE_US
    town.is_powered[:3] = True
    town.play(60)
    town.play(70)
    town.level = 100

    def answer_late(sweep):
        town.is_silent[:3] = sweep < 3

    raised = [change for change in town.play(90, before=answer_late) if isinstance(change, Raised)]
    assert [(fault.key.code, fault.span) for fault in raised] == [("cableFailure", ("L-0002", "L-0003"))]
