"""A cable that is cut behind the first poles, and then the fuse of its circuit: few lamps are left to fall silent."""

import pytest

from tests.ingest.detection.mixed_street import Circuit, Street

KINDS = pytest.mark.parametrize(("n_before", "has_meter", "technology"), [
    (1, True, "LED"), (2, True, "LED"), (3, True, "LED"), (1, False, "LED"), (2, False, "LED"), (1, True, "HPS"),
])  # fmt: skip


def cut(n_before, has_meter, technology="LED"):
    circuits = (Circuit(12, technology=technology, has_meter=has_meter), Circuit(8, bus="B", has_meter=has_meter))
    street = Street(circuits, seed=61)
    street.play(40)
    street.is_cut |= street.where(0, n_before + 1)
    street.play(20)
    assert street.codes() == {"cableFailure": 1}
    return street


@KINDS
def test_a_circuit_whose_fuse_goes_after_its_cable_is_one_fault(n_before, has_meter, technology):
    street = cut(n_before, has_meter, technology)
    street.is_fuse_blown[0, 0] = street.is_meter_dead[0, 0] = True
    street.play(8)
    ((key, told),) = street.standing().items()
    assert (key.code, key.place.circuit, len(told.lamp_ids)) == ("circuitFailure", "1", 12)
    assert street.ever() == {"cableFailure", "circuitFailure"}
    street.is_fuse_blown[0, 0] = street.is_meter_dead[0, 0] = False
    street.play(30)
    assert street.codes() == {"cableFailure": 1}
    street.is_cut[:] = False
    street.play(30)
    assert street.standing() == {}


def test_a_pole_fuse_before_a_cut_is_that_of_its_lamp_while_the_circuit_has_its_supply():
    street = cut(1, has_meter=True)
    street.is_cut |= street.where(0, 1, 1)
    street.play(8)
    assert street.codes() == {"cableFailure": 1, "lampFailure": 1}


def test_a_broken_node_before_a_cut_is_no_circuit():
    street = cut(1, has_meter=True)
    street.is_silent |= street.where(0, 1, 1)
    street.play(12)
    assert street.codes() == {"cableFailure": 1, "communicationFailure": 1}
