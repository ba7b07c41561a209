"""Which lamps each agent lists: those of its newest record."""

from __future__ import annotations

import numpy as np

from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.sweep import Sweep
from ingest.model.fleet import Fleet


def note_lists(sweep: Sweep, state: LampState, fleet: Fleet) -> None:
    """Note the lists of a sweep's live records."""
    batch = sweep.batch
    start, end = fleet.controller_start[:-1], fleet.controller_start[1:]
    n_own = end[sweep.controller] - start[sweep.controller]
    is_settled = (sweep.width == n_own) & state.is_fully_listed[sweep.controller]
    for r in np.flatnonzero(sweep.is_live & ~is_settled).tolist():
        c = int(batch.controller[r])
        own = slice(int(fleet.controller_start[c]), int(fleet.controller_start[c + 1]))
        reported = batch.lamp[int(batch.lamp_start[r]) : int(batch.lamp_start[r + 1])]
        before = state.is_listed[own].copy()
        state.is_listed[own] = False
        state.is_listed[reported[reported >= 0]] = True
        state.n_list_changes += bool((before != state.is_listed[own]).any())
        state.is_fully_listed[c] = bool(state.is_listed[own].all())
