"""Meters of circuits and cabinets whose current terminals are the wrong way round show what they measure as negative.

Street lighting feeds nothing back, so the direction says nothing of the load; of the three phases of a cabinet any may
be reversed by itself, and their sum would be wrong by twice its load.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.model.batch import Batch


def with_loads(batch: Batch) -> Batch:
    """A batch whose circuits' and cabinets' powers are loads, whatever way their meters are wired."""
    circuit_w, cabinet_w = batch.circuit_power_w, batch.cabinet_power_w
    if not (_are_some_negative(circuit_w) or _are_some_negative(cabinet_w)):
        return batch
    loads: dict[str, Any] = {"circuit_power_w": np.abs(circuit_w), "cabinet_power_w": np.abs(cabinet_w)}
    return replace(batch, **loads)


def _are_some_negative(power_w: npt.NDArray[np.float32]) -> bool:
    return bool(np.fmin.reduce(power_w, axis=None, initial=0.0) < 0)
