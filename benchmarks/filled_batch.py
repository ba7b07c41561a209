"""A batch of some columns; a quantity that nobody gave is unknown, so that a new one changes no maker of batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.model.batch import CONTACT_UNKNOWN, UNKNOWN_UINT64, Batch
from ingest.schema.telemetry import CABINET_VALUES, CIRCUIT_VALUES, CONTACTS, LAMP_VALUES, PHASE_VALUES


def filled_batch(**columns: Any) -> Batch:
    """A batch of ``columns`` and, for every quantity that is not among them, what a host takes where it is absent."""
    n_records, n_lamps, n_circuits = (len(columns[name]) for name in ("controller", "lamp", "circuit"))
    unknown: dict[str, npt.NDArray[Any]] = {
        **{c.name: np.full(n_lamps, c.absent, c.dtype) for c in LAMP_VALUES},
        **{f"circuit_{c.name}": np.full(n_circuits, c.absent, c.dtype) for c in CIRCUIT_VALUES},
        **{f"cabinet_{c.name}": np.full((n_records, 3), np.nan, np.float32) for c in PHASE_VALUES},
        **{f"cabinet_{c.name}": np.full(n_records, UNKNOWN_UINT64, np.uint64) for c in CABINET_VALUES},
        **{name: np.full(n_records, CONTACT_UNKNOWN, np.int8) for name in CONTACTS},
    }
    return Batch(**{**unknown, **columns})
