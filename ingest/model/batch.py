"""A micro-batch: decoded records as columns, between intake, detection and the telemetry stores.

Pure data; independent of MQTT, of files or of faults. Rows of all records stand one after another; ``lamp_start`` and
``circuit_start`` say where each record's rows begin. Among the live records of one batch a controller occurs at most
once, so that a batch is one sample for each of its lamps. What a record did not carry is filled with its unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ingest.schema.telemetry import CABINET_VALUES, CIRCUIT_VALUES, CONTACTS, LAMP_VALUES, PHASE_VALUES

CONTACT_UNKNOWN: Final = -1
UNKNOWN_UINT32: Final = 0xFFFFFFFF
UNKNOWN_UINT64: Final = 0xFFFFFFFFFFFFFFFF
LEVEL_UNKNOWN: Final = 255


# Columns that follow from the declared quantities: over lamps (N,), circuits (M,), and the cabinet's (R, 3) and (R,).
LAMP_NAMES: Final = tuple(column.name for column in LAMP_VALUES)
CIRCUIT_NAMES: Final = tuple(f"circuit_{column.name}" for column in CIRCUIT_VALUES)
CABINET_NAMES: Final = tuple(f"cabinet_{column.name}" for column in (*PHASE_VALUES, *CABINET_VALUES))
_NAMES: Final = (*LAMP_NAMES, *CIRCUIT_NAMES, *CABINET_NAMES, *CONTACTS)

if TYPE_CHECKING:

    class QuantityColumns:
        """One array for each declared quantity."""

        def __init__(self, **columns: npt.NDArray[Any]) -> None:
            """Take the arrays."""

        def __getattr__(self, name: str) -> npt.NDArray[Any]:
            """The array of a quantity."""
else:
    QuantityColumns = make_dataclass(
        "QuantityColumns", [(name, np.ndarray) for name in _NAMES], frozen=True, slots=True
    )


@dataclass(frozen=True, slots=True)
class Batch(QuantityColumns):
    """Records of one micro-batch; R records, N lamp rows, M circuit rows. Indices are those of the fleet.

    Beside the attributes below there is a column for each quantity that ``edge_agent.wire`` declares, of its datatype:
    of a lamp's (N,) under its column's name (``power_w``, ``energy_wh``, ``level``, …), of a circuit's (M,) and of the
    cabinet's (R, 3) or (R,) with ``circuit_`` or ``cabinet_`` before it (``circuit_power_w``), and of its contacts int8
    (R,), 0, 1 or -1 unknown (``is_door_open``). Unknown is NaN in floats, else what the quantity says; all ones in
    ``cabinet_energy_wh``.

    Attributes:
        controller: int32 (R,).
        at_us: int64 (R,) UTC microseconds, the sweep's end.
        is_historical: bool (R,).
        is_clock_synchronised: bool (R,).
        interval_s: uint32 (R,) the agent's present sweep interval, 0 = not reported.
        epoch: uint64 (R,).
        sequence: uint64 (R,).
        lamp_start: int64 (R + 1,).
        first_lamp: int32 (R,): a record's lamps are this one and those after it, in order; -1 = they are not.
        lamp: int32 (N,), -1 for an id that the register does not hold (kept in telemetry, judged nowhere).
        circuit_start: int64 (R + 1,).
        circuit: int32 (M,), -1 for one that the register does not hold.
        has_cabinet: bool (R,) the record carried any cabinet quantity.
    """

    controller: npt.NDArray[np.int32]
    at_us: npt.NDArray[np.int64]
    is_historical: npt.NDArray[np.bool_]
    is_clock_synchronised: npt.NDArray[np.bool_]
    interval_s: npt.NDArray[np.uint32]
    epoch: npt.NDArray[np.uint64]
    sequence: npt.NDArray[np.uint64]

    lamp_start: npt.NDArray[np.int64]
    first_lamp: npt.NDArray[np.int32]
    lamp: npt.NDArray[np.int32]

    circuit_start: npt.NDArray[np.int64]
    circuit: npt.NDArray[np.int32]

    has_cabinet: npt.NDArray[np.bool_]

    @property
    def n_records(self) -> int:
        """R."""
        return len(self.controller)

    @property
    def n_readings(self) -> int:
        """N, lamp readings."""
        return len(self.lamp)


def first_lamps(lamp: npt.NDArray[np.int32], lamp_start: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """The batch's ``first_lamp`` from its lamps; int32 (R,). A record without lamps has none."""
    n_lamps = np.diff(lamp_start)
    first = np.full(len(n_lamps), -1, np.int32)
    filled = np.flatnonzero(n_lamps > 0)
    if len(filled):
        first[filled] = lamp[lamp_start[filled]]
        is_next = lamp == np.repeat(first, n_lamps) + (np.arange(len(lamp)) - np.repeat(lamp_start[:-1], n_lamps))
        first[filled[~np.logical_and.reduceat(is_next, lamp_start[filled])]] = -1
    return first


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """A controller's session began (NBIRTH) or ended (NDEATH), at its payload's time; 0 = at "now"."""

    controller: int
    is_birth: bool
    at_us: int


def turns(controller: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """How many earlier rows each row's controller has; int64 (n,)."""
    order = np.argsort(controller, kind="stable")
    ordered = controller[order]
    is_first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    start = np.maximum.accumulate(np.where(is_first, np.arange(len(ordered)), 0))
    turn = np.empty(len(ordered), np.int64)
    turn[order] = np.arange(len(ordered)) - start
    return turn
