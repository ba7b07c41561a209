"""An outage and a dim step in one sweep, or one just after the other: the load is weighed at the new level."""

import pytest

from tests.ingest.detection.mixed_street import Circuit, Street

CIRCUITS = (Circuit(24, 90, bus="AAB"), Circuit(24, 90, bus="C"))


def outage(interval_s, lost_level, levels, begins, outage_of):
    """Play an outage, and a dim step so many sweeps after it; returns the street."""
    street = Street(CIRCUITS, interval_s=interval_s, lost_level=lost_level, seed=5)
    street.level, to = levels
    street.play(90 if interval_s == 60 else 200)
    assert street.changes == []

    def happen(step):
        if step == 3:
            outage_of(street)
        if step == 3 + begins:
            street.level = to

    street.play(20 * interval_s / 60 + 15, happen)
    return street


@pytest.mark.parametrize("interval_s", [60, 300])
@pytest.mark.parametrize("lost_level", [None, 255])
@pytest.mark.parametrize("levels", [(100, 50), (100, 25), (25, 100)])
@pytest.mark.parametrize("begins", [-1, 0, 1])
def test_the_far_end_of_a_bus_is_no_broken_cable(interval_s, lost_level, levels, begins):
    street = outage(interval_s, lost_level, levels, begins, lambda s: s.bus_down.add((0, "B")))
    assert street.ever() == {"busFailure"}
    ((_, fault),) = street.standing().items()
    assert len(fault.lamp_ids) == 8


@pytest.mark.parametrize("interval_s", [60, 300])
@pytest.mark.parametrize("lost_level", [None, 255])
@pytest.mark.parametrize("levels", [(100, 50), (100, 25), (25, 100)])
@pytest.mark.parametrize("begins", [0, 1])
def test_a_broken_cable_is_one(interval_s, lost_level, levels, begins):
    def cut(street):
        street.is_cut |= street.where(0, 17)

    street = outage(interval_s, lost_level, levels, begins, cut)
    assert street.ever() == {"cableFailure"}
    ((_, fault),) = street.standing().items()
    assert fault.span == ("C0-1-016", "C0-1-017")
