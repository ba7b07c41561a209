"""A node that was exchanged brings another counter: that is no switching of the lamp."""

import numpy as np
import pytest


def counted(kit):
    town = kit.Town(n_poles=6)
    town.switch_count[:] = 300
    town.play(40)
    return town


@pytest.mark.parametrize("count", [0, 12, 1200, 1950, 65_000, 4_000_000_000])
def test_the_counter_of_another_node_is_no_cycling(kit, count):
    town = counted(kit)
    town.switch_count[2] = count
    town.play(60)
    assert town.changes == []


@pytest.mark.parametrize("times", [3, 40, 300])
def test_a_relay_that_chatters_is_told(kit, times):
    town = counted(kit)
    town.switch_count[2] += times
    town.play(20)
    assert kit.open_codes(town.changes) == {"cyclingFailure": 1}


def with_counters(kit, **kwargs):
    """A town whose nodes count energy and hours, in every fifth sweep."""
    town = kit.Town(n_poles=6, switching="lamp", **kwargs)
    town.switch_count[:], town.energy_wh, town.hours = 886, np.full(town.n, 2_721_229), np.full(town.n, 2121)

    def tell(columns):
        is_told = town.now_us // 60_000_000 % 5 == 0
        for name, counts in (
            ("switch_count", town.switch_count),
            ("energy_wh", town.energy_wh),
            ("burning_hours", town.hours),
        ):
            columns[name][:] = counts if is_told else 0xFFFFFFFF

    town.quirk = tell
    town.play(40)
    return town


@pytest.mark.parametrize("is_lit", [True, False])
@pytest.mark.parametrize(
    ("more", "energy_wh", "hours"),
    [(288, 0, 12), (288, 2_900_000, 2121), (288, 2_721_230, 9000), (40, 12, 2122), (5, 3_000_000, 12), (900, 0, 0)],
)
def test_a_rise_of_another_nodes_counter_is_no_cycling_whatever_the_others_do(kit, is_lit, more, energy_wh, hours):
    town = with_counters(kit)
    if not is_lit:
        town.level, town.factor[:] = 0, 0.007
        town.play(20)
    town.switch_count[2] += more
    town.energy_wh[2], town.hours[2] = energy_wh, hours
    town.play(30)
    assert town.changes == []
    town.switch_count[2] += 3  # its own, from now on
    town.play(10)
    assert kit.open_codes(town.changes) == {"cyclingFailure": 1}


def test_a_node_that_chatters_is_told_and_closes_after_four_lit_hours(kit):
    town = with_counters(kit, dims=())
    town.switch_count[2] += 40
    town.energy_wh[2] += 20
    town.play(20)
    assert kit.open_codes(town.changes) == {"cyclingFailure": 1}
    town.play(3 * 60)
    assert kit.open_codes(town.changes) == {"cyclingFailure": 1}
    town.play(80)
    assert kit.open_codes(town.changes) == {}
