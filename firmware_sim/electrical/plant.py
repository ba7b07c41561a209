"""The plant: N lamps as frozen arrays, what hangs where on which cable, and what follows from that once.

Independent of time, faults or identifiers; :mod:`firmware_sim.electrical.layout` builds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from firmware_sim.electrical.arc import ArcFigures


#: Mean distance between poles where the register has none [m]; 25 to 50 m is usual.
DEFAULT_SPAN_M: Final = 35.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """N lamps on K circuits of C cabinets; lamp arrays are in the order the caller gave.

    Attributes:
        rated_power_w: float32 (n_lamps,), true system power at 100 % and 230 V [W].
        technology: int8 (n_lamps,), code of ``technology.NAMES``.
        cabinet: int32 (n_lamps,), index of the cabinet.
        circuit: int32 (n_lamps,), index of the circuit, global over the plant.
        position: int32 (n_lamps,), place along the cable as registered, 1 = first pole; -1 = unknown.
        rank: int32 (n_lamps,), true place along the cable from 1, also where the register does not know it.
        phase: int8 (n_lamps,), 0 R, 1 S, 2 T.
        is_dimmable: bool (n_lamps,).
        has_node: bool (n_lamps,), a lamp controller with relay and dimmer switches it.
        has_own_supply: bool (n_lamps,), its node answers even with a dead cable (V reads about 0).
        is_self_switched: bool (n_lamps,), obeys a level; otherwise it burns whenever its circuit is live.
        latitude: float64 (n_lamps,) [degrees].
        longitude: float64 (n_lamps,) [degrees].
        span_m: float32 (n_lamps,), cable from the previous pole (or the cabinet) [m].
        cable_ohm_per_m: float32 (n_lamps,), one conductor [ohm/m].
        start_current_a: float32 (n_lamps,), current from which the lamp's meter counts [A].
        circuit_cabinet: int32 (n_circuits,), cabinet of each circuit.
        is_contactor_switched: bool (n_cabinets,), the cabinet cuts its circuits by day.
        cabinet_longitude: float64 (n_cabinets,), mean of its lamps, for local time [degrees].
        order: int64 (n_lamps,) or None, lamps in order along the runs; None = they already stand so.
        run: int32 (n_lamps,), run (circuit and phase) of each lamp in the caller's order.
        run_first: int64 (n_runs,), first lamp of each run in run order.
        run_length: int64 (n_runs,).
        run_circuit: int32 (n_runs,).
        run_cabinet: int32 (n_runs,).
        run_phase: int8 (n_runs,).
        span_ohm: float32 (n_lamps,), loop resistance of the span before each lamp, in run order [ohm].
        curve_offset: int32 (n_lamps,), start of the lamp's row in the flattened curve tables.
        discharge: int64 (n_discharge,), lamps with an arc.
        reactor: int64 (n_reactor,), lamps on magnetic ballasts.
        without_node: int64 (n_without,), lamps that no node switches.
        tap_lamp: int64 (n_circuits,), place in run order of the lamp where a circuit is tapped: the middle of its
            first run; -1 = no lamps.
        lamp_at_tap: int64 (n_circuits,), the same as lamp index.
        tap_run: int64 (n_circuits,), first run of each circuit; -1 = no lamps.
        arc_figures: figures of the discharge lamps.
        rise_c_per_w: float32 (n_lamps,), gear temperature above air per watt [K/W].
        middle_longitude: mean of the cabinets' longitudes [degrees].
    """

    rated_power_w: NDArray[np.float32]
    technology: NDArray[np.int8]
    cabinet: NDArray[np.int32]
    circuit: NDArray[np.int32]
    position: NDArray[np.int32]
    rank: NDArray[np.int32]
    phase: NDArray[np.int8]
    is_dimmable: NDArray[np.bool_]
    has_node: NDArray[np.bool_]
    has_own_supply: NDArray[np.bool_]
    is_self_switched: NDArray[np.bool_]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    span_m: NDArray[np.float32]
    cable_ohm_per_m: NDArray[np.float32]
    start_current_a: NDArray[np.float32]
    circuit_cabinet: NDArray[np.int32]
    is_contactor_switched: NDArray[np.bool_]
    cabinet_longitude: NDArray[np.float64]
    order: NDArray[np.int64] | None
    run: NDArray[np.int32]
    run_first: NDArray[np.int64]
    run_length: NDArray[np.int64]
    run_circuit: NDArray[np.int32]
    run_cabinet: NDArray[np.int32]
    run_phase: NDArray[np.int8]
    span_ohm: NDArray[np.float32]
    curve_offset: NDArray[np.int32]
    discharge: NDArray[np.int64]
    reactor: NDArray[np.int64]
    without_node: NDArray[np.int64]
    tap_lamp: NDArray[np.int64]
    lamp_at_tap: NDArray[np.int64]
    tap_run: NDArray[np.int64]
    arc_figures: ArcFigures
    rise_c_per_w: NDArray[np.float32]
    middle_longitude: float

    @property
    def n_lamps(self) -> int:
        """Number of lamps."""
        return len(self.rated_power_w)

    @property
    def n_circuits(self) -> int:
        """Number of circuits."""
        return len(self.circuit_cabinet)

    @property
    def n_cabinets(self) -> int:
        """Number of cabinets."""
        return len(self.is_contactor_switched)
