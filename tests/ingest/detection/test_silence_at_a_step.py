"""Silence that begins at a dim step, or stands at dusk: told by its own confirm rule, which no level can delay."""

import numpy as np
import pytest

from ingest.model.finding import Raised
from tests.ingest.detection.mixed_street import Circuit, Street

LEDS = (Circuit(14, 90), Circuit(14, 90))
MINUTE = 60_000_000


def deaf(street):
    street.is_silent |= street.where(0, 6, 6)


def fuse(street):
    street.is_cut |= street.where(0, 6, 6)


def cable(street):
    street.is_cut |= street.where(0, 9)


def breaker(street):
    street.is_cut |= street.where(0)


def bus_end(street):
    street.bus_down.add((0, "B"))


CAUSES = [
    (deaf, "communicationFailure", 5),
    (fuse, "lampFailure", 5),
    (cable, "cableFailure", 2),
    (breaker, "circuitFailure", 2),
    (bus_end, "busFailure", 2),
]


def first_word(street, since_us):
    """The faults that stand, and how many minutes after the first silent sweep the first of them opened."""
    raised = [change for change in street.changes if isinstance(change, Raised) and change.cause is None]
    return {change.key.code for change in raised}, (min(change.at_us for change in raised) - since_us) / MINUTE


@pytest.mark.parametrize(("cause", "code", "minutes"), CAUSES)
@pytest.mark.parametrize(("levels", "lost_level"), [((100, 50), None), ((100, 50), 255), ((50, 100), None)])
def test_silence_that_begins_at_a_dim_step_is_told_by_its_own_rule(cause, code, minutes, levels, lost_level):
    street = Street((Circuit(14, 90, bus="AAB"), Circuit(14, 90)), lost_level=lost_level, noise=0.002, seed=5)
    street.level, to = levels
    street.play(45)
    street.level = to
    cause(street)
    since_us = street.now_us + MINUTE
    street.play(12)
    assert first_word(street, since_us) == ({code}, minutes)


def at_dusk(street, cause, minutes=25):
    """A night, a day with a cause in it, and the evening; returns the first sweep of the evening."""
    street.play(45)
    street.level, street.interval_s = 0, 300
    street.play(30)
    cause(street)
    street.play(120)
    assert street.changes == []
    street.level, street.interval_s = 100, 60
    since_us = street.now_us + MINUTE
    street.play(minutes)
    return since_us


@pytest.mark.parametrize(("cause", "code", "minutes"), CAUSES)
@pytest.mark.parametrize("has_contacts", [True, False])
def test_silence_that_stands_at_dusk_is_told_by_its_own_rule(cause, code, minutes, has_contacts):
    circuits = (Circuit(14, 90, bus="AAB"), Circuit(14, 90))
    street = Street(circuits, noise=0.002, has_contacts=has_contacts, seed=6)
    since_us = at_dusk(street, cause)
    assert first_word(street, since_us) == ({code}, minutes)


BARE = Circuit(14, 150, "HPS", metered=0)


@pytest.mark.parametrize(
    ("cause", "code", "others"),
    [
        (deaf, "communicationFailure", Circuit(14, 90)),
        (fuse, "lampFailure", BARE),
        (cable, "cableFailure", Circuit(14, 90)),
        (breaker, "circuitFailure", Circuit(14, 150, "HPS")),
        (breaker, "circuitFailure", BARE),
        (bus_end, "busFailure", Circuit(14, 150, "HPS")),
    ],
)
def test_what_needs_the_load_of_cold_arcs_waits_for_their_warm_up(cause, code, others):
    street = Street((Circuit(14, 150, "HPS", bus="AAB"), others), noise=0.002, seed=7)
    since_us = at_dusk(street, cause, 35)
    codes, minutes = first_word(street, since_us)
    assert codes == {code}
    assert minutes >= (5 if code == "communicationFailure" else 10)


@pytest.mark.parametrize("has_meter", [True, False])
def test_a_contactor_that_closes_late_is_no_fault_of_any_circuit(has_meter):
    street = Street(LEDS, has_contacts=False, has_cabinet_meter=has_meter, seed=8)
    street.play(45)
    street.level, street.interval_s = 0, 300
    street.play(120)
    street.level, street.interval_s = 100, 60
    street.is_cut[:] = True
    street.play(9)
    street.is_cut[:] = False
    street.play(20)
    assert street.changes == []


def test_meters_that_wake_one_after_the_other_are_no_faults():
    street = Street(LEDS, noise=0.002, seed=9)
    street.play(45)
    street.level, street.interval_s = 0, 300
    street.play(120)
    street.level, street.interval_s = 100, 60
    wakes = np.random.default_rng(1).integers(1, 5, street.n)

    def wake(step):
        street.is_silent = step < wakes

    street.play(20, wake)
    assert street.changes == []


def test_a_step_during_the_silence_starts_no_wait_anew():
    street = Street(LEDS, noise=0.002, seed=10)
    street.play(45)
    deaf(street)
    since_us = street.now_us + MINUTE
    street.play(3)
    street.level = 50
    street.play(10)
    assert first_word(street, since_us) == ({"communicationFailure"}, 5)


@pytest.mark.parametrize("second", [deaf, fuse])
def test_a_pole_fuse_in_slow_sweeps_is_told_before_another_lamp_falls_silent(second):
    street = Street(LEDS, noise=0.002, interval_s=300, seed=11)
    street.play(150)
    street.is_cut |= street.where(0, 10, 10)
    street.play(10)
    second(street)
    street.play(5)
    assert first_word(street, street.now_us) == ({"lampFailure"}, 0)
