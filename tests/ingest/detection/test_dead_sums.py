"""A metered sum of lamps that draws nothing, while its meter sees a voltage: a fuse or breaker behind the meter."""

import pytest

from tests.ingest.detection.mixed_street import Circuit, Street

KINDS = pytest.mark.parametrize(("technology", "minutes"), [("LED", 16), ("HPS", 32)])


def sums(technology, **traits):
    circuits = (Circuit(12, 150, technology=technology, metered=0, has_meter=traits.pop("has_meter", True)),) * 2
    street = Street(circuits, seed=41, **traits)
    street.play(90)
    assert street.changes == []
    return street


@KINDS
@pytest.mark.parametrize("has_cabinet_meter", [True, False])
def test_a_circuit_that_draws_nothing_has_all_lamps_dark(technology, minutes, has_cabinet_meter):
    street = sums(technology, has_cabinet_meter=has_cabinet_meter)
    street.factor[street.where(0)] = 0
    street.play(minutes)
    ((key, told),) = street.standing().items()
    assert (key.code, key.place.circuit) == ("circuitPowerTooLow", "1")
    assert told.evidence["lamps_dark"] == 12
    street.factor[:] = 1
    street.lit_s[street.where(0)] = 0
    street.play(40)
    assert street.standing() == {}


@KINDS
def test_a_cabinet_that_draws_nothing_has_all_lamps_dark(technology, minutes):
    street = sums(technology, has_meter=False, has_contacts=False)
    street.factor[:] = 0
    street.play(minutes)
    ((key, told),) = street.standing().items()
    assert (key.code, key.place.circuit) == ("circuitPowerTooLow", None)
    assert told.evidence["lamps_dark"] == 24


@KINDS
def test_nothing_is_learned_of_a_circuit_that_has_never_drawn_anything(technology, minutes):
    circuits = (Circuit(12, 150, technology=technology, metered=0, has_meter=True),) * 2
    street = Street(circuits, seed=42)
    street.factor[street.where(0)] = 0
    street.play(90)
    street.factor[:] = 1
    street.lit_s[street.where(0)] = 0
    street.play(90)
    assert street.changes == []
    street.factor[street.where(0, 3, 4)] = 0
    street.play(minutes)
    ((key, told),) = street.standing().items()
    assert (key.code, key.place.circuit, told.evidence["lamps_dark"]) == ("circuitPowerTooLow", "1", 2)


def test_a_meter_that_shows_nothing_once_has_no_dark_lamps():
    street = sums("LED")
    for _ in range(10):
        street.factor[street.where(0)] = 0
        street.play(1)
        street.factor[:] = 1
        street.play(6)
    assert street.changes == []
