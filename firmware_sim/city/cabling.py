"""Poles along the streets, cables along the poles, and cabinets that feed them.

A cable follows a street and may go on into the next; a cabinet feeds the cables around it, 29 to 213 lamps in real
registers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.city.streets import Network, Street

#: Distance of poles by road class [m].
SPACING_M: Final = {
    "main": (42.0, 50.0),
    "ring": (44.0, 50.0),
    "collector": (34.0, 40.0),
    "local": (28.0, 36.0),
    "lane": (25.0, 30.0),
}
#: Poles stand this far beside the centre line [m].
KERB_M: Final = {"main": 7.0, "ring": 7.5, "collector": 4.5, "local": 3.2, "lane": 1.8}
#: Longest cable [lamps], longest gap that a cable bridges to go on [m], most cables of a cabinet.
LONGEST: Final = 30
REACH_M: Final = 70.0
MOST_CIRCUITS: Final = 6
#: Lamps of the smallest and of the largest cabinet that registers know.
FEWEST: Final = 29
MOST: Final = 213


@dataclass(frozen=True, slots=True)
class Cable:
    """Poles in order: points float64 (n, 2) [m] and the street of each."""

    points: NDArray[np.float64]
    streets: tuple[Street, ...]


@dataclass(frozen=True, slots=True)
class Catchment:
    """A cabinet's place [m] and its cables, each beginning at the end nearer to the cabinet."""

    place: NDArray[np.float64]
    cables: tuple[Cable, ...]

    @property
    def n_lamps(self) -> int:
        """Poles of all its cables."""
        return sum(len(cable.points) for cable in self.cables)


def wire_town(network: Network, lamps_per_cabinet: float, rng: np.random.Generator) -> list[Catchment]:
    """Return the cabinets of a town with their cables, from west to east."""
    chains = [chain for street in network.streets for chain in _poles(street, rng)]
    leaves = _divide(chains, lamps_per_cabinet, rng)
    catchments = [_catchment(leaf, rng) for leaf in leaves]
    return sorted(catchments, key=lambda catchment: float(catchment.place[0]))


def _poles(street: Street, rng: np.random.Generator) -> list[Cable]:
    """Return a street's poles, cut into cables of at most ``LONGEST``."""
    steps = np.hypot(*np.diff(street.line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    spacing = rng.uniform(*SPACING_M[street.road_class])
    at = np.arange(spacing * 0.5, along[-1], spacing)
    if len(at) < 2:
        return []
    at = at + rng.normal(0.0, 1.2, len(at))
    points = np.stack([np.interp(at, along, street.line[:, axis]) for axis in (0, 1)], axis=1)
    heading = np.gradient(points, axis=0)
    normal = np.stack([-heading[:, 1], heading[:, 0]], axis=1) / (np.hypot(*heading.T)[:, None] + 1e-9)
    points = points + normal * KERB_M[street.road_class] * rng.choice([-1.0, 1.0])
    n_parts = -(-len(points) // LONGEST)
    return [Cable(part, (street,) * len(part)) for part in np.array_split(points, n_parts)]


def _divide(chains: list[Cable], target: float, rng: np.random.Generator) -> list[list[Cable]]:
    """Return the chains in groups near to each other, each with about ``target`` lamps."""
    n_lamps = sum(len(chain.points) for chain in chains)
    limit = target * float(np.exp(rng.normal(0.12, 0.35)))
    if len(chains) < 2 or n_lamps <= min(max(limit, 34.0), MOST):
        return [chains]
    middles = np.array([chain.points.mean(axis=0) for chain in chains])
    axis = int(np.argmax(middles.max(axis=0) - middles.min(axis=0)))
    order = np.argsort(middles[:, axis])
    weight = np.cumsum([len(chains[index].points) for index in order])
    wanted = weight[-1] * rng.uniform(0.4, 0.6)
    possible = np.flatnonzero((weight >= FEWEST) & (weight[-1] - weight >= FEWEST)) + 1
    if not len(possible):
        return [chains]
    half = int(possible[np.argmin(np.abs(weight[possible - 1] - wanted))])
    sides = [[chains[index] for index in order[:half]], [chains[index] for index in order[half:]]]
    return [leaf for side in sides for leaf in _divide(side, target, rng)]


def _catchment(chains: list[Cable], rng: np.random.Generator) -> Catchment:
    """Return a cabinet beside a pole near the middle of its chains, and the chains joined into circuits."""
    points = np.concatenate([chain.points for chain in chains])
    middle = points.mean(axis=0)
    place = points[int(np.argmin(((points - middle) ** 2).sum(axis=1)))] + rng.normal(0.0, 3.0, 2)
    cables = [_towards(chain, place) for chain in chains]
    while len(cables) > 1:
        joined = _join(cables, is_forced=len(cables) > MOST_CIRCUITS)
        if joined is None:
            break
        cables = joined
    cables.sort(key=lambda cable: float(np.arctan2(*(cable.points.mean(axis=0) - place))))
    return Catchment(place, tuple(cables))


def _towards(cable: Cable, place: NDArray[np.float64]) -> Cable:
    ends = ((cable.points[[0, -1]] - place) ** 2).sum(axis=1)
    return cable if ends[0] <= ends[1] else Cable(cable.points[::-1], cable.streets[::-1])


def _join(cables: list[Cable], *, is_forced: bool) -> list[Cable] | None:
    """Return the cables with the two joined whose joint is shortest; None if no joint is short enough."""
    tails = np.array([cable.points[-1] for cable in cables])
    heads = np.array([cable.points[[0, -1]] for cable in cables])
    gap = np.sqrt(((tails[:, None, None] - heads[None]) ** 2).sum(axis=3))
    length = np.array([len(cable.points) for cable in cables])
    too_long = length[:, None] + length[None] > (2 * LONGEST if is_forced else LONGEST + 8)
    gap[too_long | np.eye(len(cables), dtype=np.bool_)] = np.inf
    before, after, end = np.unravel_index(int(np.argmin(gap)), gap.shape)
    if not gap[before, after, end] < (np.inf if is_forced else REACH_M):
        return None
    tail = cables[after] if end == 0 else Cable(cables[after].points[::-1], cables[after].streets[::-1])
    one = Cable(np.concatenate([cables[before].points, tail.points]), cables[before].streets + tail.streets)
    return [cable for index, cable in enumerate(cables) if index not in {before, after}] + [one]
