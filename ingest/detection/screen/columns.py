"""The columns of a batch that the screen looks at, for one of its blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.detection.screen.stretches import LampPlaces, Rows
from ingest.model.batch import Batch

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
UInt32 = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Columns:
    """Some rows of a batch, their lamps, and the columns of those rows: (n,) each."""

    rows: Rows
    lamps: LampPlaces
    quality: UInt8
    level: UInt8
    status: UInt8
    power: Float32
    voltage: Float32
    current: Float32
    factor: Float32
    temperature: Float32
    counts: UInt32

    @classmethod
    def of(cls, batch: Batch, rows: Rows, lamps: LampPlaces) -> Columns:
        """Take the columns."""
        return cls(
            rows,
            lamps,
            batch.quality[rows],
            batch.level[rows],
            batch.status[rows],
            batch.power_w[rows],
            batch.voltage_v[rows],
            batch.current_a[rows],
            batch.power_factor[rows],
            batch.temperature_c[rows],
            batch.switch_count[rows],
        )
