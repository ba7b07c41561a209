"""The fault locator: places of faults and their surroundings, from the register.

Answers for single faults, never on the data path. Shares the register's columns and adds one permutation: lamps in
order along their cables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from ingest.faultbook.fault import Spot
from ingest.faultbook.priority import Surroundings
from ingest.model.finding import Key
from ingest.register.register import Register

_HALF_KM: Final = 500.0
_MIN_AROUND: Final = 5  # a share of fewer lamps says nothing
_M_PER_DEGREE: Final = 111_195.0  # of a great circle on the mean sphere of 6371 km


class FaultLocator:
    """Places of one register version."""

    def __init__(self, register: Register, row_of: Mapping[str, int]) -> None:
        """``row_of``: lamp_id -> row in the register."""
        self._lamps = register.lamps
        self._cabinets = register.cabinets
        self._row_of = row_of
        self._cabinet_of = {cabinet_id: index for index, cabinet_id in enumerate(register.cabinets.cabinet_id)}
        names = pa.array(register.lamps.circuit, pa.string()).dictionary_encode()
        is_named = np.array([bool(name) for name in names.dictionary.to_pylist()] or [False])[names.indices.to_numpy()]
        pair = register.lamps.cabinet * np.int64(len(names.dictionary) + 1) + names.indices.to_numpy()
        circuit = np.where(is_named, np.unique(pair, return_inverse=True)[1], -1)
        self._circuit = circuit
        self._order = np.lexsort((register.lamps.position, circuit))
        self._rank = np.empty_like(self._order)
        self._rank[self._order] = np.arange(len(self._order))

    def spot(self, key: Key, lamp_ids: tuple[str, ...]) -> Spot:
        """Where to drive: a lamp's own place, the first lamp beyond a break, else the cabinet."""
        lamps, cabinets = self._lamps, self._cabinets
        place = key.place
        rows = [row for row in (self._row_of.get(lamp_id) for lamp_id in lamp_ids) if row is not None]
        own = self._row_of.get(place.lamp_id) if place.lamp_id is not None else None
        cabinet = self._cabinet_of.get(place.cabinet_id) if place.cabinet_id is not None else None
        row = own if own is not None else rows[0] if rows else None
        if cabinet is None and row is not None and lamps.cabinet[row] >= 0:
            cabinet = int(lamps.cabinet[row])
        if cabinet is None and place.controller_id is not None:
            cabinet = self._cabinet_of_controller(place.controller_id)
        is_at_lamp = own is not None or (key.code in {"cableFailure", "circuitFailure"} and row is not None)
        at_lamp = row if is_at_lamp else None
        latitude, longitude = self._position(at_lamp, cabinet, row)
        controller = place.controller_id or (cabinets.controller_id[cabinet] if cabinet is not None else None) or None
        return Spot(
            cabinet_id=place.cabinet_id or (cabinets.cabinet_id[cabinet] if cabinet is not None else None),
            controller_id=controller,
            bus=place.bus or (lamps.bus[own] or None if own is not None else None),
            circuit=place.circuit or (lamps.circuit[own] or None if own is not None else None),
            latitude=latitude,
            longitude=longitude,
            street=(lamps.street[row] or None) if row is not None else None,
            district=(lamps.district[row] or None) if row is not None else self._cabinet_district(cabinet),
            road_class=(lamps.road_class[row] or None) if row is not None else None,
        )

    def _cabinet_of_controller(self, controller_id: str) -> int | None:
        for index, candidate in enumerate(self._cabinets.controller_id):
            if candidate == controller_id:
                return index
        return None

    def _cabinet_district(self, cabinet: int | None) -> str | None:
        return None if cabinet is None else self._cabinets.district[cabinet] or None

    def _position(self, at_lamp: int | None, cabinet: int | None, row: int | None) -> tuple[float | None, float | None]:
        lamps, cabinets = self._lamps, self._cabinets
        if at_lamp is None and cabinet is not None and not math.isnan(cabinets.latitude[cabinet]):
            return float(cabinets.latitude[cabinet]), float(cabinets.longitude[cabinet])
        lamp = at_lamp if at_lamp is not None else row
        if lamp is None:
            return None, None
        return float(lamps.latitude[lamp]), float(lamps.longitude[lamp])

    def surroundings(self, lamp_id: str, is_dark: Callable[[str], bool]) -> Surroundings:
        """Dark neighbours of a dark lamp along its cable; a lamp without circuit has none."""
        row = self._row_of.get(lamp_id)
        if row is None or self._circuit[row] < 0:
            return Surroundings()
        before = self._walk(row, -1, is_dark)
        after = self._walk(row, +1, is_dark)
        run = 1
        for neighbours in (before, after):
            for _distance_m, is_neighbour_dark in neighbours:
                if not is_neighbour_dark:
                    break
                run += 1
        around = [is_neighbour_dark for _distance_m, is_neighbour_dark in (*before, *after)]
        n_around = len(around) + 1
        share = (sum(around) + 1) / n_around if n_around >= _MIN_AROUND else 0.0
        return Surroundings(n_consecutive_dark=run, dark_share_per_km=share)

    def neighbours(self, lamp_id: str) -> list[str]:
        """Lamps of the same circuit within 500 m: those whose surroundings change with this one."""
        row = self._row_of.get(lamp_id)
        if row is None or self._circuit[row] < 0:
            return []
        found: list[str] = []

        def note(other: str) -> bool:
            found.append(other)
            return False

        self._walk(row, -1, note)
        self._walk(row, +1, note)
        return found

    def _walk(self, row: int, step: int, is_dark: Callable[[str], bool]) -> list[tuple[float, bool]]:
        """``(distance from the lamp, is dark)`` of the lamps on one side, up to half a kilometre."""
        lamps = self._lamps
        found: list[tuple[float, bool]] = []
        rank = int(self._rank[row]) + step
        while 0 <= rank < len(self._order):
            other = int(self._order[rank])
            if self._circuit[other] != self._circuit[row]:
                break
            distance_m = _distance_m(
                lamps.latitude[row], lamps.longitude[row], lamps.latitude[other], lamps.longitude[other]
            )
            if distance_m > _HALF_KM:
                break
            found.append((distance_m, is_dark(lamps.lamp_id[other])))
            rank += step
        return found


def _distance_m(latitude_a: float, longitude_a: float, latitude_b: float, longitude_b: float) -> float:
    """Distance on the local tangent plane, good to a per mille over a kilometre."""
    north = (latitude_b - latitude_a) * _M_PER_DEGREE
    east = (longitude_b - longitude_a) * _M_PER_DEGREE * math.cos(math.radians(latitude_a))
    return math.hypot(north, east)
