"""Which lamps are switched on, and at which level their gear runs: command, relay, gear faults, cycling, heat.

Healthy lamps follow whole-array rules; lamps with a cause set are few and are treated by index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical.condition import OBEYS, LampFault

if TYPE_CHECKING:
    from firmware_sim.electrical.condition import Condition
    from firmware_sim.electrical.plant import Plant
    from firmware_sim.electrical.state import State

#: ``State.heat`` values.
DERATED: Final = 1
SHUT_DOWN: Final = 2

_DARK: Final = np.uint32(LampFault.DEAD | LampFault.DRIVER_FAULT | LampFault.RELAY_STUCK_OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """Outcome of the commands and faults of one instant.

    Attributes:
        level: uint8 (n_lamps,), at which the gear runs [%]; 0 = no light.
        is_relay_closed: bool (n_lamps,), as the node reports it.
        faulty: int64 (n_faulty,), lamps with any cause.
        standby: int64 (n_standby,), dark lamps whose gear is on the mains.
        cycling: int64 (n_cycling,), lamps in a cycle and switched on.
        n_cycles: int32 (n_cycling,), cycles since they were switched on.
    """

    level: NDArray[np.uint8]
    is_relay_closed: NDArray[np.bool_]
    faulty: NDArray[np.int64]
    standby: NDArray[np.int64]
    cycling: NDArray[np.int64]
    n_cycles: NDArray[np.int32]


def drive_lamps(
    plant: Plant,
    condition: Condition,
    state: State,
    *,
    at_us: int,
    level_percent: NDArray[np.uint8],
    is_live: NDArray[np.bool_],
) -> Drive:
    """Return what each lamp's gear does; ``state`` keeps since when each lamp is driven.

    Args:
        plant: the lamps.
        condition: their causes.
        state: changed in place: ``is_driven``, ``driven_since_us``.
        at_us: UTC microseconds.
        level_percent: commanded level, uint8 (n_lamps,); for a photocell, its decision as 0 or 100.
        is_live: bool (n_lamps,), has supply.
    """
    level = np.minimum(level_percent, np.uint8(100))
    if len(plant.without_node):
        bare = plant.without_node
        is_on = (level[bare] > 0) | ~plant.is_self_switched[bare]
        level[bare] = np.where(is_on, np.uint8(100), np.uint8(0))
    is_relay_closed = level > 0
    faulty = np.flatnonzero(condition.flags)
    flags = condition.flags[faulty]
    wanted = level[faulty]
    if len(faulty):
        forced = (flags & np.uint32(LampFault.FORCED_ON)) != 0
        is_relay_closed[faulty[forced]] = True
        welded = (flags & np.uint32(LampFault.RELAY_STUCK_CLOSED)) != 0
        wanted = np.where((forced | welded) & (wanted == 0), np.uint8(100), wanted)
        stuck = condition.stuck_level[faulty]
        stuck = np.where(stuck == OBEYS, np.uint8(100), stuck)
        is_stuck = (flags & np.uint32(LampFault.DIMMING_STUCK)) != 0
        level[faulty] = np.where(is_stuck & (wanted > 0), stuck, wanted)
    heated = np.flatnonzero(state.heat == SHUT_DOWN)
    is_gear_on = (wanted > 0) & ((flags & np.uint32(LampFault.RELAY_STUCK_OPEN)) == 0)
    standby = [faulty[is_gear_on & ((flags & _DARK) != 0)], heated[level[heated] > 0]]
    level[faulty[(flags & _DARK) != 0]] = 0
    level[heated] = 0
    level *= is_live
    is_driven = level > 0
    started = np.flatnonzero(is_driven & ~state.is_driven)
    state.driven_since_us[started] = at_us
    state.n_cycles[started] = 0
    state.is_driven = is_driven
    cycling = faulty[(flags & np.uint32(LampFault.CYCLING)) != 0]
    cycling = cycling[is_driven[cycling]]
    n_cycles = np.zeros(0, dtype=np.int32)
    if len(cycling):
        n_cycles, is_dark = _cycle(condition, state, at_us, cycling)
        level[cycling[is_dark]] = 0
        standby.append(cycling[is_dark])
    return Drive(
        level=level,
        is_relay_closed=is_relay_closed,
        faulty=faulty,
        standby=np.concatenate(standby),
        cycling=cycling,
        n_cycles=n_cycles,
    )


def _cycle(
    condition: Condition, state: State, at_us: int, lamps: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return how many cycles each cycling lamp has behind it, and whether it is in the dark part.

    An end-of-life HPS lamp's arc voltage rises as it heats until the ballast cannot hold it; it goes out, cools,
    and starts again. The lit part varies by a fifth from cycle to cycle.
    """
    on_s = condition.cycle_on_s[lamps].astype(np.float64)
    period_s = np.maximum(on_s + condition.cycle_off_s[lamps], 1.0)
    since_s = (at_us - state.driven_since_us[lamps]) / 1e6
    n_cycles = np.floor(since_s / period_s)
    wobble = np.modf((n_cycles + 1.0) * 0.618034 + state.trait[lamps])[0]
    is_dark = since_s - n_cycles * period_s > on_s * (0.8 + 0.2 * wobble)
    return n_cycles.astype(np.int32), is_dark
