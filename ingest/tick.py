"""Records of one tick to columns, every column joined at once over all of them.

Pure. Nothing here loops over lamps in Python: an array of a sweep stays bytes until all of them are joined and read as
one numpy column, and the rows of a sheet are not even taken one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.batch import CONTACT_UNKNOWN, UNKNOWN_UINT64, Batch
from ingest.block import Block
from ingest.decode import Record
from ingest.directory import Directory
from ingest.session import (
    ARRAY_KINDS,
    CABINET_ENERGY,
    CONTACTOR,
    DOOR,
    FIRST_CABINET,
    FIRST_CIRCUIT,
    N_ARRAYS,
    SCALARS,
    SUPPLY,
)
from ingest.stencil import Sheet


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick decoded.

    Attributes:
        block: everything, to be stored.
        rounds: ``(first, last)`` records of each batch to be judged, in order.
        n_bad_values: infinities that were turned into unknown.
    """

    block: Block
    rounds: tuple[tuple[int, int], ...]
    n_bad_values: int


def build_tick(rounds: Sequence[Sequence[Record]], unjudged: Sequence[Record], directory: Directory) -> Tick:
    """Join records into columns: the rounds first, each one batch, then those that no one judges."""
    in_order = [sorted(batch, key=attrgetter("order")) for batch in rounds]
    records = [record for batch in in_order for record in batch]
    spans, first = [], 0
    for batch in in_order:
        spans.append((first, first + len(batch)))
        first += len(batch)
    records += unjudged
    block, n_bad = _block(records, directory)
    return Tick(block, tuple(spans), n_bad)


@dataclass(frozen=True, slots=True)
class _Run:
    """Records one after another that stand on one sheet, or on none."""

    records: list[Record]
    sheet: Sheet | None
    rows: slice | npt.NDArray[np.int64]


def _runs(records: Sequence[Record]) -> list[_Run]:
    runs = []
    for _, group in groupby(records, key=lambda record: id(record.sheet)):
        members = list(group)
        rows = [record.row for record in members]
        first, end = rows[0], rows[0] + len(rows)
        is_stretch = rows[-1] == end - 1 and rows == list(range(first, end))
        runs.append(_Run(members, members[0].sheet, slice(first, end) if is_stretch else np.array(rows)))
    return runs


def _arrays(runs: Sequence[_Run], kind: int, n_bytes: int) -> npt.NDArray[np.uint8]:
    """The array quantities of one kind of all records, one record after another: (slots of the kind, n_bytes)."""
    columns = np.empty((ARRAY_KINDS[kind], n_bytes), np.uint8)
    if not n_bytes:  # no circuit is metered
        return columns
    at = 0
    for run in runs:
        end = at + sum([record.session.sizes[kind] for record in run.records])
        part = columns[:, at:end]
        if run.sheet is not None:
            run.sheet.copy(kind, run.rows, part)
        for slot in range(kind, kind + len(columns)) if run.sheet is None else run.sheet.stencil.absent[kind]:
            part[slot - kind] = _plain(run, slot)
        at = end
    return columns


def _plain(run: _Run, slot: int) -> npt.NDArray[np.uint8]:
    fillers = [record.session.fillers[slot] for record in run.records]
    if run.sheet is None:
        values = [record.values[slot] for record in run.records]
        fillers = [filler if value is None else value for value, filler in zip(values, fillers, strict=True)]
    return np.frombuffer(b"".join(fillers), np.uint8)


def _scalars(records: Sequence[Record], slot: int, dtype: type[np.generic], missing: int) -> npt.NDArray[Any]:
    """A scalar quantity: (R,)."""
    place = SCALARS.index(slot)
    return np.array([missing if (value := r.scalars[place]) is None else value for r in records], dtype)


def _has_cabinet(runs: Sequence[_Run]) -> npt.NDArray[np.bool_]:
    """Whether a record tells anything of its cabinet: (R,)."""
    told: list[bool] = []
    for run in runs:
        if run.sheet is not None:
            told += [run.sheet.stencil.has_cabinet] * len(run.records)
        else:
            slots = (*range(FIRST_CABINET, N_ARRAYS), *SCALARS)
            told += [any(record.values[slot] is not None for slot in slots) for record in run.records]
    return np.array(told, np.bool_)


def _starts(counts: list[int]) -> npt.NDArray[np.int64]:
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def _block(records: Sequence[Record], directory: Directory) -> tuple[Block, int]:
    runs = _runs(records)
    sessions = [record.session for record in records]
    lamp_start = _starts([len(session.lamp_ids) for session in sessions])
    circuit_start = _starts([len(session.circuit_ids) for session in sessions])
    n_lamps, n_circuits = int(lamp_start[-1]), int(circuit_start[-1])
    wide, narrow = _arrays(runs, 0, 4 * n_lamps), _arrays(runs, 8, n_lamps)
    lamp_columns = [*(column.view("<f4" if i < 5 else "<u4") for i, column in enumerate(wide)), *narrow]
    of_circuits = _arrays(runs, FIRST_CIRCUIT, 4 * n_circuits)
    circuit_columns = [column.view("<u4" if i == 3 else "<f4") for i, column in enumerate(of_circuits)]
    cabinet_columns = [column.view("<f4").reshape(-1, 3) for column in _arrays(runs, FIRST_CABINET, 12 * len(records))]
    n_bad = 0
    for columns in (lamp_columns, circuit_columns, cabinet_columns):
        for i, column in enumerate(columns):
            if column.dtype.kind == "f" and np.isinf(column).any():
                n_bad += int(np.isinf(column).sum())
                columns[i] = np.where(np.isinf(column), np.float32(np.nan), column)
    lamp_name = np.frombuffer(b"".join([session.lamps for session in sessions]), "<i4")
    circuit_name = np.frombuffer(b"".join([session.circuits for session in sessions]), "<i4")
    batch = Batch(
        controller=np.array([session.controller for session in sessions], np.int32),
        at_us=np.array([r.at_us for r in records], np.int64),
        is_historical=np.array([r.is_historical for r in records], np.bool_),
        is_clock_synchronised=np.array([r.is_synchronised for r in records], np.bool_),
        interval_s=_interval(records),
        epoch=np.array([r.epoch for r in records], np.uint64),
        sequence=np.array([r.sequence for r in records], np.uint64),
        lamp_start=lamp_start,
        first_lamp=np.array([session.first_lamp for session in sessions], np.int32),
        lamp=_judged(lamp_name, directory.lamps.n_register),
        voltage_v=lamp_columns[0],
        current_a=lamp_columns[1],
        power_w=lamp_columns[2],
        power_factor=lamp_columns[3],
        temperature_c=lamp_columns[4],
        energy_wh=lamp_columns[5],
        burning_hours=lamp_columns[6],
        switch_count=lamp_columns[7],
        level=lamp_columns[8],
        status=lamp_columns[9],
        quality=lamp_columns[10],
        circuit_start=circuit_start,
        circuit=_judged(circuit_name, directory.n_register_circuits),
        circuit_voltage_v=circuit_columns[0],
        circuit_current_a=circuit_columns[1],
        circuit_power_w=circuit_columns[2],
        circuit_energy_wh=circuit_columns[3],
        cabinet_voltage_v=cabinet_columns[0],
        cabinet_current_a=cabinet_columns[1],
        cabinet_power_w=cabinet_columns[2],
        cabinet_energy_wh=_scalars(records, CABINET_ENERGY, np.uint64, UNKNOWN_UINT64),
        is_door_open=_scalars(records, DOOR, np.int8, CONTACT_UNKNOWN),
        is_contactor_closed=_scalars(records, CONTACTOR, np.int8, CONTACT_UNKNOWN),
        is_supply_present=_scalars(records, SUPPLY, np.int8, CONTACT_UNKNOWN),
        has_cabinet=_has_cabinet(runs),
    )
    return Block(batch, directory, lamp_name, circuit_name), n_bad


def _judged(numbers: npt.NDArray[np.int32], n_register: int) -> npt.NDArray[np.int32]:
    """The fleet's own numbers, -1 for strangers; no copy where there are none."""
    if not len(numbers) or int(numbers.max()) < n_register:
        return numbers
    return np.where(numbers < n_register, numbers, np.int32(-1))


def _interval(records: Sequence[Record]) -> npt.NDArray[np.uint32]:
    """The interval as told in the record, else the session's latest; what does not fit is not told."""
    told = [r.interval_s or r.session.interval_s for r in records]
    return np.array([value if value <= 0xFFFFFFFF else 0 for value in told], np.uint32)
