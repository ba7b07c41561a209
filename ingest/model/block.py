"""A block: the records of one flush in the form in which a telemetry store receives them.

Pure data between ``ingest.decode`` and ``ingest.telemetry``. One block holds one or several batches one after another;
where a batch says -1 for a stranger, the block's own columns keep the directory's number, so that its id is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.model.batch import CIRCUIT_NAMES, LAMP_NAMES, Batch
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import StoredRanges

_LAMP_FIELDS = frozenset(("lamp", *LAMP_NAMES))
_CIRCUIT_FIELDS = frozenset(("circuit", *CIRCUIT_NAMES))


@dataclass(frozen=True, slots=True)
class Block:
    """Records to be stored; R records, N lamp rows, M circuit rows.

    Attributes:
        batch: all records; ``controller`` is the directory's number.
        directory: what the numbers mean.
        lamp_name: int32 (N,) directory number of each lamp, strangers included; so circuit_name (M,).
        received: the received ranges of every controller in this block, valid once it is durable.
    """

    batch: Batch
    directory: Directory
    lamp_name: npt.NDArray[np.int32]
    circuit_name: npt.NDArray[np.int32]
    received: tuple[StoredRanges, ...] = ()


def slice_batch(batch: Batch, first: int, last: int) -> Batch:
    """Records ``first`` up to ``last`` as a batch of their own; columns are views, only the starts are new."""
    lamp_first, lamp_last = int(batch.lamp_start[first]), int(batch.lamp_start[last])
    circuit_first, circuit_last = int(batch.circuit_start[first]), int(batch.circuit_start[last])
    columns: dict[str, Any] = {}
    for column in fields(Batch):
        name, values = column.name, getattr(batch, column.name)
        if name == "lamp_start":
            columns[name] = values[first : last + 1] - lamp_first
        elif name == "circuit_start":
            columns[name] = values[first : last + 1] - circuit_first
        elif name in _LAMP_FIELDS:
            columns[name] = values[lamp_first:lamp_last]
        elif name in _CIRCUIT_FIELDS:
            columns[name] = values[circuit_first:circuit_last]
        else:
            columns[name] = values[first:last]
    return Batch(**columns)


def take_records(block: Block, records: npt.NDArray[np.int64]) -> Block:
    """Some records of a block, in the order given, without their received ranges."""
    batch = block.batch
    lamp_start, lamp_rows = _rows_of(batch.lamp_start, records)
    circuit_start, circuit_rows = _rows_of(batch.circuit_start, records)
    columns: dict[str, Any] = {}
    for column in fields(Batch):
        name, values = column.name, getattr(batch, column.name)
        if name == "lamp_start":
            columns[name] = lamp_start
        elif name == "circuit_start":
            columns[name] = circuit_start
        elif name in _LAMP_FIELDS:
            columns[name] = values[lamp_rows]
        elif name in _CIRCUIT_FIELDS:
            columns[name] = values[circuit_rows]
        else:
            columns[name] = values[records]
    return Block(Batch(**columns), block.directory, block.lamp_name[lamp_rows], block.circuit_name[circuit_rows])


def _rows_of(
    start: npt.NDArray[np.int64], records: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    counts = (start[1:] - start[:-1])[records]
    taken = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    offsets = np.repeat(start[:-1][records] - taken[:-1], counts)
    return taken, offsets + np.arange(len(offsets))
