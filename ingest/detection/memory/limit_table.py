"""The limits in force as arrays by technology, looked up for the lamps at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.schema.limits import LIMITS, TECHNOLOGIES, Limits

Float32 = npt.NDArray[np.float32]


class LimitTable:
    """Every limit of ``ingest.schema.limits`` as float32 (technologies,)."""

    def __init__(self, limits: Limits) -> None:
        """Start with nothing known."""
        self._values: Final[dict[str, Float32]] = {
            limit.name: np.array([limits.value(limit.name, technology) for technology in TECHNOLOGIES], np.float32)
            if limit.per_technology
            else np.full(len(TECHNOLOGIES), limits.value(limit.name), np.float32)
            for limit in LIMITS
        }
        self._uniform: Final = {name: bool((values == values[0]).all()) for name, values in self._values.items()}

    def scalar(self, name: str) -> float:
        """A limit that is the same for every technology, in its unit."""
        return float(self._values[name][0])

    def is_uniform(self, name: str) -> bool:
        """Whether all technologies share the limit."""
        return self._uniform[name]

    def by_technology(self, name: str) -> Float32:
        """The limit of each technology; float32 (technologies,)."""
        return self._values[name]

    def of(self, technology: npt.NDArray[np.uint8]) -> LampLimits:
        """The limits of lamps of these technologies."""
        return LampLimits(self, lambda: technology)

    def of_lamps(self, technology: npt.NDArray[np.uint8], lamp: npt.NDArray[np.int64]) -> LampLimits:
        """The limits of n lamps, int64 (n,), of whose technologies, uint8 (L,), few callers ask."""
        return LampLimits(self, lambda: technology[lamp])


class LampLimits:
    """Limits of n lamps: ``limits["lamp_power_low"]`` is one number, or float32 (n,) where technologies differ."""

    def __init__(self, table: LimitTable, technology: Callable[[], npt.NDArray[np.uint8]]) -> None:
        """``technology`` gives that of each lamp, uint8 (n,)."""
        self._table, self._technology = table, technology

    def __getitem__(self, name: str) -> Float32 | np.float32:
        """The limit ``name`` in its unit."""
        values = self._table.by_technology(name)
        if self._table.is_uniform(name):
            return np.float32(values[0])
        return values[self._technology()]
