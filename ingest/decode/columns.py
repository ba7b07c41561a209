"""Records of one tick to columns, every column joined at once over all of them.

Pure. Nothing here loops over lamps in Python: an array of a sweep stays bytes until all of them are joined and read as
one numpy column, and rows of aligned payloads are copied in one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.decode.birth import (
    CABINET_ENERGY,
    CONTACTOR,
    DOOR,
    FIRST_CABINET,
    FIRST_CIRCUIT,
    LAMP_ARRAYS,
    LAMP_KINDS,
    N_ARRAYS,
    SCALARS,
    SUPPLY,
)
from ingest.decode.column_join import WORTH_A_COPY, Joining, n_groups
from ingest.decode.record import DecodedRecord
from ingest.model.batch import CABINET_NAMES, CIRCUIT_NAMES, CONTACT_UNKNOWN, UNKNOWN_UINT64, Batch
from ingest.model.block import Block
from ingest.model.good_values import with_good_values
from ingest.model.id_directory import Directory
from ingest.schema.telemetry import CIRCUIT_VALUES, CONTACTS, Column

_PHASES: Final = 3
_CABINET_ENERGY: Final = CABINET_NAMES[-1]
_CONTACT_SLOTS: Final = tuple(zip(CONTACTS, (DOOR, CONTACTOR, SUPPLY), strict=True))
_LAMP_NAMES: Final = tuple(column.name for column in LAMP_ARRAYS)


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


def build_tick(
    rounds: Sequence[Sequence[DecodedRecord]], unjudged: Sequence[DecodedRecord], directory: Directory
) -> Tick:
    """Join records into columns: the rounds first, each one batch, then those that no one judges."""
    # What is alike together; or where cabinets are of many sizes, as the register has them, which is easier to judge.
    is_varied = len(rounds) * WORTH_A_COPY * n_groups([r for batch in rounds for r in batch]) > sum(map(len, rounds))
    key = _number if is_varied else attrgetter("order")
    in_order = [sorted(batch, key=key) for batch in rounds]
    records = [record for batch in in_order for record in batch]
    spans, first = [], 0
    for batch in in_order:
        spans.append((first, first + len(batch)))
        first += len(batch)
    records += unjudged
    block, n_bad = _block(records, directory)
    return Tick(block, tuple(spans), n_bad)


def _number(record: DecodedRecord) -> int:
    return record.session.controller


def _scalars(records: Sequence[DecodedRecord], slot: int, dtype: type[np.generic], missing: int) -> npt.NDArray[Any]:
    """A scalar quantity: (R,)."""
    place = SCALARS.index(slot)
    return np.array([missing if (value := r.scalars[place]) is None else value for r in records], dtype)


def _has_cabinet(record: DecodedRecord) -> bool:
    """Whether a record contains any value of its cabinet."""
    if record.aligned is not None:
        return record.aligned.payload_layout.has_cabinet
    return any(record.values[slot] is not None for slot in (*range(FIRST_CABINET, N_ARRAYS), *SCALARS))


def _starts(counts: list[int]) -> npt.NDArray[np.int64]:
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def _block(records: Sequence[DecodedRecord], directory: Directory) -> tuple[Block, int]:
    sessions = [record.session for record in records]
    lamp_start = _starts([len(session.lamp_ids) for session in sessions])
    circuit_start = _starts([len(session.circuit_ids) for session in sessions])
    joining = Joining(records)
    of_lamps = [column for columns in joining.arrays(lamp_start, LAMP_KINDS) for column in columns]
    lamp_columns = _typed(LAMP_ARRAYS, of_lamps)
    (of_circuits,) = joining.arrays(circuit_start, {FIRST_CIRCUIT: "<u4"})
    circuit_columns = _typed(CIRCUIT_VALUES, of_circuits)
    (of_cabinets,) = joining.arrays(_PHASES * np.arange(len(records) + 1), {FIRST_CABINET: "<f4"})
    cabinet_columns = [column.reshape(-1, _PHASES) for column in of_cabinets]
    columns_of: dict[str, Any] = {
        _CABINET_ENERGY: _scalars(records, CABINET_ENERGY, np.uint64, UNKNOWN_UINT64),
        **{name: _scalars(records, slot, np.int8, CONTACT_UNKNOWN) for name, slot in _CONTACT_SLOTS},
    }
    n_bad = 0
    names = (_LAMP_NAMES, CIRCUIT_NAMES, CABINET_NAMES)
    for names_of, columns in zip(names, (lamp_columns, circuit_columns, cabinet_columns), strict=True):
        for name, column in zip(names_of, columns, strict=False):  # the cabinet's energy is no array
            if column.dtype.kind == "f" and np.isinf(column).any():
                n_bad += int(np.isinf(column).sum())
                column = np.where(np.isinf(column), column.dtype.type(np.nan), column)  # noqa: PLW2901
            columns_of[name] = column
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
        circuit_start=circuit_start,
        circuit=_judged(circuit_name, directory.n_register_circuits),
        has_cabinet=np.array([_has_cabinet(record) for record in records], np.bool_),
        **columns_of,
    )
    return Block(with_good_values(batch), directory, lamp_name, circuit_name), n_bad


def _typed(columns: Sequence[Column], items: Iterable[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Columns that were moved as plain words, as what they are; no copy."""
    return [values.view(column.dtype) for column, values in zip(columns, items, strict=True)]


def _judged(numbers: npt.NDArray[np.int32], n_register: int) -> npt.NDArray[np.int32]:
    """The fleet's own numbers, -1 for strangers; no copy where there are none."""
    if not len(numbers) or int(numbers.max()) < n_register:
        return numbers
    return np.where(numbers < n_register, numbers, np.int32(-1))


def _interval(records: Sequence[DecodedRecord]) -> npt.NDArray[np.uint32]:
    """The interval in the record, else the session's latest; unknown if it does not fit."""
    reported = [r.interval_s or r.session.interval_s for r in records]
    return np.array([value if value <= 0xFFFFFFFF else 0 for value in reported], np.uint32)
