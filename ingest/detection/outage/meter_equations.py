"""The meters that see some lamps of a controller: circuits, phases, the cabinet; and which of them sees them best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.balance import PHASES, Balance
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Equation:
    """Some meters of one controller that tell a sum together.

    Attributes:
        key: int64 (k,) meters; power_w float64 (k,) what they show.
        is_behind: bool (lamps of the controller,).
    """

    key: Int64
    power_w: Float64
    is_behind: Bool


class MeterEquations:
    """The meters above a fleet's lamps."""

    def __init__(self, fleet: Fleet, balance: Balance, no_voltage: float) -> None:
        """``no_voltage``: below it [V] a circuit is dead."""
        self._fleet, self._balance, self._no_voltage = fleet, balance, no_voltage

    def of(self, sweep: Sweep, record: int, controller: int, own: Int64) -> dict[str, list[Equation]]:
        """The meters that a record tells of: ``circuit``, ``phase`` and ``cabinet``."""
        fleet, batch = self._fleet, sweep.batch
        rows = slice(int(batch.circuit_start[record]), int(batch.circuit_start[record + 1]))
        found: dict[str, list[Equation]] = {"circuit": [], "phase": [], "cabinet": []}
        for q, power in zip(batch.circuit[rows].tolist(), batch.circuit_power_w[rows].tolist(), strict=True):
            if q >= 0 and np.isfinite(power):
                found["circuit"].append(Equation(np.array([q]), np.array([power]), fleet.lamp_circuit[own] == q))
        phases = batch.cabinet_power_w[record].astype(np.float64)
        is_home = fleet.lamp_cabinet[own] == fleet.home_cabinet[controller]
        if np.isfinite(phases).any():
            key = np.array([fleet.n_circuits + controller])
            found["cabinet"].append(Equation(key, np.array([np.nansum(phases)]), is_home))
        if self._balance.has_phases[controller]:
            for p in np.flatnonzero(np.isfinite(phases)).tolist():
                key = np.array([self._balance.first_phase + PHASES * controller + p])
                found["phase"].append(Equation(key, phases[p : p + 1], is_home & (fleet.phase[own] == p)))
        return found

    def dead_circuits(self, sweep: Sweep, record: int) -> dict[int, float]:
        """Circuits whose own meter answers and sees no voltage, and the power that it shows [W]."""
        batch = sweep.batch
        rows = slice(int(batch.circuit_start[record]), int(batch.circuit_start[record + 1]))
        is_dead = batch.circuit_voltage_v[rows] < self._no_voltage
        return dict(
            zip(batch.circuit[rows][is_dead].tolist(), batch.circuit_power_w[rows][is_dead].tolist(), strict=True)
        )

    def best(self, equations: dict[str, list[Equation]], members: Int64) -> Equation | None:
        """The meters that see all of some lamps with the least uncertainty; None where there are none."""
        found = [one for kind in ("phase", "cabinet") for one in equations[kind] if one.is_behind[members].all()]
        parts = [one for one in equations["circuit"] if one.is_behind[members].any()]
        if parts and np.logical_or.reduce([one.is_behind[members] for one in parts]).all():
            key, power = np.concatenate([one.key for one in parts]), np.concatenate([one.power_w for one in parts])
            found.append(Equation(key, power, np.logical_or.reduce([one.is_behind for one in parts])))
        if not found:
            return None
        return min(found, key=lambda one: self._balance.meters.sigma_w(one.key, one.power_w, 1))
