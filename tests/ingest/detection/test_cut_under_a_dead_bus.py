"""A cable that is cut while the bus of its lamps is silent: nobody saw them go, but the meters lack their load."""

import pytest

from tests.ingest.detection.mixed_street import Circuit, Street


@pytest.mark.parametrize("has_circuit_meters", [False, True])
@pytest.mark.parametrize(("first", "last"), [(6, 14), (12, 14), (1, 14)])
@pytest.mark.parametrize("minutes", [45, 180])
def test_it_is_told_when_the_bus_is_back(has_circuit_meters, first, last, minutes):
    circuit = Circuit(14, 60, has_meter=has_circuit_meters)
    street = Street((circuit, circuit), noise=0.003, seed=1)
    street.play(180)
    street.bus_down.add((0, "A"))
    street.play(60)
    assert street.codes() == {"busFailure": 1}
    street.is_cut[street.where(1, first, last)] = True
    street.play(minutes)
    street.bus_down.clear()
    street.play(20)
    assert street.codes() == {"circuitFailure" if first == 1 else "cableFailure": 1}


def test_lamps_that_never_answered_do_not_keep_the_balance_from_learning():
    street = Street((Circuit(20, 60), Circuit(20, 60)), noise=0.003, loss=0.03, seed=2)
    street.is_silent[street.where(0, 4, 6)] = True
    street.play(240)
    street.is_cut[street.where(1, 15, 20)] = True
    street.play(20)
    assert street.codes().get("cableFailure") == 1
