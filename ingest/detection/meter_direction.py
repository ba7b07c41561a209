"""Meters of circuits and cabinets whose current terminals are the wrong way round show what they measure as negative.

Street lighting feeds nothing back, so the direction says nothing of the load; of the three phases of a cabinet any may
be reversed by itself, and their sum would be wrong by twice its load.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ingest.model.batch import Batch


def with_loads(batch: Batch) -> Batch:
    """A batch whose circuits' and cabinets' powers are loads, whatever way their meters are wired."""
    circuit_w, cabinet_w = batch.circuit_power_w, batch.cabinet_power_w
    if not ((circuit_w < 0).any() or (cabinet_w < 0).any()):
        return batch
    loads: dict[str, Any] = {"circuit_power_w": np.abs(circuit_w), "cabinet_power_w": np.abs(cabinet_w)}
    return replace(batch, **loads)
