"""Lamps that answer beside lamps which stay silent: whatever silences the others, they are judged as ever."""

import pytest

from tests.ingest.detection.mixed_street import Circuit, Street

IN_TURN = "AB" * 10


@pytest.mark.parametrize("technology", ["HPS", "LED"])
@pytest.mark.parametrize("lost_replies", [0.0, 0.02])
@pytest.mark.parametrize("kind", ["bus", "cable"])
@pytest.mark.parametrize("share", [0.01, 0.6])
def test_a_fault_beside_a_lasting_silence_is_told(share, kind, lost_replies, technology):
    circuit = Circuit(20, technology=technology, watt=150.0, has_meter=True, bus=IN_TURN, dimmable=False)
    street = Street((circuit, circuit), lost_replies=lost_replies, seed=3)
    street.play(60)
    if kind == "bus":
        street.bus_down.add((0, "B"))
    else:
        street.is_cut |= street.where(0, 8)
    street.play(30)
    group = "busFailure" if kind == "bus" else "cableFailure"
    assert street.codes() == {group: 1}
    street.factor[4] = share
    street.play(25)
    assert street.codes() == {group: 1, "lampFailure" if share < 0.2 else "lampPowerTooLow": 1}


@pytest.mark.parametrize("n_first", [11, 14])
def test_lamps_that_were_read_before_a_short_outage_warm_up_with_the_others(n_first):
    street = Street((Circuit(20, technology="HPS", watt=150.0),), has_contacts=False, has_cabinet_meter=False, seed=3)
    street.play(60)
    late = street.where(0, 21 - n_first)
    street.is_cut |= late
    street.play(1)
    street.is_cut[:] = False
    street.lit_s[:] = 0.0
    street.play(30)
    assert street.ever() == set()
