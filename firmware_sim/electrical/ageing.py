"""How a lamp's power changes over its life.

The arc of a sodium lamp loses sodium and its voltage rises by 1 to 2 V in 1000 h. On a choke of reactance X the
current is ``sqrt(V^2 - U^2) / X`` for mains V and arc U, so the power ``U * sqrt(V^2 - U^2)`` first rises with U;
when U comes near the voltage that the choke can hold, the lamp goes out when hot: it cycles. LED drivers hold
their current, and the module's voltage hardly moves.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical import technology as tech

#: Voltage of a new arc and its rise per 1000 h [V], by technology code; no rise = no ageing in power.
_NEW_ARC_V: Final = np.array([100.0, 100.0, 125.0, 100.0, 130.0, 100.0, 100.0])
_RISE_V_PER_KH: Final = np.array([0.0, 1.5, 1.0, 0.0, 0.3, 0.0, 0.0])
#: Arc voltage above which a warm sodium lamp goes out on a 230 V choke [V].
DROP_OUT_V: Final = 145.0

_MAINS_V: Final = 230.0


def arc_voltage(technology: NDArray[np.int8], burning_h: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the warm arc's voltage of lamps of some age, (n,) [V]; held at the drop-out voltage."""
    volts = _NEW_ARC_V[technology] + _RISE_V_PER_KH[technology] * burning_h / 1000.0
    return np.minimum(volts, DROP_OUT_V)


def aged_power_scale(technology: NDArray[np.int8], burning_h: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return true power as a share of a new lamp's, float32 (n,); for ``Condition.power_scale``."""
    new, old = _NEW_ARC_V[technology], arc_voltage(technology, burning_h)
    power = old * np.sqrt(_MAINS_V**2 - old**2) / (new * np.sqrt(_MAINS_V**2 - new**2))
    scale: NDArray[np.float32] = power.astype(np.float32)
    return scale


def is_cycling_age(technology: NDArray[np.int8], burning_h: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which lamps are so old that the choke cannot hold their warm arc, bool (n,)."""
    is_old: NDArray[np.bool_] = (technology == tech.HPS) & (arc_voltage(technology, burning_h) >= DROP_OUT_V)
    return is_old
