"""A street of simulated lamps, stepped through time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firmware_sim.electrical import Condition, Plant, Sample, State, build_plant, healthy, initial_state, step
from firmware_sim.electrical import technology as tech

NOON_UTC = 1_790_164_800_000_000  # 2026-09-23 12:00 UTC, 19:07 local at Jakarta
MINUTE = 60_000_000


@dataclass
class Town:
    """A plant that is stepped minute by minute."""

    plant: Plant
    seed: int = 7
    at_us: int = NOON_UTC
    condition: Condition = field(init=False)
    state: State = field(init=False)
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.condition = healthy(self.plant)
        self.state = initial_state(self.plant, self.rng, at_us=self.at_us)

    def go(self, level: Any = 100, contactor: Any = True, seconds: float = 60.0) -> Sample:
        self.at_us += int(seconds * 1e6)
        return step(self.plant, self.condition, self.state, self.at_us, level, contactor, self.rng)


def street(n_lamps: int = 12, technology: int = tech.LED, watts: float = 100.0, **more: Any) -> Town:
    return Town(
        build_plant(
            rated_power_w=np.full(n_lamps, watts),
            technology=technology,
            cabinet=0,
            circuit=0,
            is_dimmable=technology == tech.LED,
            **more,
        )
    )
