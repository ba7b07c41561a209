"""What is wrong with agents, buses and networks, beside the electrical ``Condition``. Mutable arrays of causes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOT_BROKEN = 2**31 - 1


@dataclass(slots=True, kw_only=True)
class Upset:
    """Causes; a new one means that all is well.

    Attributes:
        is_offline: bool (n_controllers,), no network: sweeps are recorded, and sent as history afterwards.
        is_down: bool (n_controllers,), the agent is dead: nothing is recorded, the broker publishes its will.
        clock_offset_us: int64 (n_controllers,), its clock is wrong by so much.
        is_clock_synchronised: bool (n_controllers,), what it says of its clock.
        bus_broken_after: int32 (n_lamps,), lamps with a greater place on their bus do not answer; 0 = none.
        reply_loss: float32 (n_lamps,), chance that a sweep misses a lamp's reply.
        reply_garble: float32 (n_lamps,), chance that a reply arrives garbled.
    """

    is_offline: NDArray[np.bool_]
    is_down: NDArray[np.bool_]
    clock_offset_us: NDArray[np.int64]
    is_clock_synchronised: NDArray[np.bool_]
    bus_broken_after: NDArray[np.int32]
    reply_loss: NDArray[np.float32]
    reply_garble: NDArray[np.float32]


def no_upset(n_controllers: int, n_lamps: int) -> Upset:
    """All is well."""
    return Upset(
        is_offline=np.zeros(n_controllers, np.bool_),
        is_down=np.zeros(n_controllers, np.bool_),
        clock_offset_us=np.zeros(n_controllers, np.int64),
        is_clock_synchronised=np.ones(n_controllers, np.bool_),
        bus_broken_after=np.full(n_lamps, NOT_BROKEN, np.int32),
        reply_loss=np.zeros(n_lamps, np.float32),
        reply_garble=np.zeros(n_lamps, np.float32),
    )
