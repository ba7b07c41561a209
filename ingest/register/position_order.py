"""Checks whether positions along a circuit are plausible as surveyed: unique, and in order along the cable.

Pure. A cable fault's span is named by the positions of its neighbours; positions that jump about the street would send
an excavator to the wrong place.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.register.register import Cabinets, Lamps

ESTIMATED: Final = "estimated"
SURVEYED: Final = "survey"
_MOST_LAMPS: Final = 600  # of a circuit; no cable feeds more
_LEAST_GAIN_M: Final = 5.0  # what positions of poles are uncertain by
_METRES_PER_DEGREE: Final = 111_195.0

Metres = npt.NDArray[np.float64]


def with_position_sources(lamps: Lamps, cabinets: Cabinets) -> Lamps:
    """Fill in the source of positions that came without one: a survey's if they run along the cable, else estimated.

    Args:
        lamps: with `cabinet`, `circuit` and `position`.
        cabinets: as the register gives them, NaN where it gives no place.
    """
    is_blank = np.array([not source for source in lamps.position_source], np.bool_) & (lamps.position >= 0)
    if not is_blank.any():
        return lamps
    source = list(lamps.position_source)
    for rows in circuits_of(lamps, is_blank):
        at = int(lamps.cabinet[rows[0]])
        begin = (float(cabinets.latitude[at]), float(cabinets.longitude[at]))
        is_believed = is_along_cable(lamps.latitude[rows], lamps.longitude[rows], lamps.position[rows], begin)
        for row in rows[is_blank[rows]].tolist():
            source[row] = SURVEYED if is_believed else ESTIMATED
    for row in np.flatnonzero(is_blank).tolist():
        source[row] = source[row] or ESTIMATED  # on no circuit, a position says nothing
    return replace(lamps, position_source=source)


def circuits_of(lamps: Lamps, is_wanted: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """Rows of each circuit that has a wanted lamp, those with a position alone."""
    members: dict[tuple[int, str], list[int]] = {}
    wanted: set[tuple[int, str]] = set()
    for row in np.flatnonzero((lamps.position >= 0) & (lamps.cabinet >= 0)).tolist():
        if lamps.circuit[row]:
            key = (int(lamps.cabinet[row]), lamps.circuit[row])
            members.setdefault(key, []).append(row)
            if is_wanted[row]:
                wanted.add(key)
    return [np.array(members[key]) for key in members if key in wanted]


def is_along_cable(
    latitude: npt.NDArray[np.float64],
    longitude: npt.NDArray[np.float64],
    position: npt.NDArray[np.int32],
    begin: tuple[float, float],
) -> bool:
    """Whether positions are unique and no stretch of the walk in their order is shorter when it is turned round.

    Args:
        latitude: of the circuit's lamps (n,) [degrees].
        longitude: of the circuit's lamps (n,) [degrees].
        position: (n,) from 1 at the cabinet.
        begin: the cabinet's place, NaN where nobody knows it: then the walk may begin anywhere.
    """
    n_lamps = len(position)
    if len(np.unique(position)) < n_lamps or n_lamps > _MOST_LAMPS:
        return False
    order = np.argsort(position)
    points = np.column_stack((latitude[order], longitude[order]))
    is_placed = not (math.isnan(begin[0]) or math.isnan(begin[1]))
    if is_placed:
        points = np.vstack((begin, points))
    shrink = math.cos(math.radians(float(points[:, 0].mean())))
    east, north = points[:, 1] * shrink * _METRES_PER_DEGREE, points[:, 0] * _METRES_PER_DEGREE
    away: Metres = np.hypot(east[:, None] - east[None, :], north[:, None] - north[None, :])
    n = len(points)
    if n < 3:
        return True
    step = np.append(np.diagonal(away, 1), 0.0)  # from each point to the next; the end is free
    # turning the stretch i+1 … j round: the steps i → i+1 and j → j+1 become i → j and i+1 → j+1
    after = np.zeros((n, n))
    after[:, :-1] = away[:, 1:]
    gain = step[:-1, None] + step[None, :] - away[:-1] - np.vstack((after[1:],))
    gain = np.triu(gain, 2)
    gain[:, -1] = step[:-1] - away[:-1, -1]  # at the free end only one step changes
    if not is_placed:  # the beginning is free too: the stretch 0 … j turned round
        gain = np.vstack((gain, np.append(step[1:-1] - away[0, 2:], [0.0, 0.0])[None, :n]))
    usual = float(np.median(step[:-1]))
    return bool(gain.max() <= max(0.5 * usual, _LEAST_GAIN_M))
