"""From catchments to the register's rows: numbers, meters, buses, districts, and places on Earth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.city import names
from firmware_sim.city.cabling import Cable, Catchment
from firmware_sim.city.luminaires import Luminaire, luminaire_of_lamp, luminaire_of_street
from firmware_sim.city.register import Cabinet, Lamp, Register

Points = NDArray[np.float64]

METRES_PER_DEGREE: Final = 111_320.0
#: PLN's connected loads [VA].
SUPPLY_VA: Final = (1300, 2200, 3500, 4400, 5500, 6600, 7700, 11000, 13200, 16500, 23000, 33000)
#: Most nodes on one RS-485 line with repeaters.
BUS_LAMPS: Final = 120
#: Villages of a town, and where its districts' seats lie [m].
N_VILLAGES: Final = 9
SEATS_M: Final = ((-700.0, -300.0), (700.0, -300.0), (0.0, 700.0))


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a cabinet has: what is metered, by which lamp meter, which sum meters, and what switches its lamps."""

    metering: str
    profile: str
    meters: str
    switching: str


def draw_equipment(share_without_lamp_meters: float, rng: np.random.Generator) -> Equipment:
    """Draw a cabinet's equipment: one kind of lamp meter, since one contract fitted it."""
    draw = rng.random()
    if draw < share_without_lamp_meters * 0.4:
        return Equipment("cabinet", "", "cabinet", "contactor")
    if draw < share_without_lamp_meters:
        return Equipment("circuit", "", "circuit+cabinet", "contactor")
    profile = "lamp-node" if rng.random() < 0.75 else "pzem-016"
    switching = "lamp" if rng.random() < (0.45 if profile == "lamp-node" else 0.2) else "contactor"
    return Equipment("lamp", profile, "circuit+cabinet" if rng.random() < 0.6 else "cabinet", switching)


class RowWriter:
    """Writes cabinets and lamps with running numbers, up to the number of lamps that a town has."""

    def __init__(
        self,
        n_lamps: int,
        centre: tuple[float, float],
        share_without_lamp_meters: float,
        rng: np.random.Generator,
    ) -> None:
        """``n_lamps`` of the whole city; ``centre`` of its first town, latitude and longitude [degrees]."""
        self._centre, self._share, self._rng = centre, share_without_lamp_meters, rng
        self._width = max(5, len(str(n_lamps)))
        self._lamps: list[Lamp] = []
        self._cabinets: list[Cabinet] = []
        self._limit = n_lamps
        self._villages: list[tuple[str, str]] = []
        self._village_m: Points = np.zeros((1, 2))

    def register(self) -> Register:
        """Return what has been written."""
        return Register(tuple(self._lamps), tuple(self._cabinets))

    def begin_town(self, number: int | None, last_lamp: int) -> None:
        """Begin a town with villages of its own, numbered if there are several; it ends at ``last_lamp``."""
        self._limit = last_lamp
        suffix = "" if number is None else f" {number + 1}"
        self._village_m = self._rng.uniform(-1300.0, 1300.0, (N_VILLAGES, 2))
        seats = np.array(SEATS_M)
        order = self._rng.permutation(len(names.VILLAGES))
        self._villages = []
        for place, index in zip(self._village_m, order[:N_VILLAGES], strict=True):
            district = names.DISTRICTS[int(np.argmin(((seats - place) ** 2).sum(axis=1)))]
            self._villages.append((f"{district}{suffix}", f"{names.VILLAGES[index]}{suffix}"))

    def add(self, catchment: Catchment, offset_m: Points) -> None:
        """Write a cabinet and its lamps.

        Args:
            catchment: in the town's own plane.
            offset_m: of the town from the city's first, (2,) [m].
        """
        number = len(self._cabinets) + 1
        cabinet_id = f"C-{number:03d}"
        equipment = draw_equipment(self._share, self._rng)
        styles: dict[str, Luminaire] = {}
        first = len(self._lamps)
        bus, on_bus = "A", 0
        for circuit, cable in enumerate(catchment.cables, start=1):
            if on_bus and on_bus + len(cable.points) > BUS_LAMPS:
                bus, on_bus = chr(ord(bus) + 1), 0
            wire = (bus, on_bus) if equipment.profile else ("", -1)
            self._add_cable(cabinet_id, circuit, cable, equipment, wire, styles, offset_m)
            on_bus += len(cable.points)
        total_w = sum(lamp.rated_power_w or 0.0 for lamp in self._lamps[first:])
        district, village = self._villages[int(self._nearest(catchment.place[None])[0])]
        latitude, longitude = self._on_earth((catchment.place + offset_m)[None])
        self._cabinets.append(
            Cabinet(
                cabinet_id=cabinet_id,
                controller_id=f"PJU-{number:03d}",
                name=f"Panel {catchment.cables[0].streets[0].name} {number}",
                latitude=latitude[0],
                longitude=longitude[0],
                district=district,
                village=village,
                supply_account=f"1813{int(self._rng.integers(10**8)):08d}",
                supply_va=float(next((va for va in SUPPLY_VA if va >= total_w * 1.35), SUPPLY_VA[-1])),
                transformer=f"GD-{int(self._rng.integers(1, 400)):03d}",
                metered="true" if self._rng.random() < 0.8 else "false",
                switching=equipment.switching,
                metering=equipment.metering,
                meters=equipment.meters,
            )
        )

    def _add_cable(
        self,
        cabinet_id: str,
        circuit: int,
        cable: Cable,
        equipment: Equipment,
        wire: tuple[str, int],
        styles: dict[str, Luminaire],
        offset_m: Points,
    ) -> None:
        """Write the lamps of one circuit; ``wire`` is its bus and the last address taken there."""
        is_balanced = len(cable.points) > 18 and self._rng.random() < 0.5
        latitude, longitude = self._on_earth(cable.points + offset_m)
        nearest = self._nearest(cable.points)
        n_lamps = min(len(cable.points), self._limit - len(self._lamps))
        for place in range(n_lamps):
            street = cable.streets[place]
            if street.name not in styles:
                styles[street.name] = luminaire_of_street(street.road_class, self._rng)
            luminaire = luminaire_of_lamp(styles[street.name], street.road_class, self._rng)
            district, village = self._villages[nearest[place]]
            self._lamps.append(
                Lamp(
                    lamp_id=f"L-{len(self._lamps) + 1:0{self._width}d}",
                    cabinet_id=cabinet_id,
                    circuit=str(circuit),
                    position=place + 1,
                    position_source="survey",
                    latitude=latitude[place],
                    longitude=longitude[place],
                    rated_power_w=luminaire.power_w,
                    technology=luminaire.technology,
                    bus=wire[0],
                    address=wire[1] + place + 1 if wire[0] else None,
                    profile=equipment.profile,
                    phase="RST"[(place if is_balanced else circuit) % 3],
                    dimmable=luminaire.technology == "LED" and equipment.profile == "lamp-node",
                    street=street.name,
                    district=district,
                    village=village,
                    road_class=street.road_class,
                    installed_on=luminaire.installed_on,
                )
            )

    def _nearest(self, points: Points) -> NDArray[np.int64]:
        """Return the village of each point, (n,)."""
        return np.asarray(((points[:, None] - self._village_m[None]) ** 2).sum(axis=2).argmin(axis=1))

    def _on_earth(self, points: Points) -> tuple[list[float], list[float]]:
        """Return latitudes and longitudes of points [m] to a decimetre, as a register has them."""
        latitude, longitude = self._centre
        north = latitude + points[:, 1] / METRES_PER_DEGREE
        east = longitude + points[:, 0] / (METRES_PER_DEGREE * math.cos(math.radians(latitude)))
        return np.round(north, 6).tolist(), np.round((east + 180.0) % 360.0 - 180.0, 6).tolist()
