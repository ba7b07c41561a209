"""Figures of each lamp technology: curves over dim level, run-up, restrike, ballast law.

Owns the figures and their sources (``docs/simulator.md`` lists them); independent of a plant or of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LED: Final = 0
HPS: Final = 1
MH: Final = 2
CFL: Final = 3
MV: Final = 4
IND: Final = 5
OTHER: Final = 6

#: Register names in code order, as in ``lamps.csv``.
NAMES: Final = ("LED", "HPS", "MH", "CFL", "MV", "IND", "other")

#: Levels of the dimming curves [%].
CURVE_LEVELS: Final = (0.0, 10.0, 25.0, 50.0, 75.0, 100.0)
#: Share of rated power of an LED luminaire at those levels: drivers lose a fixed part, so 50 % light takes 52 %.
LED_POWER: Final = (0.0, 0.14, 0.28, 0.52, 0.76, 1.00)
#: Power factor of a driver with active correction: above 0.9 down to half load, then its filter capacitor shows.
LED_POWER_FACTOR: Final = (0.06, 0.55, 0.78, 0.90, 0.95, 0.97)

#: A dark discharge lamp still has its parallel capacitor on the mains. It lifts a choke's 0.45 to 0.90, so it
#: carries tan(acos 0.45) - tan(acos 0.90) = 1.50 var per rated watt.
CAPACITOR_VAR_PER_W: Final = 1.50

#: Entries of one curve: whole per cents 0..100.
N_LEVELS: Final = 101


@dataclass(frozen=True, slots=True)
class Technology:
    """Figures of one lamp technology.

    Attributes:
        voltage_exponent: k of P ~ (V / 230)^k; 2 for reactor ballasts, 0 for electronic gear.
        standby_w: power with supply but no light [W].
        power_factor: at full power, warm.
        run_up_s: time constant of the run-up [s]; 0 = full at once.
        start_fraction: share of full power just after ignition.
        start_current: current just after ignition as a share of the warm current.
        restrike_s: longest wait before a hot lamp ignites again [s].
        extinction_v: voltage below which the arc goes out, or the driver stops [V].
        temperature_rise_c: gear temperature above ambient at full power [K].
    """

    voltage_exponent: float
    standby_w: float
    power_factor: float
    run_up_s: float
    start_fraction: float
    start_current: float
    restrike_s: float
    extinction_v: float
    temperature_rise_c: float

    @property
    def is_discharge(self) -> bool:
        """Whether light comes from an arc that has to run up."""
        return self.run_up_s > 0.0

    @property
    def is_reactor(self) -> bool:
        """Whether a magnetic ballast makes power follow the square of the voltage."""
        return self.voltage_exponent > 0.0


#: Indexed by technology code.
TECHNOLOGIES: Final = (
    Technology(0.0, 0.5, 0.97, 0.0, 1.0, 1.0, 0.0, 90.0, 24.0),  # LED
    Technology(2.0, 1.0, 0.90, 100.0, 0.42, 1.40, 60.0, 170.0, 38.0),  # HPS: 90 % after 3 to 4 min, restrike 1 min
    Technology(2.0, 1.0, 0.90, 80.0, 0.45, 1.50, 600.0, 185.0, 38.0),  # MH: restrike 10 to 15 min
    Technology(0.0, 0.5, 0.95, 35.0, 0.70, 1.05, 0.0, 120.0, 20.0),  # CFL on electronic gear
    Technology(2.0, 1.0, 0.88, 120.0, 0.45, 1.50, 240.0, 175.0, 38.0),  # MV: restrike 3 to 6 min
    Technology(0.0, 0.5, 0.95, 45.0, 0.75, 1.05, 0.0, 120.0, 25.0),  # IND: electrodeless, electronic generator
    Technology(0.0, 0.5, 0.92, 0.0, 1.0, 1.0, 0.0, 100.0, 24.0),  # other
)


def power_curves() -> NDArray[np.float32]:
    """Return the share of rated power per (technology, dimmable) row and whole per cent of level.

    Returns:
        float32 (2 * n_technologies, 101); row ``2 * code + is_dimmable``. What cannot dim is off or full.
    """
    levels = np.arange(N_LEVELS, dtype=np.float64)
    dimmed = np.interp(levels, CURVE_LEVELS, LED_POWER)
    table = np.ones((2 * len(TECHNOLOGIES), N_LEVELS))
    table[:, 0] = 0.0
    for code, technology in enumerate(TECHNOLOGIES):
        if not technology.is_discharge:
            table[2 * code + 1] = dimmed
    return table.astype(np.float32)


def power_factor_curves() -> NDArray[np.float32]:
    """Return the power factor per (technology, dimmable) row and whole per cent of level.

    Returns:
        float32 (2 * n_technologies, 101). At level 0 it is that of the gear's standby.
    """
    levels = np.arange(N_LEVELS, dtype=np.float64)
    shape = np.interp(levels, CURVE_LEVELS, LED_POWER_FACTOR) / LED_POWER_FACTOR[-1]
    table = np.empty((2 * len(TECHNOLOGIES), N_LEVELS))
    for code, technology in enumerate(TECHNOLOGIES):
        table[2 * code : 2 * code + 2] = technology.power_factor
        table[2 * code : 2 * code + 2, 0] = LED_POWER_FACTOR[0]
        if not technology.is_discharge:
            table[2 * code + 1] = technology.power_factor * shape
    return table.astype(np.float32)


def column(attribute: str) -> NDArray[np.float32]:
    """Return one figure of all technologies by code, float32 (n_technologies,)."""
    return np.array([getattr(technology, attribute) for technology in TECHNOLOGIES], dtype=np.float32)
