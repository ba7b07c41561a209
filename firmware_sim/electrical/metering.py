"""What a meter shows of a true value: its fixed error, its noise, its resolution and where it starts to count.

Figures are the PZEM-004T/-016's (Peacefair's data sheets): +-0.5 % on V, I and P, +-1 % on the power factor,
steps of 0.1 V, 1 mA, 0.1 W and 0.01, power from 0.4 W and current from 0.01 A (10 A model) or 0.02 A (100 A model).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Largest fixed error of one meter, and largest deviation of one reading about it: together the data sheet's limit.
FIXED_ERROR: Final = 0.0035
READING_NOISE: Final = 0.0015
FIXED_ERROR_PF: Final = 0.005
READING_NOISE_PF: Final = 0.005
#: Power below which the meter shows 0.0 W.
START_POWER_W: Final = 0.4

_RAW: Final = np.float32(1.0 / 32768.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Fixed gain of each lamp's meter, float32 (n_lamps,) each, 1 = exact."""

    voltage: NDArray[np.float32]
    current: NDArray[np.float32]
    power: NDArray[np.float32]
    power_factor: NDArray[np.float32]


def draw_calibration(n_lamps: int, rng: np.random.Generator) -> Calibration:
    """Draw each meter's fixed error, uniform within its share of the accuracy class."""

    def gain(limit: float) -> NDArray[np.float32]:
        return (1.0 + rng.uniform(-limit, limit, n_lamps)).astype(np.float32)

    return Calibration(
        voltage=gain(FIXED_ERROR),
        current=gain(FIXED_ERROR),
        power=gain(FIXED_ERROR),
        power_factor=gain(FIXED_ERROR_PF),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantities:
    """What a lamp's meter measures, true or as shown, float32 (n_lamps,) each [V, A, W, -]."""

    voltage_v: NDArray[np.float32]
    current_a: NDArray[np.float32]
    power_w: NDArray[np.float32]
    power_factor: NDArray[np.float32]


def show(
    true: Quantities,
    start_current_a: NDArray[np.float32],
    calibration: Calibration,
    rng: np.random.Generator,
) -> Quantities:
    """Return what PZEM meters show of true values.

    Args:
        true: what is to be measured.
        start_current_a: smallest current the meter counts [A].
        calibration: fixed errors.
        rng: draws each reading's noise, 8 bytes per lamp.
    """
    # four 16-bit noises from one 64-bit draw: a quarter of the cost of four float draws
    raw = rng.integers(0, 2**64, len(true.power_w), dtype=np.uint64).view(np.int16).reshape(-1, 4)
    voltage = _reading(true.voltage_v, raw[:, 0], calibration.voltage, READING_NOISE, 10.0)
    current = _reading(true.current_a, raw[:, 1], calibration.current, READING_NOISE, 1000.0)
    power = _reading(true.power_w, raw[:, 2], calibration.power, READING_NOISE, 10.0)
    factor = _reading(true.power_factor, raw[:, 3], calibration.power_factor, READING_NOISE_PF, 100.0)
    np.minimum(factor, np.float32(1.0), out=factor)
    is_small = power < np.float32(START_POWER_W - 0.05)
    power[is_small] = 0.0
    is_still = current < start_current_a
    current[is_still] = 0.0
    is_still |= is_small
    factor[is_still] = 0.0
    return Quantities(voltage_v=voltage, current_a=current, power_w=power, power_factor=factor)


def _reading(
    true: NDArray[np.float32],
    raw: NDArray[np.int16],
    gain: NDArray[np.float32],
    noise: float,
    steps: float,
) -> NDArray[np.float32]:
    """Return true values with error and noise, rounded to ``1 / steps``."""
    out = raw * np.float32(_RAW * noise)
    out += gain
    out *= true
    out *= np.float32(steps)
    np.rint(out, out=out)
    out /= np.float32(steps)
    return out
