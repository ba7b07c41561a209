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
