"""Readings of bad quality carry no values: what they hold nevertheless is taken out before anything looks at it. Pure.

Our own agents leave such values unknown; another's may send what a garbled frame held.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.model.batch import Batch
from ingest.schema.telemetry import LAMP_VALUES

_MEASURED: Final = tuple(c for c in LAMP_VALUES if c.quantity.is_from_meter)  # not the level: the agent's own command


def with_good_values(batch: Batch) -> Batch:
    """A batch whose readings of bad quality hold no measured value and no status; itself where they hold none."""
    bad = np.flatnonzero(batch.quality)
    if not len(bad):
        return batch
    cleaned: dict[str, npt.NDArray[Any]] = {}
    for column in _MEASURED:
        values = getattr(batch, column.name)
        held, unknown = values.take(bad), column.quantity.unanswered_value
        if not (np.isnan(held) if column.is_float else held == unknown).all():
            cleaned[column.name] = values.copy()
            cleaned[column.name][bad] = unknown
    return replace(batch, **cleaned) if cleaned else batch
