"""What is under maintenance: nothing new opens from it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
# (cabinet_id, circuit, lamp_id, from_us, until_us); None = any
MaintenanceWindow = tuple[str | None, str | None, str | None, int, int]


class Maintenance:
    """The windows in force; each expires by itself."""

    def __init__(self, windows: Iterable[MaintenanceWindow] = ()) -> None:
        """Start with nothing known."""
        self._windows = tuple(windows)

    def is_muted(self, fleet: Fleet, lamp: Int64, now_us: int) -> Bool:
        """Lamps that are being worked on now; bool (n,)."""
        muted = np.zeros(len(lamp), np.bool_)
        for cabinet_id, circuit, lamp_id, from_us, until_us in self._windows:
            if not from_us <= now_us < until_us:
                continue
            if lamp_id is not None:
                muted |= lamp == fleet.lamp_index.get(lamp_id, -1)
            elif circuit is not None and cabinet_id is not None:
                muted |= fleet.lamp_circuit[lamp] == fleet.circuit_index.get((cabinet_id, circuit), -2)
            elif cabinet_id is not None:
                muted |= fleet.lamp_cabinet[lamp] == fleet.cabinet_index.get(cabinet_id, -2)
            else:
                muted[:] = True
        return muted

    def cabinets(self, fleet: Fleet, cabinet: Int64, now_us: int) -> Bool:
        """Cabinets that are being worked on as a whole now; bool (n,)."""
        muted = np.zeros(len(cabinet), np.bool_)
        for cabinet_id, circuit, lamp_id, from_us, until_us in self._windows:
            if circuit is not None or lamp_id is not None or not from_us <= now_us < until_us:
                continue
            muted |= True if cabinet_id is None else cabinet == fleet.cabinet_index.get(cabinet_id, -2)
        return muted

    def circuits(self, fleet: Fleet, circuit: Int64, now_us: int) -> Bool:
        """Circuits that are being worked on now, alone or with their cabinet; bool (n,)."""
        muted = self.cabinets(fleet, fleet.circuit_cabinet[circuit].astype(np.int64), now_us)
        for cabinet_id, name, lamp_id, from_us, until_us in self._windows:
            if cabinet_id is not None and name is not None and lamp_id is None and from_us <= now_us < until_us:
                muted |= circuit == fleet.circuit_index.get((cabinet_id, name), -2)
        return muted
