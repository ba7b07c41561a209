"""Current terminals wired backwards: the meter's fault, and a lamp that burns."""

import numpy as np
import pytest

from ingest.schema.codes import BY_CODE
from ingest.schema.live import STATE_LIT
from languages.catalogue import load_catalogue


def reverse(town, row):
    def backwards(columns):
        at = np.flatnonzero(columns["lamp"] == town.fleet.lamp_index[town.ids[row]])
        for name in ("power_w", "power_factor"):
            columns[name][at] = -columns[name][at]

    return backwards


@pytest.mark.parametrize("circuit_meters", [True, False])
@pytest.mark.parametrize("technology", ["LED", "HPS"])
def test_reversed_terminals_are_told_as_such_and_the_lamp_is_lit(kit, technology, circuit_meters):
    town = kit.Town(technology=technology, circuit_meters=circuit_meters, dims=())
    town.quirk = reverse(town, 3)
    changes = town.play(90)
    assert kit.open_codes(changes) == {"meterFailure": 1}
    (fault,) = kit.raised(changes)
    assert fault.evidence["kind"] == "reversed"
    assert fault.evidence["power_w"] < -80
    live = town.detection.live_picture()
    assert live["state"][3] == STATE_LIT
    town.quirk = None
    assert kit.open_codes([*changes, *town.play(30)]) == {}


def test_negative_power_beyond_the_apparent_one_is_a_broken_meter(kit):
    town = kit.Town(dims=())
    town.play(20)

    def broken(columns):
        columns["power_w"][3] = -900.0

    town.quirk = broken
    (fault,) = town.play(10)
    assert (fault.key.code, fault.evidence["kind"]) == ("meterFailure", "impossible")


@pytest.mark.parametrize(("language", "word"), [("en", "swap"), ("id", "tukar")])
def test_the_advice_says_what_to_do(language, word):
    say = load_catalogue(language).say
    code = BY_CODE["meterFailure"]
    assert word in say(code.advice("reversed"))
    assert word not in say(code.advice("frozen"))


def reverse_meters(phases=(), circuits=()):
    """Turn the meters of some phases of the cabinet and of some circuits around."""

    def backwards(columns):
        for phase in phases:
            columns["cabinet_power_w"][:, phase] *= -1
        for circuit in circuits:
            columns["circuit_power_w"][circuit] *= -1

    return backwards


@pytest.mark.parametrize(
    ("technology", "phases", "is_learned"),
    [("LED", (1,), False), ("HPS", (0, 2), False), ("LED", (0, 1, 2), True), ("HPS", (2,), True)],
)
def test_a_cabinet_meter_with_reversed_phases_tells_cables_buses_fuses_and_taps_apart(
    kit, technology, phases, is_learned
):
    town = kit.Town(technology=technology, circuit_meters=False, dims=())
    if is_learned:
        town.play(60)
    town.quirk = reverse_meters(phases)
    assert town.play(60) == []
    town.is_powered[4:10] = False
    assert kit.open_codes(town.play(10)) == {"cableFailure": 1}
    town.is_powered[:] = True
    town.play(30)
    town.is_bus_up[:] = False
    assert kit.open_codes(town.play(10)) == {"busFailure": 1}
    town.is_bus_up[:] = True
    town.play(30)
    town.is_powered[3] = False
    assert kit.open_codes(town.play(15)) == {"lampFailure": 1}
    town.is_powered[:] = True
    town.play(30)
    town.extra_w[:] = 600.0
    assert kit.open_codes(town.play(40)) == {"unmeteredLoad": 1}
    assert kit.open_codes(town.changes) == {"unmeteredLoad": 1}


@pytest.mark.parametrize("meters", [{"circuits": (0,)}, {"phases": (0, 1, 2)}])
@pytest.mark.parametrize("technology", ["LED", "HPS"])
def test_dark_lamps_are_counted_by_a_reversed_meter(kit, technology, meters):
    n_circuits = 1 if "phases" in meters else 2
    town = kit.Town(
        n_poles=20, n_circuits=n_circuits, technology=technology, lamp_meters=False,
        circuit_meters="circuits" in meters, dims=(),
    )  # fmt: skip
    town.quirk = reverse_meters(**meters)
    town.play(60)
    town.factor[3] = 0.0
    (fault,) = town.play(30)
    assert (fault.key.code, fault.evidence["lamps_dark"]) == ("circuitPowerTooLow", 1)
