"""Sun and light at a lamp, as its node's light sensor and a photocell see them.

Low-precision solar position (declination after Cooper, 1969, and equation of time after Spencer's three-term fit, both
as in Duffie and Beckman, Solar Engineering of Thermal Processes: sunset within 3 min in the tropics), and clear-sky
horizontal illuminance over the sun's elevation: 400 lx at sunset, 3.4 lx at the end of civil and 0.008 lx at the end
of nautical twilight (Explanatory Supplement to the Astronomical Almanac, 1992).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical.feeder import solar_hour

_DAY_US: Final = 86_400_000_000
_ELEVATION_DEG: Final = (-18.0, -12.0, -6.0, 0.0, 5.0, 15.0, 40.0, 90.0)
_LUX: Final = (0.0007, 0.008, 3.4, 400.0, 4_500.0, 19_000.0, 72_000.0, 125_000.0)


def sun_elevation(at_us: int, latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sun's elevation at places, (n,) [degrees].

    Args:
        at_us: UTC microseconds.
        latitude: degrees.
        longitude: degrees.
    """
    day = (at_us / _DAY_US) % 365.2425 + 1.0
    declination = np.radians(23.45 * np.sin(2 * np.pi * (284.0 + day) / 365.0))
    season = 2 * np.pi * (day - 81.0) / 364.0
    equation_min = 9.87 * np.sin(2 * season) - 7.53 * np.cos(season) - 1.5 * np.sin(season)
    hour_angle = np.radians(15.0 * (solar_hour(at_us, longitude) + equation_min / 60.0 - 12.0))
    phi = np.radians(latitude)
    sine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    elevation: NDArray[np.float64] = np.degrees(np.arcsin(sine))
    return elevation


def illuminance(elevation_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return clear-sky illuminance for elevations of the sun, (n,) [lx]."""
    lux: NDArray[np.float64] = 10.0 ** np.interp(elevation_deg, _ELEVATION_DEG, np.log10(_LUX))
    return lux
