"""The grid at the cabinet: voltage of each phase over the day, frequency, and the air around the lamps.

All curves are functions of time alone (each phase has its own random slow waves), so that a step's length
changes nothing. Sources: SPLN 1:1995 (230 V, +5 % -10 %), evening peak of Indonesian load at 18 to 22 h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: What a lightly loaded low-voltage feeder holds [V].
BASE_V: Final = 230.0
#: Hour of the evening peak and its width [h of local solar time].
PEAK_H: Final = 19.5
PEAK_WIDTH_H: Final = 2.2
#: Periods of the slow waves of loads coming and going [s].
WAVE_S: Final = (5400.0, 1700.0, 610.0)

_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 24 * _HOUR_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    """Character of each cabinet's supply.

    Attributes:
        base_v: float32 (n_cabinets, 3), voltage without the evening's load [V].
        sag_v: float32 (n_cabinets, 3), how far the evening peak pulls it down [V].
        wave_v: float32 (n_cabinets, 3, 3), amplitude of each slow wave [V].
        wave_phase: float32 (n_cabinets, 3, 3) [rad].
    """

    base_v: NDArray[np.float32]
    sag_v: NDArray[np.float32]
    wave_v: NDArray[np.float32]
    wave_phase: NDArray[np.float32]


def draw_feeder(n_cabinets: int, rng: np.random.Generator) -> Feeder:
    """Draw the character of each cabinet's supply: 225 to 234 V at rest, 3 to 9 V of evening sag."""
    cabinet = rng.normal(0.0, 1.3, (n_cabinets, 1))
    phase = rng.normal(0.0, 0.9, (n_cabinets, 3))
    return Feeder(
        base_v=(BASE_V + np.clip(cabinet + phase, -4.5, 4.0)).astype(np.float32),
        sag_v=rng.uniform(3.0, 9.0, (n_cabinets, 3)).astype(np.float32),
        wave_v=rng.uniform(0.2, 0.8, (n_cabinets, 3, 3)).astype(np.float32),
        wave_phase=rng.uniform(0.0, 2 * np.pi, (n_cabinets, 3, 3)).astype(np.float32),
    )


def solar_hour(at_us: int, longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return local mean solar time, 0..24 h, of each longitude [degrees] at UTC microseconds."""
    hour: NDArray[np.float64] = np.mod((at_us % _DAY_US) / _HOUR_US + longitude / 15.0, 24.0)
    return hour


def feeder_voltage(feeder: Feeder, at_us: int, longitude: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the voltage of each cabinet's phases, float32 (n_cabinets, 3) [V].

    Args:
        feeder: their character.
        at_us: UTC microseconds.
        longitude: of each cabinet, (n_cabinets,) [degrees].
    """
    hour = solar_hour(at_us, longitude)
    # distance to the peak on the 24 h circle
    away = np.abs((hour - PEAK_H + 12.0) % 24.0 - 12.0)
    sag = np.exp(-0.5 * (away / PEAK_WIDTH_H) ** 2)[:, None]
    # whole turns are taken off in integers: 1.7e15 us would eat the phase in float32
    turns = np.array([(at_us % int(period * 1e6)) / (period * 1e6) for period in WAVE_S])
    waves = (feeder.wave_v * np.sin(2 * np.pi * turns + feeder.wave_phase)).sum(axis=2)
    volts: NDArray[np.float32] = (feeder.base_v - feeder.sag_v * sag + waves).astype(np.float32)
    return volts


def frequency(at_us: int) -> float:
    """Return the grid's frequency [Hz]: 50 Hz within 0.1 Hz."""
    turns = [(at_us % int(period * 1e6)) / (period * 1e6) for period in (7300.0, 419.0)]
    return float(50.0 + 0.06 * np.sin(2 * np.pi * turns[0]) + 0.03 * np.sin(2 * np.pi * turns[1]))


def ambient(at_us: int, longitude: float) -> float:
    """Return the air temperature of a tropical coast [C]: 24 before dawn, 32 in the early afternoon."""
    hour = float(solar_hour(at_us, np.asarray(longitude)))
    return 28.0 + 4.0 * float(np.cos(2 * np.pi * (hour - 14.0) / 24.0))
