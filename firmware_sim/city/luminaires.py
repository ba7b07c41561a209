"""Which lamps hang on which street: technology and power by road class and by when the street was last renewed.

LED in the majority, sodium on older corridors, some metal halide and compact fluorescent, as in registers of the 2020s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

_POWERS: Final[dict[str, dict[str, tuple[int, ...]]]] = {
    "LED": {
        "main": (120, 150, 200),
        "ring": (150, 200, 250),
        "collector": (60, 90, 120),
        "local": (40, 50, 60),
        "lane": (20, 30, 40),
    },
    "HPS": {"main": (150, 250), "ring": (250,), "collector": (150,), "local": (70,), "lane": (70,)},
    "MH": {"main": (150, 250), "ring": (250,), "collector": (150,), "local": (70,), "lane": (70,)},
    "CFL": {"main": (85,), "ring": (85,), "collector": (65,), "local": (45,), "lane": (23, 45)},
}
_SHARES: Final[dict[str, tuple[float, ...]]] = {
    "main": (0.74, 0.20, 0.06, 0.0),
    "ring": (0.68, 0.32, 0.0, 0.0),
    "collector": (0.70, 0.22, 0.08, 0.0),
    "local": (0.76, 0.18, 0.0, 0.06),
    "lane": (0.78, 0.02, 0.0, 0.20),
}
_NAMES: Final = ("LED", "HPS", "MH", "CFL")
#: Share of lamps that were exchanged one by one since, for LED.
_EXCHANGED: Final = 0.04


@dataclass(frozen=True, slots=True)
class Luminaire:
    """One lamp's register figures."""

    technology: str
    power_w: float
    installed_on: str


def luminaire_of_street(road_class: str, rng: np.random.Generator) -> Luminaire:
    """Draw what a street was last fitted with."""
    technology = str(rng.choice(_NAMES, p=_SHARES[road_class]))
    year = int(rng.integers(2019, 2026) if technology == "LED" else rng.integers(2008, 2018))
    power = float(rng.choice(_POWERS[technology][road_class]))
    return Luminaire(technology, power, f"{year}-{int(rng.integers(1, 13)):02d}-15")


def luminaire_of_lamp(street: Luminaire, road_class: str, rng: np.random.Generator) -> Luminaire:
    """Return the street's luminaire, or now and then an LED that replaced it."""
    if rng.random() >= _EXCHANGED:
        return street
    return Luminaire("LED", float(rng.choice(_POWERS["LED"][road_class])), "2025-06-15")
