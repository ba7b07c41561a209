"""Confirm times run during the switching guard, in which no verdict falls; samples of a warm-up are no samples."""

import numpy as np
import pytest

from ingest.model.finding import Cleared, Raised
from tests.ingest.detection.mixed_street import Circuit, Street

MINUTE = 60_000_000


def evening(circuits, **kwargs):
    """A night and a day; the next sweep is the first one lit."""
    street = Street(circuits, **kwargs)
    street.play(45)
    street.level, street.interval_s = 0, 300
    street.play(120)
    assert street.changes == []
    street.level, street.interval_s = 100, 60
    return street


def opened(street, since_us):
    raised = [change for change in street.changes if isinstance(change, Raised) and change.cause is None]
    return [(change.key.code, (change.at_us - since_us) / MINUTE) for change in raised]


@pytest.mark.parametrize(("factor", "code"), [(1.7, "lampPowerTooHigh"), (0.5, "lampPowerTooLow"), (0, "lampFailure")])
def test_an_led_is_told_when_the_guard_after_dusk_ends(factor, code):
    street = evening((Circuit(8), Circuit(8)))
    street.factor[3] = factor
    since_us = street.now_us + MINUTE
    street.play(9)
    assert street.changes == [], "no verdict in the guard"
    street.play(6)
    assert opened(street, since_us) == [(code, 10)]


@pytest.mark.parametrize(("factor", "code"), [(1.7, "lampPowerTooHigh"), (0.5, "lampPowerTooLow")])
def test_an_led_that_fails_at_a_dim_step_is_told_when_the_guard_ends(factor, code):
    street = Street((Circuit(8), Circuit(8)))
    street.play(45)
    street.level, street.factor[3] = 50, factor
    since_us = street.now_us + MINUTE
    street.play(9)
    assert street.changes == []
    street.play(6)
    assert opened(street, since_us) == [(code, 10)]


def test_a_lamp_that_is_well_again_at_dusk_is_closed_when_the_guard_ends():
    street = Street((Circuit(8), Circuit(8)))
    street.play(45)
    street.factor[3] = 0
    street.play(10)
    street.level, street.interval_s = 0, 300
    street.play(120)
    street.level, street.interval_s, street.factor[3] = 100, 60, 1
    since_us = street.now_us + MINUTE
    street.play(30)
    assert [(c.at_us - since_us) / MINUTE for c in street.changes if isinstance(c, Cleared)] == [10]


@pytest.mark.parametrize("level", [100, 50, 25])
def test_samples_of_the_old_level_open_nothing(level):
    """A lamp is read before the step that is told in the same sweep; so are all of a long one."""
    street = Street((Circuit(8), Circuit(8)))
    street.play(45)
    for to in (level, 100, level):
        before, street.level = street.level, to

        def late(columns, before=before):
            columns["level"][:] = street.level
            columns["power_w"][:] *= np.float32(before / 100)

        street.quirk = late if before > to else None
        street.play(1)
        street.quirk = None
        street.play(25)
    assert street.changes == []


@pytest.mark.parametrize("dark_min", [6, 9, 10])
def test_cold_arcs_prove_nothing(dark_min):
    street = evening((Circuit(8, 150, "HPS"), Circuit(8, 150, "HPS")))
    street.factor[3] = 0
    street.play(dark_min)
    street.factor[3] = 1
    street.play(20)
    assert street.changes == []


def test_a_lamp_that_lights_within_the_guard_is_no_failure():
    street = evening((Circuit(8), Circuit(8)))
    street.factor[3] = 0
    street.play(9)
    street.factor[3] = 1
    street.play(20)
    assert street.changes == []
