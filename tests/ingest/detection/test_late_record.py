"""A live record that comes after a newer one: what it proves counts, and is not dated before what it ends."""

import pytest

from ingest.model.finding import Cleared, Raised
from tests.ingest.detection.mixed_street import Circuit, Street

MINUTE = 60_000_000


@pytest.mark.parametrize("late_min", [1, 3])
@pytest.mark.parametrize("is_breaker", [True, False])
def test_a_fault_is_not_closed_before_it_was_opened(late_min, is_breaker):
    street = Street((Circuit(8), Circuit(8)), seed=2)
    street.play(30)
    silent = street.where(0) if is_breaker else street.where(0, 3, 3)
    street.is_cut |= silent & is_breaker
    street.is_silent |= silent & (not is_breaker)
    while not street.changes:
        street.play(1)
    street.is_cut[:], street.is_silent[:] = False, False
    street.now_us -= (late_min + 1) * MINUTE
    street.play(3 if is_breaker else 1)
    opened = {change.key: change.at_us for change in street.changes if isinstance(change, Raised)}
    cleared = {change.key: change.at_us for change in street.changes if isinstance(change, Cleared)}
    assert opened
    assert cleared.keys() == opened.keys()
    assert all(cleared[key] >= at_us for key, at_us in opened.items())
