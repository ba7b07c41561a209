"""Counter readings and lit samples of a time from any telemetry store, for the energy roll-up.

Parquet's segments are read by column; any other store gives its readings in batches, of which only the counters and
the lamps' powers are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.energy.from_parquet import Counters, Samples, read_counters
from ingest.model.batch import UNKNOWN_UINT32, UNKNOWN_UINT64, Batch
from ingest.model.fleet import Fleet
from ingest.model.id_directory import Directory
from ingest.schema.city import City
from ingest.telemetry.damaged_files import DamagedFiles
from ingest.telemetry.opening import open_store

_PARQUET: Final = "parquet:"


def parquet_folder(city: City) -> Path | None:
    """Where the city's segments stand; None if its telemetry is kept elsewhere."""
    url = city.telemetry.url
    return city.folder / url.removeprefix(_PARQUET) if url.startswith(_PARQUET) else None


def counters_of(
    city: City,
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
        UnusableError: the store cannot be used, or its token is not to be had.
        RetryError: the store cannot be read now.
    """
    folder = parquet_folder(city)
    if folder is not None:
        margins = {"margin_us": margin_us, "lit_margin_us": lit_margin_us}
        return read_counters(folder, fleet, start_us, end_us, **margins, damaged=damaged)
    with closing(open_store(city, is_reader=True)) as store:
        batches = store.period(Directory(fleet), start_us - margin_us, end_us + margin_us)
        return gather(batches, fleet, start_us - lit_margin_us, end_us + lit_margin_us)


def gather(batches: Iterable[Batch], fleet: Fleet, lit_from_us: int, lit_until_us: int) -> Counters:
    """The counters of batches [Wh], and the lamps' powers [W] between two times [us]."""
    lamps, circuits, cabinets, power = _Gathered(), _Gathered(), _Gathered(), _Gathered()
    home = fleet.home_cabinet
    for batch in batches:
        lamp_at_us = np.repeat(batch.at_us, np.diff(batch.lamp_start))
        circuit_at_us = np.repeat(batch.at_us, np.diff(batch.circuit_start))
        is_ours = batch.controller < len(home)
        cabinet = np.where(is_ours, np.append(home, -1)[np.where(is_ours, batch.controller, -1)], -1)
        lamps.add(batch.lamp, lamp_at_us, batch.energy_wh, batch.energy_wh != UNKNOWN_UINT32)
        circuit_wh = batch.circuit_energy_wh
        circuits.add(batch.circuit, circuit_at_us, circuit_wh, circuit_wh != UNKNOWN_UINT32)
        cabinets.add(cabinet, batch.at_us, batch.cabinet_energy_wh, batch.cabinet_energy_wh != UNKNOWN_UINT64)
        is_near = (lamp_at_us >= lit_from_us) & (lamp_at_us < lit_until_us)
        power.add(batch.lamp, lamp_at_us, batch.power_w, is_near & ~np.isnan(batch.power_w))
    return Counters(lamps.samples(), circuits.samples(), cabinets.samples(), power.samples())


class _Gathered:
    """Samples, batch by batch."""

    def __init__(self) -> None:
        empty = np.empty(0, np.int64)
        self._parts = [(empty, empty, np.empty(0, np.float64))]

    def add(
        self, meter: npt.NDArray[Any], at_us: npt.NDArray[np.int64], value: npt.NDArray[Any], is_known: Any
    ) -> None:
        is_taken = is_known & (meter >= 0)
        self._parts.append((meter[is_taken].astype(np.int64), at_us[is_taken], value[is_taken].astype(np.float64)))

    def samples(self) -> Samples:
        meter, at_us, value = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        return Samples(meter, at_us, value)
