"""Temperature of the gear: first order towards air plus a rise by power; derating and shutdown above limits.

A sealed luminaire settles in about an hour, a time constant of 20 min. Drivers cut their output above about 90 C
case temperature and switch off somewhat higher, with hysteresis.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical.drive import DERATED, SHUT_DOWN
from firmware_sim.electrical.feeder import ambient

if TYPE_CHECKING:
    from firmware_sim.electrical.condition import Condition
    from firmware_sim.electrical.plant import Plant
    from firmware_sim.electrical.state import State

TIME_CONSTANT_S: Final = 1200.0
DERATE_C: Final = 90.0
SHUTDOWN_C: Final = 100.0
RECOVER_C: Final = 80.0
#: Share of power that a derated driver keeps.
DERATED_POWER: Final = 0.9


def warm(
    plant: Plant,
    condition: Condition,
    state: State,
    *,
    at_us: int,
    dt_s: float,
    power_w: NDArray[np.float32],
) -> None:
    """Advance ``state.temperature_c`` and ``state.heat`` in place.

    The air is that of the plant's middle longitude: a city is narrow.
    """
    air = ambient(at_us, plant.middle_longitude)
    target = power_w * plant.rise_c_per_w
    target += condition.temperature_offset_c
    target += np.float32(air)
    target -= state.temperature_c
    target *= np.float32(-math.expm1(-dt_s / TIME_CONSTANT_S))
    state.temperature_c += target
    hot = np.flatnonzero((state.temperature_c > RECOVER_C) | (state.heat > 0))
    if not len(hot):
        return
    celsius, heat = state.temperature_c[hot], state.heat[hot]
    heat = np.where(celsius > SHUTDOWN_C, SHUT_DOWN, heat)
    heat = np.where((celsius > DERATE_C) & (heat != SHUT_DOWN), DERATED, heat)
    heat = np.where((heat == DERATED) & (celsius < DERATE_C - 3.0), 0, heat)
    state.heat[hot] = np.where(celsius < RECOVER_C, 0, heat).astype(np.uint8)
