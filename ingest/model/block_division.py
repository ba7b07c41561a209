"""Parts of a block that can be stored one after the other, each true by itself. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.model.block import Block, take_records
from ingest.model.received_ranges import ReceivedRangesTable, StoredRanges


def own_ranges(block: Block) -> tuple[StoredRanges, ...]:
    """The numbers that a part of a block holds by itself: its other parts may not be written yet."""
    held = ReceivedRangesTable()
    batch = block.batch
    for controller, epoch, sequence in zip(
        batch.controller.tolist(), batch.epoch.tolist(), batch.sequence.tolist(), strict=True
    ):
        ranges = held.open(block.directory.controllers[controller], epoch, 0)
        if not ranges.holds(sequence):
            ranges.take(sequence)
    return tuple(held.states())


def halves(block: Block) -> list[Block]:
    """Two blocks with half of the records each, controller by controller; the second has the block's received ranges.

    Of a block without records the received ranges are divided. Raises ValueError if there is nothing to divide.
    """
    n_records, n_ranges = block.batch.n_records, len(block.received)
    if n_records > 1:
        rows = np.argsort(block.batch.controller, kind="stable")
        first, second = (take_records(block, part) for part in np.array_split(rows, 2))
        return [replace(first, received=own_ranges(first)), replace(second, received=block.received)]
    if n_records == 1 and n_ranges:  # the record may be what cannot be stored, and the ranges are stored without it
        return [
            replace(block, received=()),
            replace(take_records(block, np.empty(0, np.int64)), received=block.received),
        ]
    if n_ranges > 1:
        return [
            replace(block, received=block.received[: n_ranges // 2]),
            replace(block, received=block.received[n_ranges // 2 :]),
        ]
    raise ValueError("a block of one record or range has no halves")
