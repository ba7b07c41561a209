"""Counter readings and lit samples of a time, read from the Parquet segments for the energy roll-up.

Reads four columns of many, and beside a running ingest: a segment that compaction replaces while it is read is listed
again. Ids become the fleet's numbers; readings of a lamp by a foreign controller are left out. Other stores give the
same through ``ingest.energy.from_batches``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.errors import RetryError
from ingest.model.fleet import Fleet
from ingest.schema.segments import table_files
from ingest.telemetry.damaged_files import DamagedFiles, read_file

_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Samples:
    """Values of some meters; N rows in any order.

    Attributes:
        meter: int64 (N,) the fleet's number of a lamp, circuit or cabinet.
        at_us: int64 (N,).
        value: float64 (N,) a counter [Wh] or a power [W].
    """

    meter: npt.NDArray[np.int64]
    at_us: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counters:
    """All that the roll-up of a time needs of the telemetry."""

    lamps: Samples
    circuits: Samples
    cabinets: Samples
    power: Samples  # of lamps: who was lit


def read_counters(
    folder: Path,
    fleet: Fleet,
    start_us: int,
    end_us: int,
    *,
    margin_us: int,
    lit_margin_us: int,
    damaged: DamagedFiles | None = None,
) -> Counters:
    """Read the counters of ``start_us`` to ``end_us`` and a margin on both sides, from which gaps are spread.

    A file that cannot be read is left out and listed in ``damaged``.

    Raises:
        RetryError: segments kept vanishing.
    """
    damaged = damaged or DamagedFiles()
    begin, end = start_us - margin_us, end_us + margin_us
    lamps = _read(folder, "lamps", ("lamp_id", "energy_wh"), begin, end, damaged)
    power = _read(folder, "lamps", ("lamp_id", "power_w"), start_us - lit_margin_us, end_us + lit_margin_us, damaged)
    circuits = _read(folder, "circuits", ("circuit", "energy_wh"), begin, end, damaged)
    cabinets = _read(folder, "cabinets", ("energy_wh",), begin, end, damaged)
    return Counters(
        _lamp_samples(lamps, fleet, "energy_wh"),
        _circuit_samples(circuits, fleet),
        _cabinet_samples(cabinets, fleet),
        _lamp_samples(power, fleet, "power_w"),
    )


def _read(
    folder: Path, name: str, columns: tuple[str, ...], start_us: int, end_us: int, damaged: DamagedFiles
) -> pa.Table:
    """Rows of a table in which the last of ``columns`` is known."""
    wanted = ["at_us", "controller_id", *columns]
    is_wanted = (pc.field("at_us") >= start_us) & (pc.field("at_us") < end_us) & pc.field(columns[-1]).is_valid()
    for _attempt in range(_ATTEMPTS):
        parts = []
        try:
            for path in table_files(folder, name, start_us, end_us):
                part = read_file(path, damaged, columns=wanted, filters=is_wanted)
                if part is not None and part.num_rows:
                    parts += _plain(part, path, damaged)
        except FileNotFoundError:
            continue  # compaction replaced a segment between listing and reading
        return pa.concat_tables(parts or [_empty(wanted)])
    raise RetryError(f"{folder}: its segments changed too fast to be read")


def _plain(part: pa.Table, path: Path, damaged: DamagedFiles) -> list[pa.Table]:
    types = {"at_us": pa.int64(), "energy_wh": pa.float64(), "power_w": pa.float64()}
    schema = pa.schema([pa.field(name, types.get(name, pa.string())) for name in part.schema.names])
    try:
        return [part.cast(schema, safe=False)]  # a counter beyond 2^53 Wh is absurd, and no reason to stop
    except pa.ArrowException as error:  # a column of another type
        damaged.add(path, error)
        return []


def _empty(columns: list[str]) -> pa.Table:
    texts = {"controller_id", "lamp_id", "circuit"}
    return pa.table({name: pa.array([], pa.string() if name in texts else pa.float64()) for name in columns})


def _numbers(table: pa.Table, column: str, known: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """The fleet's number of each id; -1 for one that it does not hold."""
    if not table.num_rows:
        return np.empty(0, np.int64)
    ids = table.column(column).combine_chunks().dictionary_encode()
    ids = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    numbers = np.array([known.get(name, -1) for name in ids.dictionary.to_pylist()], np.int64)
    found: npt.NDArray[np.int64] = numbers[ids.indices.to_numpy()]
    return found


def _samples(table: pa.Table, meter: npt.NDArray[np.int64], column: str) -> Samples:
    is_known = meter >= 0
    at_us = table.column("at_us").to_numpy().astype(np.int64)
    value = table.column(column).to_numpy().astype(np.float64)
    return Samples(meter[is_known], at_us[is_known], value[is_known])


def _lamp_samples(table: pa.Table, fleet: Fleet, column: str) -> Samples:
    lamp = _numbers(table, "lamp_id", fleet.lamp_index)
    controller = _numbers(table, "controller_id", fleet.controller_index)
    owner = np.append(fleet.lamp_controller.astype(np.int64), -2)[lamp]
    return _samples(table, np.where(owner == controller, lamp, -1), column)


def _circuit_samples(table: pa.Table, fleet: Fleet) -> Samples:
    controllers = table.column("controller_id").to_pylist()
    circuits = table.column("circuit").to_pylist()
    index = fleet.controller_circuit_index
    numbers = [index.get(key, -1) for key in zip(controllers, circuits, strict=True)]
    return _samples(table, np.array(numbers, np.int64), "energy_wh")


def _cabinet_samples(table: pa.Table, fleet: Fleet) -> Samples:
    controller = _numbers(table, "controller_id", fleet.controller_index)
    home = np.append(fleet.home_cabinet.astype(np.int64), -1)[controller]
    return _samples(table, home, "energy_wh")
