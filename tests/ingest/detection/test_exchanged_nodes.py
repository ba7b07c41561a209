"""A node that was exchanged brings another counter: that is no switching of the lamp."""

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
