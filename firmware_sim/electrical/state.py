"""The plant's state between steps: arcs, heat, counters, and each meter's own error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical.arc import restrike_wait
from firmware_sim.electrical.feeder import Feeder, ambient, draw_feeder
from firmware_sim.electrical.metering import Calibration, draw_calibration

if TYPE_CHECKING:
    from firmware_sim.electrical.plant import Plant

#: A cabinet's own electronics [W].
CONTROLLER_W = 6.0


@dataclass(slots=True, kw_only=True)
class Frozen:
    """What a stuck meter keeps showing; arrays of the last sample, (n_lamps,) each, NaN before the first."""

    voltage_v: NDArray[np.float32]
    current_a: NDArray[np.float32]
    power_w: NDArray[np.float32]
    power_factor: NDArray[np.float32]
    energy_wh: NDArray[np.uint32]


@dataclass(slots=True, kw_only=True)
class State:
    """Mutable memory of a running plant.

    Attributes:
        at_us: time of the last step; None before the first.
        feeder: character of the supply.
        calibration: each meter's fixed error.
        trait: float32 (n_lamps,), uniform 0..1, in what a lamp differs from its sisters.
        drop_v: float32 (n_lamps,), cable drop at the last step [V].
        is_live: bool (n_lamps,), had supply.
        is_driven: bool (n_lamps,), was switched on and able to burn.
        is_lit: bool (n_lamps,), gave light.
        driven_since_us: int64 (n_lamps,).
        n_cycles: int32 (n_lamps,), cycles of a cycling lamp since ``driven_since_us``.
        arc_s: float32 (n_lamps,), age of the arc [s].
        wait_s: float32 (n_lamps,), until a hot lamp can ignite [s].
        temperature_c: float32 (n_lamps,) [C].
        heat: uint8 (n_lamps,), 0 normal, 1 derated, 2 shut down.
        is_restarted: bool (n_lamps,), the node restarted since it was last read.
        energy_wh: float64 (n_lamps,), by the lamp's meter.
        burning_s: float64 (n_lamps,).
        switch_count: uint32 (n_lamps,).
        circuit_energy_wh: float64 (n_circuits,).
        cabinet_energy_wh: float64 (n_cabinets,).
        frozen: last metered values.
    """

    at_us: int | None
    feeder: Feeder
    calibration: Calibration
    trait: NDArray[np.float32]
    drop_v: NDArray[np.float32]
    is_live: NDArray[np.bool_]
    is_driven: NDArray[np.bool_]
    is_lit: NDArray[np.bool_]
    driven_since_us: NDArray[np.int64]
    n_cycles: NDArray[np.int32]
    arc_s: NDArray[np.float32]
    wait_s: NDArray[np.float32]
    temperature_c: NDArray[np.float32]
    heat: NDArray[np.uint8]
    is_restarted: NDArray[np.bool_]
    energy_wh: NDArray[np.float64]
    burning_s: NDArray[np.float64]
    switch_count: NDArray[np.uint32]
    circuit_energy_wh: NDArray[np.float64]
    cabinet_energy_wh: NDArray[np.float64]
    frozen: Frozen | None = field(default=None)


def initial_state(plant: Plant, rng: np.random.Generator, *, at_us: int = 0, is_new: bool = False) -> State:
    """Return the memory of a plant that is dark and cold.

    Args:
        plant: the lamps.
        rng: draws supplies, meter errors and, unless the plant is new, years of counters.
        at_us: only for the temperature of the air.
        is_new: all counters at zero.
    """
    n_lamps = plant.n_lamps
    hours = np.zeros(n_lamps) if is_new else rng.uniform(200.0, 16_000.0, n_lamps)
    air = ambient(at_us, plant.middle_longitude)
    circuit_wh = np.bincount(plant.circuit, weights=hours * plant.rated_power_w, minlength=plant.n_circuits).astype(
        np.float64
    )
    cabinet_wh = np.bincount(plant.cabinet, weights=hours * plant.rated_power_w, minlength=plant.n_cabinets).astype(
        np.float64
    )
    return State(
        at_us=None,
        feeder=draw_feeder(plant.n_cabinets, rng),
        calibration=draw_calibration(n_lamps, rng),
        trait=rng.random(n_lamps, dtype=np.float32),
        drop_v=np.zeros(n_lamps, np.float32),
        is_live=np.zeros(n_lamps, np.bool_),
        is_driven=np.zeros(n_lamps, np.bool_),
        is_lit=np.zeros(n_lamps, np.bool_),
        driven_since_us=np.zeros(n_lamps, np.int64),
        n_cycles=np.zeros(n_lamps, np.int32),
        arc_s=np.zeros(n_lamps, np.float32),
        wait_s=np.zeros(n_lamps, np.float32),
        temperature_c=np.full(n_lamps, air, np.float32),
        heat=np.zeros(n_lamps, np.uint8),
        is_restarted=np.zeros(n_lamps, np.bool_),
        energy_wh=np.floor(hours * plant.rated_power_w),
        burning_s=hours * 3600.0,
        switch_count=np.floor(hours / 11.8).astype(np.uint32),
        circuit_energy_wh=circuit_wh,
        cabinet_energy_wh=cabinet_wh,
    )


def interrupt_supply(plant: Plant, state: State, is_hit: NDArray[np.bool_]) -> None:
    """Play a dip too short for any sweep to see: arcs go out hot and the nodes restart.

    Args:
        plant: the lamps.
        state: changed in place.
        is_hit: bool (n_lamps,), lamps that saw the dip.
    """
    rows = np.flatnonzero(is_hit[plant.discharge] & state.is_lit[plant.discharge])
    lamps = plant.discharge[rows]
    state.wait_s[lamps] = restrike_wait(plant.arc_figures, rows, state.arc_s[lamps], state.trait[lamps])
    state.arc_s[lamps] = 0.0
    state.is_lit[lamps] = False
    state.is_restarted |= is_hit & state.is_live
