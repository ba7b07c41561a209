"""``controllerOffline`` where "now" is the median of what all controllers sent, and one is ahead of it."""

import pytest

MINUTE_US = 60_000_000


@pytest.mark.parametrize(
    ("ahead_min", "silent_min", "is_told"), [(4, 2, False), (4, 4, False), (4, 6, True), (0, 6, True)]
)
def test_a_controller_that_is_ahead_of_the_median_is_not_silent_while_the_median_catches_up(
    kit, ahead_min, silent_min, is_told
):
    """At dusk sweeps of five minutes become sweeps of one: the median of all jumps by what it had lagged behind."""
    town = kit.Town(n_poles=4, dims=())
    town.play(10)
    town.now_us += (ahead_min + 1) * MINUTE_US
    batch, lagging_us = town.sweep(), town.now_us - ahead_min * MINUTE_US
    town.detection.judge(batch, lagging_us)
    changes = town.detection.tick(town.now_us + silent_min * MINUTE_US)
    assert bool(kit.raised(changes, "controllerOffline")) is is_told
