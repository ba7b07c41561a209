"""Parts of a block that can be stored one after the other, each true by itself. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.model.block import Block, take_records
from ingest.model.received_ranges import MarkState, Watermarks


def own_marks(block: Block) -> tuple[MarkState, ...]:
    """The numbers that a part of a block holds by itself: its other parts may not be written yet."""
    held = Watermarks()
    batch = block.batch
    for controller, epoch, sequence in zip(
        batch.controller.tolist(), batch.epoch.tolist(), batch.sequence.tolist(), strict=True
    ):
        mark = held.open(block.directory.controllers[controller], epoch, 0)
        if not mark.holds(sequence):
            mark.take(sequence)
    return tuple(held.states())


def halves(block: Block) -> list[Block]:
    """Two blocks with half of the records each, controller by controller; the second has the block's marks.

    Of a block without records the marks are divided. Raises ValueError if there is nothing to divide.
    """
    n_records, n_marks = block.batch.n_records, len(block.marks)
    if n_records > 1:
        rows = np.argsort(block.batch.controller, kind="stable")
        first, second = (take_records(block, part) for part in np.array_split(rows, 2))
        return [replace(first, marks=own_marks(first)), replace(second, marks=block.marks)]
    if n_records == 1 and n_marks:  # the record may be what cannot be stored, and the marks go on without it
        return [replace(block, marks=()), replace(take_records(block, np.empty(0, np.int64)), marks=block.marks)]
    if n_marks > 1:
        return [replace(block, marks=block.marks[: n_marks // 2]), replace(block, marks=block.marks[n_marks // 2 :])]
    raise ValueError("a block of one record or mark has no halves")
