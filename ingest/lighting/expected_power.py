"""Expected power ``Pe(d, V)`` of a lamp at a level and a voltage.

Rated power x the technology's curve over the dim level x (V / nominal)^k. The LED curve's points are faults.md's;
discharge lamps do not dim.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.schema.limits import DISCHARGE, TECHNOLOGIES

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]

CURVE_LEVELS: Final = (0, 10, 25, 50, 75, 100)
LED_CURVE: Final = (0.00, 0.14, 0.28, 0.52, 0.76, 1.00)


def _curves() -> Float32:
    levels = np.minimum(np.arange(256), 100)
    led = np.interp(levels, CURVE_LEVELS, LED_CURVE)
    rows = [(levels > 0).astype(float) if name in DISCHARGE else led for name in TECHNOLOGIES]
    return np.array(rows, np.float32)


# float32 (technologies, 256): share of the rated power at each level; levels above 100 count as 100
CURVES: Final = _curves()
_FLAT_CURVES: Final = CURVES.reshape(-1)
IS_DISCHARGE: Final = np.array([name in DISCHARGE for name in TECHNOLOGIES])


def level_share(technology: UInt8, level: UInt8) -> Float32:
    """Share of the rated power at a dim level; float32 (n,)."""
    share: Float32 = _FLAT_CURVES.take(technology.astype(np.intp) * 256 + level)  # a third of CURVES[technology, level]
    return share


def voltage_share(voltage_v: Float32, exponent: Float32, nominal_v: float) -> Float32:
    """(V / nominal)^k; float32 (n,), 1 where the voltage is unknown or k is 0."""
    share = np.ones(len(voltage_v), np.float32)
    rows = np.flatnonzero((exponent != 0) & np.isfinite(voltage_v))
    if len(rows):
        share[rows] = np.power(np.maximum(voltage_v[rows], 0) / np.float32(nominal_v), exponent[rows])
    return share
