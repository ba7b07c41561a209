"""The street network: main roads through the centre, a ring, irregular blocks, lanes, and a river that parts them.

Plane geometry in metres east (x) and north (y) of the town's centre; independent of lamps or coordinates on Earth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.city.names import StreetNames

Points = NDArray[np.float64]

#: Half the river's width with its banks [m].
RIVER_HALF_M: Final = 55.0
#: Blocks of the quarters [m]: shorter in kampungs, longer in estates.
BLOCK_M: Final = (75.0, 165.0)
_STEP_M: Final = 12.0


@dataclass(frozen=True, slots=True)
class Street:
    """One street: its name, class and centre line, float64 (n, 2) [m]."""

    name: str
    road_class: str
    line: Points


@dataclass(frozen=True, slots=True)
class Network:
    """All streets of a town, most important first, and its river's line."""

    streets: tuple[Street, ...]
    river: Points


def lay_streets(radius_m: float, rng: np.random.Generator) -> Network:
    """Lay out a town of about ``radius_m`` around its centre.

    Args:
        radius_m: from the centre to the ring road [m].
        rng: draws everything.
    """
    names = StreetNames(rng)
    river = _wander(radius_m * 1.5, rng.uniform(-0.5, 0.5) + np.pi / 2, radius_m * rng.choice([-0.45, 0.45]), rng, 0.16)
    streets: list[Street] = []
    bearing = rng.uniform(-0.25, 0.25)
    for turn, offset in ((0.0, 0.0), (np.pi / 2, 0.06)):
        line = _wander(radius_m * 1.35, bearing + turn, offset * radius_m, rng, 0.05)
        streets.append(Street(names.next("main"), "main", line))
    ring = _ring(radius_m, rng)
    streets.extend(
        Street(names.next("ring"), "ring", part) for part in _split(ring, _is_dry(ring, river, 0.45)) if len(part) > 8
    )
    mains = [street.line for street in streets]
    for _ in range(max(2, round(radius_m / 350.0))):
        angle, offset = (
            bearing + rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.12),
            rng.uniform(-0.75, 0.75) * radius_m,
        )
        line = _wander(radius_m, angle, offset, rng, 0.05)
        inside = (
            _is_inside(line, ring) & _is_dry(line, river, 1.0) & _is_clear(line, mains, 45.0, is_crossing_allowed=True)
        )
        parts = [part for part in _split(line, inside) if len(part) > 12]
        for part in parts:
            streets.append(Street(names.next("collector"), "collector", part))
            mains.append(part)
    quarters = Quarters(radius_m, bearing, ring, river, np.concatenate([*mains, ring])[::2])
    streets.extend(quarters.lay(names, rng))
    return Network(tuple(streets), river)


def _wander(half_m: float, angle: float, offset_m: float, rng: np.random.Generator, sway: float) -> Points:
    """Return a gently bending line through the town at an angle, ``offset_m`` beside the centre."""
    along = np.arange(-half_m, half_m + _STEP_M, _STEP_M)
    side = np.full_like(along, offset_m)
    for wave in (1.1, 2.3):
        phase = rng.uniform(0, 2 * np.pi)
        side += sway * half_m / wave * 0.7 * np.sin(along / half_m * np.pi * wave + phase)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([along * cos - side * sin, along * sin + side * cos], axis=1)


def _ring(radius_m: float, rng: np.random.Generator) -> Points:
    """Return the closed ring road, no circle: a few slow waves on its radius."""
    turn = np.linspace(0, 2 * np.pi, max(24, int(2 * np.pi * radius_m / _STEP_M)))
    radius = np.full_like(turn, radius_m)
    for wave in (2, 3, 5):
        radius += radius_m * rng.uniform(0.03, 0.10) / wave * 2 * np.sin(wave * turn + rng.uniform(0, 2 * np.pi))
    return np.stack([radius * np.cos(turn) * 1.15, radius * np.sin(turn) * 0.9], axis=1)


@dataclass(frozen=True, slots=True)
class Quarters:
    """The ground between the larger roads, cut into quarters, each with a grid of its own.

    Attributes:
        radius_m: from the centre to the ring road [m].
        bearing: of the main road [rad].
        ring: the ring road.
        river: its line.
        roads: points of all larger roads: local streets end before them.
    """

    radius_m: float
    bearing: float
    ring: Points
    river: Points
    roads: Points

    def lay(self, names: StreetNames, rng: np.random.Generator) -> list[Street]:
        """Return local streets, then lanes: each quarter's grid is turned and unevenly spaced."""
        n_quarters = max(4, round((self.radius_m / 330.0) ** 2))
        centres = rng.uniform(-1.15, 1.15, (n_quarters, 2)) * self.radius_m
        angles = self.bearing + rng.normal(0.0, 0.35, n_quarters)
        streets: list[Street] = []
        for quarter in range(n_quarters):
            is_kampung = rng.random() < 0.4
            for axis in (0, 1):
                is_lane_axis = is_kampung and axis == 0
                for line in self._grid(axis, angles[quarter], is_kampung, rng):
                    for part in self._inside(line + centres[quarter], centres, quarter):
                        if len(part) * _STEP_M < 85.0 or rng.random() < 0.12:
                            continue
                        begin, end = rng.integers(0, max(1, len(part) // 6), 2)
                        road = "lane" if is_lane_axis and rng.random() < 0.7 else "local"
                        streets.append(Street(names.next(road), road, part[begin : len(part) - end]))
        return sorted(streets, key=lambda street: street.road_class == "lane")

    def _grid(self, axis: int, angle: float, is_kampung: bool, rng: np.random.Generator) -> list[Points]:
        """Return parallel lines across a quarter, around its centre."""
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, -sin], [sin, cos]])
        lines = []
        at = -self.radius_m
        while at < self.radius_m:
            at += rng.uniform(*BLOCK_M) * (0.75 if is_kampung else 1.0) * (1.0 if axis else 1.5)
            sway = 0.012 if is_kampung else 0.004
            lines.append(_wander(self.radius_m, np.pi / 2 * axis, at, rng, sway) @ turn.T)
        return lines

    def _inside(self, line: Points, centres: Points, quarter: int) -> list[Points]:
        """Return the pieces of a line that lie in the quarter, on dry ground and off the larger roads."""
        nearest = np.argmin(((line[:, None, :] - centres[None]) ** 2).sum(axis=2), axis=1)
        inside = (nearest == quarter) & _is_inside(line, self.ring)
        inside[inside] &= _is_dry(line[inside], self.river, 1.0)
        inside[inside] &= _distance(line[inside], self.roads) > 30.0
        return _split(line, inside)


def _is_inside(line: Points, ring: Points) -> NDArray[np.bool_]:
    """Return which points lie within the ring road, well off it."""
    angle = np.arctan2(ring[:, 1], ring[:, 0])
    order = np.argsort(angle)
    reach = np.hypot(*ring.T)[order]
    here = np.interp(np.arctan2(line[:, 1], line[:, 0]), angle[order], reach, period=2 * np.pi)
    return np.asarray(np.hypot(*line.T) < here - 28.0)


def _is_dry(line: Points, river: Points, share: float) -> NDArray[np.bool_]:
    """Return which points are off the river by a share of its half width."""
    return _distance(line, river) > RIVER_HALF_M * share


def _is_clear(line: Points, others: list[Points], gap_m: float, *, is_crossing_allowed: bool) -> NDArray[np.bool_]:
    """Return which points do not run alongside another street; a crossing at a steep angle may be let through."""
    clear = np.ones(len(line), dtype=np.bool_)
    heading = np.gradient(line, axis=0)
    for other in others:
        squared = ((line[:, None, :] - other[None]) ** 2).sum(axis=2)
        nearest = np.argmin(squared, axis=1)
        close = np.sqrt(squared[np.arange(len(line)), nearest]) < gap_m
        if is_crossing_allowed:
            there = np.gradient(other, axis=0)[nearest]
            cosine = np.abs((heading * there).sum(axis=1)) / (np.hypot(*heading.T) * np.hypot(*there.T) + 1e-9)
            close &= cosine > 0.7
        clear &= ~close
    return clear


def _distance(line: Points, other: Points) -> NDArray[np.float64]:
    """Return how far each point of a line is from the nearest point of another [m]."""
    east = line[:, 0, None] - other[None, :, 0]
    north = line[:, 1, None] - other[None, :, 1]
    east *= east
    north *= north
    east += north
    return np.asarray(np.sqrt(east.min(axis=1, initial=np.inf)))


def _split(line: Points, keep: NDArray[np.bool_]) -> list[Points]:
    """Return the pieces of a line whose points are kept."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], keep.astype(np.int8), [0]])))
    return [line[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True) if end - start > 1]
