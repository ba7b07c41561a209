"""The register as columns: every lamp and cabinet of a city, in register order.

Pure data. ``ingest.register.sync`` reads it from a city's folder, ``ingest.register.database_table`` stores it.
Texts are "" where unknown, numbers NaN or -1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

UNKNOWN_INT: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Lamps:
    """Lamps; every column has N entries. Texts are lists, "" = unknown.

    Attributes:
        cabinet: int32 (N,) row in ``Cabinets``, -1 = none: on the map as unmonitored.
        position: int32 (N,) from 1 along the circuit, -1 unknown.
        latitude: float64 (N,) WGS 84 degrees; so longitude.
        rated_power_w: float32 (N,) at 100 %, NaN = to be learned.
        address: int32 (N,) Modbus address on the bus, -1 = not metered per lamp.
        is_dimmable: bool (N,).
        extra: unknown columns of the register by lamp; shared empty mapping where there are none.
    """

    lamp_id: Sequence[str]
    cabinet_id: Sequence[str]
    cabinet: npt.NDArray[np.int32]
    circuit: Sequence[str]
    position: npt.NDArray[np.int32]
    position_source: Sequence[str]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    rated_power_w: npt.NDArray[np.float32]
    technology: Sequence[str]
    bus: Sequence[str]
    address: npt.NDArray[np.int32]
    profile: Sequence[str]
    phase: Sequence[str]
    is_dimmable: npt.NDArray[np.bool_]
    street: Sequence[str]
    district: Sequence[str]
    village: Sequence[str]
    road_class: Sequence[str]
    installed_on: Sequence[str]
    extra: Sequence[Mapping[str, Any]]

    def __len__(self) -> int:
        """N."""
        return len(self.lamp_id)


@dataclass(frozen=True, slots=True, eq=False)
class Cabinets:
    """Cabinets; every column has K entries.

    Attributes:
        latitude: float64 (K,), the lamps' centroid where the register gives none, NaN without lamps; so longitude.
        supply_va: float64 (K,) contracted power, NaN unknown.
        switching: "contactor", "lamp" or "".
    """

    cabinet_id: Sequence[str]
    controller_id: Sequence[str]
    name: Sequence[str]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    district: Sequence[str]
    village: Sequence[str]
    supply_account: Sequence[str]
    supply_va: npt.NDArray[np.float64]
    transformer: Sequence[str]
    metered: Sequence[str]
    switching: Sequence[str]
    extra: Sequence[Mapping[str, Any]]

    def __len__(self) -> int:
        """K."""
        return len(self.cabinet_id)


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """A register of one version; ``digest`` is the SHA-256 of the files it was read from."""

    lamps: Lamps
    cabinets: Cabinets
    version: int = 0
    digest: str = ""


def with_centroids(cabinets: Cabinets, lamps: Lamps) -> Cabinets:
    """The cabinets, those without a position at the centroid of their lamps."""
    n_cabinets = len(cabinets)
    is_fed = lamps.cabinet >= 0
    index = lamps.cabinet[is_fed]
    n_lamps = np.bincount(index, minlength=n_cabinets)
    with np.errstate(invalid="ignore"):
        mean_latitude = np.bincount(index, lamps.latitude[is_fed], minlength=n_cabinets) / n_lamps
        mean_longitude = np.bincount(index, lamps.longitude[is_fed], minlength=n_cabinets) / n_lamps
    is_placed = ~(np.isnan(cabinets.latitude) | np.isnan(cabinets.longitude))
    return replace(
        cabinets,
        latitude=np.where(is_placed, cabinets.latitude, mean_latitude),
        longitude=np.where(is_placed, cabinets.longitude, mean_longitude),
    )
