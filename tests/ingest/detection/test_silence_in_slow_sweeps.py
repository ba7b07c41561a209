"""How many lost replies in a row are told in sweeps of five minutes: three, unless chance may explain them."""

import pytest

from ingest.model.finding import Raised
from tests.ingest.detection.mixed_street import Circuit, Street

LEDS = (Circuit(20, 90), Circuit(20, 90))


def silent_sweeps(street, lamp="C0-1-006"):
    """Sweeps from the first silent one to the first word of that lamp."""
    began_us = street.now_us + street.interval_s * 1_000_000
    street.is_silent |= street.where(0, 6, 6)
    street.play(60)
    (word,) = [one for one in street.changes if isinstance(one, Raised) and one.key.place.lamp_id == lamp]
    assert word.key.code == "communicationFailure"
    assert word.since_us == began_us
    return (word.at_us - began_us) // (street.interval_s * 1_000_000) + 1


@pytest.mark.parametrize(("interval_s", "n"), [(60, 6), (150, 3), (300, 3), (900, 3)])
def test_on_a_clean_bus_the_confirm_rule_is_three_samples_and_five_minutes(interval_s, n):
    street = Street(LEDS, noise=0.002, interval_s=interval_s, seed=21)
    street.play(interval_s)
    assert silent_sweeps(street) == n


@pytest.mark.parametrize(("level", "n"), [(100, 4), (0, 5)])
def test_on_a_bus_that_loses_two_of_a_hundred_replies_more_is_asked_for(level, n):
    street = Street(LEDS, noise=0.002, interval_s=300, switching="lamp", lost_replies=0.02, seed=22)
    street.play(300)
    street.level = level
    street.play(100)
    assert silent_sweeps(street) == n


@pytest.mark.parametrize("interval_s", [120, 150, 200])
def test_sweeps_that_are_not_quite_as_slow_ask_for_as_much(interval_s):
    street = Street(LEDS, noise=0.002, interval_s=interval_s, lost_replies=0.02, seed=26)
    street.play(200)
    assert silent_sweeps(street) == 4


@pytest.mark.parametrize(("level", "n"), [(100, 4), (0, 5)])
@pytest.mark.parametrize("seed", [27, 28, 29])
def test_sweeps_that_become_faster_meanwhile_ask_for_as_much(seed, level, n):
    """An agent that reads every five minutes by day and every minute by night: two slow samples, then fast ones."""
    street = Street(LEDS, noise=0.002, interval_s=300, switching="lamp", lost_replies=0.02, seed=seed)
    street.play(200)
    street.level = level
    street.play(60)
    began_us = street.now_us + 300_000_000
    street.is_silent |= street.where(0, 6, 6)
    street.play(10)
    street.interval_s = 60
    street.play(15)
    (word,) = [one for one in street.changes if isinstance(one, Raised) and one.key.place.lamp_id == "C0-1-006"]
    assert word.since_us == began_us
    assert word.at_us == began_us + (300 + 60 * (n - 2)) * 1_000_000


def test_before_anything_is_known_of_a_bus_one_more_is_asked_for():
    street = Street(LEDS, noise=0.002, interval_s=300, seed=23)
    street.play(40)
    assert silent_sweeps(street) == 4


def test_on_a_clean_bus_it_is_the_confirm_rule_by_day_too():
    street = Street(LEDS, noise=0.002, interval_s=300, switching="lamp", seed=24)
    street.play(300)
    street.level = 0
    street.play(120)
    assert silent_sweeps(street) == 3


def test_an_outage_of_many_lamps_is_no_loss_by_chance():
    street = Street(LEDS, noise=0.002, interval_s=300, seed=25)
    for _ in range(4):
        street.play(100)
        street.is_cut[:] = street.where(0)
        street.play(30)
        street.is_cut[:] = False
    street.play(60)
    assert silent_sweeps(street) == 3
