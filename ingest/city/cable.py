"""The order of lamps along their cable, estimated from where they stand.

Pure. An electrician would guess the same: from the cabinet to the nearest pole, from there to the next nearest, then
without needless crossings. It is a guess, is marked as one, and never names a span.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.register.position_order import ESTIMATED, with_position_sources
from ingest.register.register import Cabinets, Lamps

_MAX_ROUNDS: Final = 3  # turns for each pole; a circuit settles in fewer
_MAX_UNTANGLED: Final = 400  # poles; beyond it the chain alone must do

Metres = npt.NDArray[np.float64]


def with_positions(lamps: Lamps, cabinets: Cabinets, advance: Callable[[int], None]) -> tuple[Lamps, int]:
    """Estimate the positions that are missing, circuit by circuit.

    A circuit without any position is ordered whole. Where some are known, a lamp without one takes that of its nearest
    known neighbour. Positions that came without a source are judged by `ingest.register.position_order`.

    Args:
        lamps: with `cabinet`, `circuit` and, where known, `position`.
        cabinets: as the register gives them; one without position has NaN, and its chain begins at the circuit's end.
        advance: called with a number of lamps done.

    Returns:
        The lamps, and how many positions were estimated.
    """
    lamps = with_position_sources(lamps, cabinets)
    position = lamps.position.copy()
    source = list(lamps.position_source)
    circuits: dict[tuple[int, str], list[int]] = {}
    for row, (cabinet, circuit) in enumerate(zip(lamps.cabinet.tolist(), lamps.circuit, strict=True)):
        if position[row] < 0:
            source[row] = ""
        if cabinet >= 0 and circuit:
            circuits.setdefault((cabinet, circuit), []).append(row)
    n_estimated = 0
    for (cabinet, _circuit), members in circuits.items():
        rows = np.array(members)
        is_missing = position[rows] < 0
        if is_missing.any():
            place = _local_metres(lamps.latitude[rows], lamps.longitude[rows])
            if is_missing.all():
                order = _chain(place, _begin(place, lamps, rows, cabinets, cabinet))
                position[rows[order]] = np.arange(1, len(rows) + 1)
            else:
                known = np.flatnonzero(~is_missing)
                for at in np.flatnonzero(is_missing):
                    nearest = known[np.argmin(np.hypot(*(place[known] - place[at]).T))]
                    position[rows[at]] = position[rows[nearest]]
            for row in rows[is_missing].tolist():
                source[row] = ESTIMATED
            n_estimated += int(is_missing.sum())
        advance(len(rows))
    return replace(lamps, position=position, position_source=source), n_estimated


def _local_metres(latitude: Metres, longitude: Metres) -> Metres:
    """East and north [m] on the local tangent plane (n, 2); good to a per mille over a city."""
    per_degree = 111_195.0
    east = (longitude - longitude.mean()) * per_degree * math.cos(math.radians(float(latitude.mean())))
    north = (latitude - latitude.mean()) * per_degree
    return np.column_stack((east, north))


def _begin(place: Metres, lamps: Lamps, rows: npt.NDArray[np.int64], cabinets: Cabinets, cabinet: int) -> int:
    """The first pole: nearest to the cabinet, or, where nobody knows the cabinet's place, the circuit's outermost."""
    latitude, longitude = float(cabinets.latitude[cabinet]), float(cabinets.longitude[cabinet])
    if math.isnan(latitude) or math.isnan(longitude):
        return int(np.argmax(np.hypot(place[:, 0], place[:, 1])))
    shrink = math.cos(math.radians(latitude))
    away = np.hypot(lamps.latitude[rows] - latitude, (lamps.longitude[rows] - longitude) * shrink)
    return int(np.argmin(away))


def _chain(place: Metres, begin: int) -> npt.NDArray[np.int64]:
    """Nearest neighbour after nearest neighbour, then crossings untangled (2-opt), the first pole kept."""
    n = len(place)
    if n > _MAX_UNTANGLED:
        return _long_chain(place, begin)
    away = np.hypot(place[:, None, 0] - place[None, :, 0], place[:, None, 1] - place[None, :, 1])
    left = away.copy()
    order = [begin]
    for _step in range(n - 1):
        left[:, order[-1]] = np.inf
        order.append(int(left[order[-1]].argmin()))
    return _untangle(away, np.array(order))


def _long_chain(place: Metres, begin: int) -> npt.NDArray[np.int64]:
    """The chain of a circuit that is too long for a table of all distances."""
    n = len(place)
    is_left = np.ones(n, np.bool_)
    order = np.empty(n, np.int64)
    at = begin
    for step in range(n):
        order[step] = at
        is_left[at] = False
        if step + 1 < n:
            distance = np.hypot(place[:, 0] - place[at, 0], place[:, 1] - place[at, 1])
            distance[~is_left] = np.inf
            at = int(np.argmin(distance))
    return order


def _untangle(away: Metres, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """2-opt on an open path: turn the stretch round that gains most, as long as one makes the path shorter.

    Args:
        away: distances between poles (n, n) [m].
        order: the path; its first pole stays.
    """
    n = len(order)
    if n < 3:
        return order
    for _round in range(_MAX_ROUNDS * n):
        path = away[order[:, None], order[None, :]]
        step = np.append(np.diagonal(path, 1), 0.0)  # from each pole to the next; the end is free
        # turning the stretch i+1 … j round: the steps i → i+1 and j → j+1 become i → j and i+1 → j+1
        after = np.zeros((n - 1, n))
        after[:, :-1] = path[1:, 1:]
        gain = np.triu(step[:-1, None] + step[None, :] - path[:-1] - after, 2)
        best = int(gain.argmax())
        i, j = divmod(best, n)
        if gain[i, j] <= 1e-6:
            break
        order[i + 1 : j + 1] = order[i + 1 : j + 1][::-1]
    return order
