"""What circuit and cabinet meters see: every lamp, the losses in the cable, the meters' own use, any illegal tap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical.state import CONTROLLER_W

if TYPE_CHECKING:
    from firmware_sim.electrical.condition import Condition
    from firmware_sim.electrical.plant import Plant
    from firmware_sim.electrical.state import State
    from firmware_sim.electrical.supply import Supply

_Float = TypeVar("_Float", bound=np.floating[Any])

#: What one lamp's meter or node itself draws, ahead of its own measurement [W].
LAMP_METER_W: Final = 0.15
#: Accuracy of circuit and cabinet meters: class 1 on energy (IEC 62053-21), here on each reading.
SUM_METER_NOISE: Final = 0.003


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Metered sums: circuits float32 (n_circuits,), cabinets float32 (n_cabinets, 3), NaN where silent."""

    circuit_v: NDArray[np.float32]
    circuit_a: NDArray[np.float32]
    circuit_w: NDArray[np.float32]
    is_circuit_silent: NDArray[np.bool_]
    cabinet_v: NDArray[np.float32]
    cabinet_a: NDArray[np.float32]
    cabinet_w: NDArray[np.float32]
    is_cabinet_silent: NDArray[np.bool_]


def in_run_order(plant: Plant, values: NDArray[_Float]) -> NDArray[_Float]:
    """Return lamp values, (n_lamps,), in order along the runs."""
    return values if plant.order is None else values[plant.order]


def total(
    plant: Plant,
    condition: Condition,
    state: State,
    supply: Supply,
    *,
    dt_s: float,
    voltage_v: NDArray[np.float32],
    power_w: NDArray[np.float32],
    apparent_va: NDArray[np.float32],
    rng: np.random.Generator,
) -> Totals:
    """Return what the sum meters show, and count their energy in ``state``.

    A lamp that draws P at voltage V takes ``P * V_head / V`` out of the head of its cable: the difference is the
    heat in the cable.

    Args:
        plant: the lamps.
        condition: causes: taps and silent meters.
        state: changed in place: energies.
        supply: voltages.
        dt_s: since the last step [s].
        voltage_v: true, at the lamps, float32 (n_lamps,) [V].
        power_w: true, float32 (n_lamps,) [W].
        apparent_va: true, float32 (n_lamps,) [VA].
        rng: draws the meters' noise.
    """
    head = power_w * (supply.head_v / np.maximum(voltage_v, np.float32(1.0)))
    reactive = np.sqrt(np.maximum(apparent_va * apparent_va - power_w * power_w, np.float32(0.0)))
    run_w: NDArray[np.float64] = np.add.reduceat(in_run_order(plant, head), plant.run_first).astype(np.float64)
    run_var: NDArray[np.float64] = np.add.reduceat(in_run_order(plant, reactive), plant.run_first).astype(np.float64)
    run_w += LAMP_METER_W * plant.run_length * (supply.run_v > 0.0)
    tapped = np.flatnonzero(condition.tap_w > 0.0)
    for circuit in tapped[plant.tap_run[tapped] >= 0]:  # taps are a handful in a city
        lamp = plant.lamp_at_tap[circuit]
        if supply.is_live[lamp]:
            ratio = supply.head_v[lamp] / voltage_v[lamp]
            run_w[plant.tap_run[circuit]] += condition.tap_w[circuit] * ratio
    circuit_w = _sum_by(plant.run_circuit, run_w, plant.n_circuits)
    circuit_var = _sum_by(plant.run_circuit, run_var, plant.n_circuits)
    place = plant.run_cabinet.astype(np.int64) * 3 + plant.run_phase
    cabinet_w = _sum_by(place, run_w, 3 * plant.n_cabinets).reshape(-1, 3)
    cabinet_var = _sum_by(place, run_var, 3 * plant.n_cabinets).reshape(-1, 3)
    is_phase_live = supply.phase_v > 0.0
    cabinet_w[:, 0] += (condition.cabinet_tap_w + CONTROLLER_W) * is_phase_live[:, 0]
    state.circuit_energy_wh += circuit_w * (dt_s / 3600.0)
    state.cabinet_energy_wh += cabinet_w.sum(axis=1) * (dt_s / 3600.0)
    is_circuit_silent = (supply.meter_v <= 0.0) | condition.is_circuit_meter_silent
    is_cabinet_silent = ~supply.is_present | condition.is_cabinet_meter_silent
    circuit_v, circuit_a, circuit_w32 = _show(supply.meter_v, circuit_w, circuit_var, is_circuit_silent, rng)
    cabinet_v, cabinet_a, cabinet_w32 = _show(
        supply.phase_v, cabinet_w, cabinet_var, np.repeat(is_cabinet_silent[:, None], 3, axis=1), rng
    )
    return Totals(
        circuit_v=circuit_v,
        circuit_a=circuit_a,
        circuit_w=circuit_w32,
        is_circuit_silent=is_circuit_silent,
        cabinet_v=cabinet_v,
        cabinet_a=cabinet_a,
        cabinet_w=cabinet_w32,
        is_cabinet_silent=is_cabinet_silent,
    )


def _sum_by(group: NDArray[np.integer[Any]], values: NDArray[np.float64], n_groups: int) -> NDArray[np.float64]:
    """Return the sum of the values of each group, (n_groups,)."""
    return np.bincount(group, weights=values, minlength=n_groups).astype(np.float64)


def _show(
    volts: NDArray[np.float32],
    watts: NDArray[np.float64],
    reactive: NDArray[np.float64],
    is_silent: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return voltage, current and power as a sum meter shows them, float32, NaN where it is silent."""
    amps = np.hypot(watts, reactive) / np.maximum(volts, 1.0)
    shown = []
    for value in (volts, amps, watts):
        noisy = value * (1.0 + rng.uniform(-SUM_METER_NOISE, SUM_METER_NOISE, value.shape))
        shown.append(np.where(is_silent, np.nan, noisy).astype(np.float32))
    return shown[0], shown[1], shown[2]
