"""What an injection does and what detection is expected to say of it: the answer of every cause's function."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firmware_sim.injection.deeds import Deed


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """Changes to make, and the truth about them.

    Attributes:
        deeds: in order.
        lamps: int64 (n,) plant indices of the lamps that it takes with it.
        span: (after, before) lamp ids around a break; None = no break.
        phase: R, S or T, where one phase is meant; "" = none.
    """

    deeds: tuple[Deed, ...]
    lamps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    span: tuple[str, str] | None = None
    phase: str = ""
