"""Photocells close one after another while it gets dark, later after sunset the farther from the equator."""

import numpy as np
import pytest

from ingest.lighting.sun_height import elevation
from tests.ingest.detection.mixed_street import Circuit, Street

MINUTE_US = 60_000_000


def street_at(latitude, start_us, *, dims_leds=False, **kwargs):
    street = Street(
        (Circuit(12, 90, technology="LED", dimmable=dims_leds), Circuit(12, 170, technology="HPS")),
        switching="lamp", has_contacts=False, lost_level=255, latitude=latitude, start_us=start_us, **kwargs,
    )  # fmt: skip
    street.tells_level = False
    return street


@pytest.mark.parametrize("latitude", [-10.9, 0.8, 5.9, 35.0, 51.5])
def test_no_lamp_is_told_dark_before_its_cell_closes_or_after_it_opens(latitude):
    noon_us = 1_795_438_800_000_000 - 8 * 60 * MINUTE_US
    times_us = noon_us + np.arange(24 * 60) * MINUTE_US
    heights = elevation(times_us // 1_000_000, np.full(1440, latitude), np.full(1440, 106.8))
    first, last = np.flatnonzero(heights < 1)[[0, -1]]
    street = street_at(latitude, int(times_us[first]), seed=int(abs(latitude)))
    closes_at = street.rng.uniform(-5.6, -2, street.n)

    def follow(_step):
        at = np.array([street.now_us // 1_000_000])
        height = elevation(at, np.array([latitude]), np.array([106.8]))[0]
        street.factor[:] = height < closes_at

    street.level = 100
    street.play(90, before=follow)
    street.now_us = int(times_us[last]) - 90 * MINUTE_US
    street.play(120, before=follow)
    assert [change for change in street.changes if change.key.code == "lampFailure"] == []


def test_a_lamp_that_stays_dark_is_told_after_dusk():
    street = street_at(0.8, 1_795_438_800_000_000 - 3 * 60 * MINUTE_US, seed=1)
    dead = street.where(0, 5, 5)

    def follow(_step):
        at = np.array([street.now_us // 1_000_000])
        height = elevation(at, np.array([0.8]), np.array([106.8]))[0]
        street.factor[:] = (height < -3) & ~dead

    street.level = 100
    street.play(180, before=follow)
    assert street.codes() == {"lampFailure": 1}


@pytest.mark.parametrize("minutes_before", [2, 5, 9])
@pytest.mark.parametrize("interval_s", [60, 120])
def test_a_dim_step_to_come_is_none_of_lamps_that_do_not_dim(interval_s, minutes_before):
    """They are judged up to it and over it: only what dims may have gone on before the city's schedule says so."""
    night_us = 1_795_438_800_000_000
    street = street_at(-6.2, night_us, dims=(("22:00", 70),), interval_s=interval_s, seed=4)
    street.level = 100
    street.play(120 - minutes_before)
    assert street.changes == []
    street.factor[[3, 15]] = 0
    street.play(4 * interval_s // 60)
    assert street.codes() == {"lampFailure": 2}
    street.play(60)
    assert street.codes() == {"lampFailure": 2}


def test_a_dim_step_to_come_is_waited_for_by_lamps_that_dim():
    """A controller whose clock is five minutes ahead dims before the schedule of the city says so."""
    night_us = 1_795_438_800_000_000
    street = street_at(-6.2, night_us, dims_leds=True, dims=(("22:00", 10),), seed=4)
    street.level = 100
    street.play(115)
    street.level = 10
    street.play(40)
    assert "lampFailure" not in street.ever()
