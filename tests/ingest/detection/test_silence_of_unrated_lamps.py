"""Silent lamps, one of which has no rating: what the others would draw tells circuit, cable and bus all the same."""

import numpy as np
import pytest

from benchmarks.small_town import city_of
from ingest.detection.engine import Detection
from tests.ingest.detection.mixed_street import Circuit, Street


def street_with_unrated(unrated, **kwargs):
    has_meter = kwargs.pop("has_circuit_meter")
    kind = {"technology": "MV", "watt": 125.0, "has_meter": has_meter}
    circuits = (Circuit(15, bus="A", **kind), Circuit(14, bus="B", **kind))
    street = Street(circuits, has_contacts=False, seed=3, **kwargs)
    street.fleet.rated_power_w[street.fleet_of[unrated]] = np.nan
    street.detection = Detection(street.fleet, city_of({}, ()), start_us=street.start_us)
    street.level = 0
    street.play(10)
    street.level, street.lit_s[:] = 100, 0.0
    street.play(4)
    return street


@pytest.mark.parametrize("unrated", [[9], [5, 9, 12]])
@pytest.mark.parametrize("has_circuit_meter", [True, False])
@pytest.mark.parametrize("kind", ["bus", "cable", "circuit"])
def test_a_group_is_told_though_some_of_its_lamps_have_no_rating(kind, has_circuit_meter, unrated):
    street = street_with_unrated(unrated, has_circuit_meter=has_circuit_meter)
    if kind == "bus":
        street.bus_down.add((0, "A"))
    else:
        street.is_cut |= street.where(0, 4 if kind == "cable" else 1)
    street.play(40)
    assert street.codes() == {f"{kind}Failure": 1}


def test_a_lamp_of_which_nothing_is_known_is_ambiguous_when_it_is_silent_alone():
    street = street_with_unrated([9], has_circuit_meter=True)
    street.is_cut |= street.where(0, 10, 10)
    street.play(40)
    (fault,) = street.standing().values()
    assert fault.key.code == "communicationFailure"
    assert fault.evidence["ambiguous"] is True
