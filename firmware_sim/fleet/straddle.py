"""Sweeps during a change of level: some lamps are read before it and some after. Pure."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from firmware_sim.fleet.world import Moment

_FIELDS: Final = ("voltage_v", "current_a", "power_w", "power_factor", "status")


def straddle(before: Moment, now: Moment, rng: np.random.Generator) -> Moment:
    """Return what a sweep that ends now read; of lamps whose level changed since ``before``, half are as they were.

    Their levels are those of the sweep's end, as an agent reports them.
    """
    changed = np.flatnonzero(before.level != now.level)
    if not len(changed):
        return now
    early = changed[rng.random(len(changed)) < 0.5]
    columns = {name: getattr(now.sample, name).copy() for name in _FIELDS}
    for name, column in columns.items():
        column[early] = getattr(before.sample, name)[early]
    quality = now.quality.copy()
    quality[early] = before.quality[early]
    return Moment(dataclasses.replace(now.sample, **columns), now.level, quality)
