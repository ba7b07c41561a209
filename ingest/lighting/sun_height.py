"""Height of the sun above the horizon at many places at once, to half a degree."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

_J2000_S: Final = 946_728_000  # 2000-01-01 12:00 UTC
_DAY_S: Final = 86400


def elevation(at_s: Int64, latitude: Float64, longitude: Float64) -> Float64:
    """Height of the sun [degrees], good to half a degree; low-precision formulas of the Astronomical Almanac."""
    days = (at_s - _J2000_S) / _DAY_S
    anomaly = np.radians(357.528 + 0.9856003 * days)
    mean = np.radians(280.460 + 0.9856474 * days)
    ecliptic = mean + np.radians(1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.439)
    declination = np.arcsin(np.sin(tilt) * np.sin(ecliptic))
    ascension = np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic))
    sidereal = np.radians(280.46062 + 360.98564737 * days + longitude)
    hour = sidereal - ascension
    here = np.radians(latitude)
    height = np.sin(here) * np.sin(declination) + np.cos(here) * np.cos(declination) * np.cos(hour)
    found: Float64 = np.degrees(np.arcsin(np.clip(height, -1, 1)))
    return found
