"""A contactor without a contact is stuck on by day, beside dark lamps: one fault, and none after it opens."""

import pytest

from tests.ingest.detection.mixed_street import Circuit, Street


def stuck_on_by_day(street, dark):
    street.play(60)
    street.factor[dark] = 0.004
    street.play(30)
    street.level = 0
    street.play(60)
    street.welded[:] = True
    street.play(60)
    stuck = street.codes()
    street.welded[:] = False
    street.play(120)
    return stuck


@pytest.mark.parametrize("technology", ["LED", "HPS"])
@pytest.mark.parametrize("dark", [[], [3], [3, 14]])
def test_a_stuck_contactor_is_told_though_some_lamps_are_dark(dark, technology):
    street = Street((Circuit(10, technology=technology), Circuit(10)), has_contacts=False, seed=4)
    stuck = stuck_on_by_day(street, dark)
    assert stuck == {"contactorFailure": 1}
    assert street.codes() == ({"lampFailure": len(dark)} if dark else {})


@pytest.mark.parametrize("dark", [[], [3], [3, 14]])
@pytest.mark.parametrize("has_cabinet_meter", [True, False])
def test_silence_after_a_contactor_of_which_nobody_knows_is_normal(has_cabinet_meter, dark):
    circuits = (Circuit(10), Circuit(10))
    street = Street(circuits, has_contacts=False, has_cabinet_meter=has_cabinet_meter, switching="", seed=4)
    stuck_on_by_day(street, dark)
    assert "communicationFailure" not in street.ever()
    assert "circuitFailure" not in street.ever()
