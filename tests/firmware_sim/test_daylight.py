"""The simulator's sun against astral's, and its light against the published twilight figures."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from astral import Observer
from astral.sun import sunset

from firmware_sim.electrical.daylight import illuminance, sun_elevation


@pytest.mark.parametrize("place", [(0.79, 102.05), (-6.2, 106.8), (-8.7, 115.2), (40.1, -88.2)])
@pytest.mark.parametrize("month", [1, 4, 7, 11])
def test_sun_sets_when_astral_says_within_a_few_minutes(place: tuple[float, float], month: int) -> None:
    latitude, longitude = place
    at = sunset(Observer(latitude, longitude), date=dt.date(2026, month, 23), tzinfo=dt.UTC)
    at_us = int(at.timestamp() * 1e6)
    elevation = sun_elevation(at_us, np.array([latitude]), np.array([longitude]))[0]
    # astral counts refraction and the sun's radius: 0.83 degrees below the horizon; 0.25 degrees are a minute
    assert elevation == pytest.approx(-0.83, abs=1.0)


def test_light_falls_from_noon_to_night_by_eight_decades() -> None:
    lux = illuminance(np.array([90.0, 15.0, 0.0, -6.0, -12.0, -30.0]))
    assert (np.diff(lux) < 0).all()
    assert lux[2:5] == pytest.approx([400.0, 3.4, 0.008])
    assert 1e5 < lux[0] < 1.4e5
