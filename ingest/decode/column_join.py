"""Array quantities of a tick's records as columns.

A sheet's rows are copied together. Where records are to stand in another order than their sheets' (cabinets of many
sizes, each with a sheet of its own), the columns are joined sheet by sheet first and put in order after that: an item
moved costs about a nanosecond, a copy for each record and quantity two thousand. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.decode.birth import ARRAY_KINDS
from ingest.decode.payload_layout import Rows, Sheet
from ingest.decode.record import SHEET_SHIFT, Record

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

WORTH_A_COPY: Final = 16  # records of one sheet, one after another


def n_sheets(records: Sequence[Record]) -> int:
    """How many sheets some records stand on, none counted as one."""
    return len({record.order >> SHEET_SHIFT for record in records})


@dataclass(frozen=True, slots=True)
class _Run:
    """Records one after another that stand on one sheet, or on none."""

    records: list[Record]
    sheet: Sheet | None
    rows: Rows


def _runs(records: Sequence[Record]) -> list[_Run]:
    runs = []
    for _, group in groupby(records, key=lambda record: id(record.sheet)):
        members = list(group)
        rows = [record.row for record in members]
        first, end = rows[0], rows[0] + len(rows)
        is_stretch = rows[-1] == end - 1 and rows == list(range(first, end))
        runs.append(_Run(members, members[0].sheet, slice(first, end) if is_stretch else np.array(rows)))
    return runs


class Joining:
    """Joins the arrays of some records, which have R in all."""

    def __init__(self, records: Sequence[Record]) -> None:
        """Choose how."""
        self._runs = _runs(records)
        self._from_sheets: Int64 | None = None  # (R,) which record comes when, if joined sheet by sheet
        if len(self._runs) * WORTH_A_COPY > len(records):
            sheet = np.array([record.order for record in records], np.int64) >> SHEET_SHIFT
            order = np.lexsort((np.array([record.row for record in records], np.int64), sheet))
            if (order[1:] < order[:-1]).any():
                self._from_sheets = order
                self._runs = _runs([records[i] for i in order.tolist()])

    def arrays(self, start: Int64, dtypes: dict[int, str]) -> list[npt.NDArray[Any]]:
        """The array quantities of some kinds (``ARRAY_KINDS``), one record after another: (slots of the kind, items).

        Args:
            start: int64 (R + 1,) where each record's items begin, the same for all of these kinds.
            dtypes: of an item, by the kind's first slot.
        """
        n_items = int(start[-1])
        places = None if self._from_sheets is None else _places(start, self._from_sheets)
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
            if run.sheet is not None:
                run.sheet.copy(kind, run.rows, part)
            for slot in (
                range(kind, kind + len(columns)) if run.sheet is None else run.sheet.payload_layout.absent[kind]
            ):
                part[slot - kind] = _plain(run, slot)
            at = end


def _places(start: Int64, from_sheets: Int64) -> Int64:
    """Where each item stands in what was joined sheet by sheet; int64 (items,)."""
    count = np.diff(start)
    joined_at = np.empty(len(count), np.int64)
    joined_at[from_sheets] = np.cumsum(count[from_sheets]) - count[from_sheets]
    return np.repeat(joined_at - start[:-1], count) + np.arange(start[-1])


def _plain(run: _Run, slot: int) -> UInt8:
    fillers = [record.session.fillers[slot] for record in run.records]
    if run.sheet is None:
        values = [record.values[slot] for record in run.records]
        fillers = [filler if value is None else value for value, filler in zip(values, fillers, strict=True)]
    return np.frombuffer(b"".join(fillers), np.uint8)
