"""``lampFailure`` as a plain loop, from faults.md alone: shares no code with ``ingest``."""

from __future__ import annotations

from typing import Any


def dark_lamps(batches: list[Any], rated_w: list[float], technology: list[int]) -> set[int]:
    """Lamps that were dark for three good samples in a row: on, 207 <= V <= 241.5, P < 0.20 Pe."""
    counts = [0] * len(rated_w)
    dark: set[int] = set()
    for batch in batches:
        for lamp in range(len(rated_w)):
            if batch.quality[lamp] != 0:
                continue
            volts, power = float(batch.voltage_v[lamp]), float(batch.power_w[lamp])
            if not 207 <= volts <= 241.5:  # SPLN 1:1995
                continue
            expected = rated_w[lamp] * ((volts / 230) ** 2 if technology[lamp] == 1 else 1.0)
            counts[lamp] = counts[lamp] + 1 if power < 0.2 * expected else 0
            if counts[lamp] == 3:  # samples
                dark.add(lamp)
    return dark
