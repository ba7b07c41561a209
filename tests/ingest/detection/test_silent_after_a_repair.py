"""A cable that is cut anew by day, behind one that was repaired: who was silent before is no cause of its own."""

import pytest

from ingest.model.finding import Raised
from tests.ingest.detection.mixed_street import Circuit, Street


@pytest.mark.parametrize("interval_s", [60, 300])
@pytest.mark.parametrize(("first", "phase"), [(7, "S"), (9, "S"), (12, "S"), (7, "RST"), (12, "RST")])
def test_a_new_cut_before_or_behind_the_old_one_is_one_cut(interval_s, first, phase):
    street = Street((Circuit(24, 90), Circuit(24, 90)), noise=0.002, seed=3)
    street.play(45)
    street.is_cut |= street.where(0, 9)
    street.play(15)
    assert street.codes() == {"cableFailure": 1}
    street.level, street.interval_s = 0, 300
    street.play(60)
    street.is_cut[:] = street.where(0, first, phase=phase)
    street.play(60)
    street.level, street.interval_s = 100, interval_s
    told = [change for change in street.play(60) if isinstance(change, Raised) and change.cause is None]
    assert {change.key.code for change in told} == {"cableFailure"}
    mine = [f"C0-1-{pole:03d}" for pole in range(1, 25) if "RST"[(pole - 1) % 3] in phase]
    behind = [lamp for lamp in mine if int(lamp[-3:]) >= first]
    assert told[-1].span == (mine[mine.index(behind[0]) - 1], behind[0])
