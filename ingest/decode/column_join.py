"""Array quantities of a tick's records as columns.

Rows of one group of aligned payloads are copied together. Where the order of records differs from the order of the
groups (cabinets of many sizes, each with its own group), the columns are joined group by group first and reordered
afterwards: moving an item costs about a nanosecond, a copy for each record and quantity two thousand. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.decode.birth import ARRAY_KINDS
from ingest.decode.payload_layout import AlignedPayloads, Rows
from ingest.decode.record import GROUP_SHIFT, DecodedRecord

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

WORTH_A_COPY: Final = 16  # consecutive records of one group


def n_groups(records: Sequence[DecodedRecord]) -> int:
    """The number of groups of aligned payloads among some records; all records outside of groups count as one."""
    return len({record.order >> GROUP_SHIFT for record in records})


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive records of one group of aligned payloads, or of none."""

    records: list[DecodedRecord]
    aligned: AlignedPayloads | None
    rows: Rows


def _runs(records: Sequence[DecodedRecord]) -> list[_Run]:
    runs = []
    for _, group in groupby(records, key=lambda record: id(record.aligned)):
        members = list(group)
        rows = [record.row for record in members]
        first, end = rows[0], rows[0] + len(rows)
        is_stretch = rows[-1] == end - 1 and rows == list(range(first, end))
        runs.append(_Run(members, members[0].aligned, slice(first, end) if is_stretch else np.array(rows)))
    return runs


class Joining:
    """Joins the arrays of some records, which have R in all."""

    def __init__(self, records: Sequence[DecodedRecord]) -> None:
        """Choose the order of copying."""
        self._runs = _runs(records)
        self._by_group: Int64 | None = None  # (R,) the order of records, if joined group by group
        if len(self._runs) * WORTH_A_COPY > len(records):
            aligned = np.array([record.order for record in records], np.int64) >> GROUP_SHIFT
            order = np.lexsort((np.array([record.row for record in records], np.int64), aligned))
            if (order[1:] < order[:-1]).any():
                self._by_group = order
                self._runs = _runs([records[i] for i in order.tolist()])

    def arrays(self, start: Int64, dtypes: dict[int, str]) -> list[npt.NDArray[Any]]:
        """The array quantities of some kinds (``ARRAY_KINDS``), one record after another: (slots of the kind, items).

        Args:
            start: int64 (R + 1,) where each record's items begin, the same for all of these kinds.
            dtypes: of an item, by the kind's first slot.
        """
        n_items = int(start[-1])
        places = None if self._by_group is None else _places(start, self._by_group)
        found = []
        for kind, dtype in dtypes.items():
            columns = np.empty((ARRAY_KINDS[kind], n_items * np.dtype(dtype).itemsize), np.uint8)
            if n_items:  # else no circuit is metered
                self._copy(kind, columns)
            items = columns.view(dtype)
            # clipped, not checked, which takes a third less: they are right
            found.append(items if places is None else items.take(places, axis=1, mode="clip"))
        return found

    def _copy(self, kind: int, columns: UInt8) -> None:
        at = 0
        for run in self._runs:
            end = at + sum([record.session.sizes[kind] for record in run.records])
            part = columns[:, at:end]
            if run.aligned is not None:
                run.aligned.copy(kind, run.rows, part)
            for slot in (
                range(kind, kind + len(columns)) if run.aligned is None else run.aligned.payload_layout.absent[kind]
            ):
                part[slot - kind] = _plain(run, slot)
            at = end


def _places(start: Int64, by_group: Int64) -> Int64:
    """The index of each item in the columns joined group by group; int64 (items,)."""
    count = np.diff(start)
    joined_at = np.empty(len(count), np.int64)
    joined_at[by_group] = np.cumsum(count[by_group]) - count[by_group]
    return np.repeat(joined_at - start[:-1], count) + np.arange(start[-1])


def _plain(run: _Run, slot: int) -> UInt8:
    fillers = [record.session.fillers[slot] for record in run.records]
    if run.aligned is None:
        values = [record.values[slot] for record in run.records]
        fillers = [filler if value is None else value for value, filler in zip(values, fillers, strict=True)]
    return np.frombuffer(b"".join(fillers), np.uint8)
