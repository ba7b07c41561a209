"""Small seeded cities for the truth benchmark: every metering class, switching, bus layout and technology.

Registers are wrong the way registers are: ratings off by up to 8 %. Cabinets stand up to 1.5 degrees apart, so that
dusk comes to each at its own time.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

SETTINGS: Final = """\
[city]
name = "Kota Kebenaran"
group = "truth"
timezone = "Asia/Jakarta"
[schedule]
on = "sunset+10m"
off = "sunrise-10m"
dim = [{ at = "22:00", level = 70 }, { at = "00:30", level = 50 }, { at = "04:30", level = 100 }]
"""
_LAMP_COLUMNS: Final = (
    "lamp_id", "cabinet_id", "circuit", "position", "position_source", "latitude", "longitude", "rated_power_w",
    "technology", "bus", "address", "profile", "phase", "dimmable",
)  # fmt: skip
_LED_W: Final = (40, 60, 90, 120, 150)
_HPS_W: Final = (83, 115, 169, 279)  # 70, 100, 150 and 250 W lamps with their ballasts
_METRES: Final = 111_320.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of cabinet.

    Attributes:
        profile: of its lamps' meters, "" = none.
        switching: contactor or lamp.
        has_circuit_meters, has_cabinet_meter: its sum meters.
        is_bus_per_circuit: else one data wire serves all circuits.
        n_circuits: outgoing cables.
        technology: "" = mixed.
    """

    name: str
    profile: str
    switching: str
    has_circuit_meters: bool
    has_cabinet_meter: bool
    is_bus_per_circuit: bool
    n_circuits: int
    technology: str

    @property
    def metering(self) -> str:
        """The finest that it measures."""
        return "lamp" if self.profile else "circuit" if self.has_circuit_meters else "cabinet"


KINDS: Final = (
    Kind("nodes, sums", "lamp-node", "contactor", True, True, True, 2, "LED"),
    Kind("nodes, one wire", "lamp-node", "contactor", True, True, False, 2, "LED"),
    Kind("nodes, live by day", "lamp-node", "lamp", True, True, True, 2, "LED"),
    Kind("nodes, cabinet's sum", "lamp-node", "lamp", False, True, False, 2, "LED"),
    Kind("meters", "pzem-016", "contactor", True, True, False, 2, ""),
    Kind("meters, cabinet's sum", "pzem-016", "contactor", False, True, True, 2, "HPS"),
    Kind("photocells", "pzem-016", "lamp", False, True, False, 2, "LED"),
    Kind("circuits", "", "contactor", True, True, False, 3, ""),
    Kind("circuits alone", "", "contactor", True, False, False, 2, "HPS"),
    Kind("cabinet alone", "", "contactor", False, True, False, 1, "LED"),
)
#: How often each kind stands in a city.
SHARES: Final = (6, 4, 6, 3, 4, 3, 3, 4, 3, 3)


@dataclass(frozen=True, slots=True)
class TruthCity:
    """A written city: its folder, and the kind of each cabinet in order."""

    folder: Path
    kinds: tuple[Kind, ...]


def write_city(folder: Path, n_cabinets: int, rng: np.random.Generator) -> TruthCity:
    """Write a city's folder; the same generator state gives the same city."""
    cycle = [kind for kind, share in zip(KINDS, SHARES, strict=True) for _ in range(share)]
    kinds = tuple(cycle[number * len(cycle) // n_cabinets % len(cycle)] for number in range(n_cabinets))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "city.toml").write_text(SETTINGS, encoding="utf-8")
    places = np.stack([rng.uniform(-0.8, 0.8, n_cabinets), rng.uniform(100.8, 102.3, n_cabinets)], axis=1)
    with (folder / "cabinets.csv").open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(["cabinet_id", "controller_id", "latitude", "longitude", "switching", "metering"])
        for number, kind in enumerate(kinds):
            place = places[number].round(6).tolist()
            writer.writerow([f"C-{number:03d}", f"PJU-{number:03d}", *place, kind.switching, kind.metering])
    with (folder / "lamps.csv").open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(_LAMP_COLUMNS)
        for number, kind in enumerate(kinds):
            writer.writerows(_lamps(number, kind, places[number], rng))
    return TruthCity(folder, kinds)


def _lamps(number: int, kind: Kind, place: np.ndarray, rng: np.random.Generator) -> list[list[object]]:
    rows: list[list[object]] = []
    address = 0
    for circuit in range(1, kind.n_circuits + 1):
        technology = kind.technology or ("HPS" if rng.random() < 0.5 else "LED")
        watts = int(rng.choice(_HPS_W if technology == "HPS" else _LED_W))
        is_balanced = rng.random() < 0.4
        for position in range(1, int(rng.integers(9, 15)) + 1):
            address = address + 1 if kind.profile else 0
            span_m = 38.0 * position * (1 if circuit % 2 else -1)
            spot = [place[0] + 0.0004 * circuit, place[1] + span_m / _METRES]
            rows.append(
                [
                    f"L-{number:03d}-{circuit}-{position:02d}",
                    f"C-{number:03d}",
                    circuit,
                    position,
                    "survey",
                    *[round(float(value), 6) for value in spot],
                    watts,
                    technology,
                    ("AB"[(circuit - 1) % 2] if kind.is_bus_per_circuit else "A") if kind.profile else "",
                    address or "",
                    kind.profile,
                    "RST"[(position if is_balanced else circuit) % 3],
                    "true" if kind.profile == "lamp-node" and technology == "LED" else "false",
                ]
            )
    return rows
