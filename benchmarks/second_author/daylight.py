"""When a lamp should burn: the sun's elevation, the schedule's windows, and a sweep grid over them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WIB_S: Final = 7 * 3600  # Asia/Jakarta has no summer time
DIM_STEPS: Final = ((22 * 3600, 70), (24 * 3600 + 1800, 50), (28 * 3600 + 1800, 100))
"""Local seconds after the evening's midnight, and the level in % from then on."""


def elevation_deg(at_s: npt.ArrayLike, latitude: float, longitude: float) -> Floats:
    """Elevation of the sun's centre, without refraction, within about 0.1 degrees.

    Source: the low-precision formulae of the Astronomical Almanac. `at_s` is in seconds of Unix time.
    """
    days = np.asarray(at_s, np.float64) / 86400.0 - 10957.5
    mean = np.radians((357.528 + 0.9856003 * days) % 360)
    ecliptic = np.radians((280.460 + 0.9856474 * days) % 360 + 1.915 * np.sin(mean) + 0.020 * np.sin(2 * mean))
    tilt = np.radians(23.439 - 4e-7 * days)
    right_ascension = np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(tilt) * np.sin(ecliptic))
    sidereal = np.radians((280.46062 + 360.98564737 * days + longitude) % 360)
    hour = sidereal - right_ascension
    here = np.radians(latitude)
    return np.degrees(np.arcsin(np.sin(here) * np.sin(declination) + np.cos(here) * np.cos(declination) * np.cos(hour)))


@dataclass(frozen=True)
class Night:
    """One lit window: `on_s` to `off_s` in Unix seconds; `midnight_s` is the local midnight before it."""

    on_s: int
    off_s: int
    midnight_s: int

    def steps(self) -> list[tuple[int, int]]:
        """Return (time, level) of switching on and of every dim step inside the window."""
        inside = [(self.midnight_s + after, level) for after, level in DIM_STEPS]
        return [(self.on_s, 100), *((at, level) for at, level in inside if self.on_s < at < self.off_s)]


def nights(first: date, count: int, latitude: float, longitude: float) -> list[Night]:
    """Return the lit windows of `count` evenings: sunset + 10 min to sunrise - 10 min (elevation -0.833 degrees)."""
    out = []
    for n in range(count):
        day = first + timedelta(days=n)
        midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - WIB_S
        grid = midnight + np.arange(43200, 43200 + 86400, 15)
        below = elevation_deg(grid, latitude, longitude) < -0.833
        set_at = int(grid[int(np.argmax(below))])
        after = below.copy()
        after[: int(np.argmax(below))] = True
        rise_at = int(grid[int(np.argmin(after))])
        out.append(Night(set_at + 600, rise_at - 600, midnight))
    return out


@dataclass(frozen=True)
class Grid:
    """Sweep times of one controller and what the schedule wants at each.

    `at_s` int64 (t,) Unix seconds; `step_s` (t,) seconds since the sweep before; `level` (t,) % for a lamp that dims.
    """

    at_s: Ints
    step_s: Floats
    level: Ints
    nights: tuple[Night, ...]
    interval_s: int

    @property
    def is_on(self) -> npt.NDArray[np.bool_]:
        """Where the lamps are commanded on."""
        return self.level > 0

    def window(self, begin_s: float, end_s: float) -> slice:
        """Return the sweeps in [begin, end)."""
        low, high = np.searchsorted(self.at_s, (begin_s, end_s))
        return slice(int(low), int(high))


def sweep_grid(lit: Sequence[Night], interval_s: int, day_s: int, offset_s: int) -> Grid:
    """Lay sweeps every `interval_s` while on and every `day_s` by day, up to the last noon."""
    begin, end = lit[0].on_s - 3 * 3600, lit[-1].off_s + 5 * 3600
    ticks: list[npt.NDArray[np.int64]] = []
    at = begin + offset_s
    for night in lit:
        day = np.arange(at, night.on_s, day_s)
        first = int(day[-1]) + day_s if len(day) else at
        start = min(first, night.on_s + offset_s % interval_s + 1)
        dark = np.arange(start, night.off_s, interval_s)
        ticks += [day, dark]
        at = int(dark[-1]) + interval_s
    ticks.append(np.arange(at, end, day_s))
    at_s = np.concatenate(ticks).astype(np.int64)
    level = np.zeros(len(at_s), np.int64)
    for night in lit:
        for since, value in night.steps():
            level[(at_s >= since) & (at_s < night.off_s)] = value
    step = np.diff(at_s, prepend=at_s[0] - day_s).astype(np.float64)
    return Grid(at_s, step, level, tuple(lit), interval_s)
