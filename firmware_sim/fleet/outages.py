"""Simulated connection losses: of single controllers at random, and of all at once.

Runs in data time from a seed of its own, so that the same city loses the same connections at any speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: How long a controller of a mobile network is away at a time [s]: a cell handover to a restart of the modem.
SHORTEST_S: Final = 20.0
LONGEST_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Churn:
    """How often connections are lost.

    Attributes:
        per_hour: how often one controller loses its connection in an hour of data time; 0 = never.
        storm_s: so many data seconds apart all connections break at once and come back together; 0 = never.
    """

    per_hour: float = 0.0
    storm_s: float = 0.0


class Outages:
    """Who is without a connection at the moment."""

    def __init__(self, n_controllers: int, churn: Churn, start_us: int, seed: int) -> None:
        """Everybody has one at ``start_us``."""
        self._churn = churn
        self._rng = np.random.default_rng((0xC4, seed))
        self._out_until_us = np.zeros(n_controllers, np.int64)
        self._last_us = start_us
        self._storm_us = start_us + round(churn.storm_s * 1e6)

    def turn(self, at_us: int) -> NDArray[np.bool_]:
        """Live until ``at_us``; bool (n_controllers,), who is out then. A storm takes everybody for this one turn."""
        dt_s, self._last_us = (at_us - self._last_us) / 1e6, at_us
        is_out: NDArray[np.bool_] = self._out_until_us > at_us
        if self._churn.per_hour:
            n = len(is_out)
            falls = (self._rng.random(n) < self._churn.per_hour * dt_s / 3600.0) & ~is_out
            lasts_us = (self._rng.uniform(SHORTEST_S, LONGEST_S, n) * 1e6).astype(np.int64)
            self._out_until_us = np.where(falls, at_us + lasts_us, self._out_until_us)
            is_out |= falls
        if self._churn.storm_s and at_us >= self._storm_us:
            self._storm_us = at_us + round(self._churn.storm_s * 1e6)
            is_out = np.ones_like(is_out)
        return is_out
