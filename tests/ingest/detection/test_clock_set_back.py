"""An agent's clock that is set back while lamps are silent: the sweep is older than the silence that it is about."""

import pytest

from tests.ingest.detection.mixed_street import Circuit, Street

MINUTE_US = 60_000_000


@pytest.mark.parametrize("back_min", [2, 7, 20, 90])
@pytest.mark.parametrize("n_silent_min", [2, 4])
@pytest.mark.parametrize("kind", ["node", "cable", "circuit", "bus"])
def test_silence_is_judged_by_a_clock_that_was_set_back(kind, n_silent_min, back_min):
    street = Street((Circuit(8, has_meter=True), Circuit(8, bus="B")), seed=3)
    street.play(40)
    if kind == "bus":
        street.bus_down.add((0, "B"))
    elif kind == "node":
        street.is_silent |= street.where(1, 4, 4)
    else:
        street.is_cut |= street.where(0, 5) if kind == "cable" else street.where(0)
    street.play(n_silent_min)
    street.now_us -= back_min * MINUTE_US
    street.play(12 + back_min)
    code = {"node": "communicationFailure", "bus": "busFailure"}.get(kind, f"{kind}Failure")
    assert street.codes() == {code: 1}
