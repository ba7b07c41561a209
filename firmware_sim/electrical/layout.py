"""Building a plant from plain arrays, so that a generated town and an imported register are the same to the model.

Works out runs, true places along the cable, resistances and curve rows once; a step only looks them up.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_sim.electrical import technology as tech
from firmware_sim.electrical.arc import arc_figures
from firmware_sim.electrical.cable import size_cables
from firmware_sim.electrical.plant import DEFAULT_SPAN_M, Plant
from firmware_sim.errors import PlantError


def build_plant(
    *,
    rated_power_w: ArrayLike,
    technology: ArrayLike,
    cabinet: ArrayLike,
    circuit: ArrayLike,
    position: ArrayLike | None = None,
    phase: ArrayLike = 0,
    is_dimmable: ArrayLike = False,
    has_node: ArrayLike = True,
    has_own_supply: ArrayLike = False,
    latitude: ArrayLike = 0.0,
    longitude: ArrayLike = 106.8,
    span_m: ArrayLike = DEFAULT_SPAN_M,
    cable_ohm_per_m: ArrayLike | None = None,
    start_current_a: ArrayLike = 0.02,
    is_contactor_switched: ArrayLike = True,
    n_cabinets: int | None = None,
    n_circuits: int | None = None,
) -> Plant:
    """Build a plant from plain arrays of one value per lamp; scalars hold for all lamps.

    Args:
        rated_power_w: true full power [W], > 0.
        technology: codes of ``technology.NAMES``.
        cabinet: cabinet index from 0.
        circuit: circuit index from 0, global over the plant; a circuit belongs to one cabinet.
        position: place along the cable, 1 = first; -1 or None = unknown: they follow the known ones in row order.
        phase: 0..2.
        is_dimmable: the driver dims.
        has_node: a lamp controller switches it.
        has_own_supply: the node answers with a dead cable.
        latitude: degrees.
        longitude: degrees.
        span_m: cable from the previous pole [m].
        cable_ohm_per_m: one conductor [ohm/m]; None = each run gets the thinnest standard aluminium conductor
            that keeps its drop within 3.5 %.
        start_current_a: where the lamp's meter begins to count current [A].
        is_contactor_switched: per cabinet, or one for all.
        n_cabinets: if there are cabinets without lamps.
        n_circuits: if there are circuits without lamps.

    Raises:
        PlantError: arrays of different lengths, indices out of range, a circuit on two cabinets, power <= 0.
    """
    rated = np.atleast_1d(np.asarray(rated_power_w, dtype=np.float32))
    n_lamps = len(rated)
    if not n_lamps:
        raise PlantError("rated_power_w: a plant needs at least one lamp")

    def lamps(name: str, value: ArrayLike, dtype: type) -> NDArray[Any]:
        array: NDArray[Any] = np.asarray(value, dtype=dtype)
        if array.ndim == 0:
            array = np.full(n_lamps, array, dtype=dtype)
        if array.shape != (n_lamps,):
            raise PlantError(f"{name}: shape {array.shape}, expected ({n_lamps},)")
        return array

    columns = {
        "technology": lamps("technology", technology, np.int8),
        "cabinet": lamps("cabinet", cabinet, np.int32),
        "circuit": lamps("circuit", circuit, np.int32),
        "position": lamps("position", -1 if position is None else position, np.int32),
        "phase": lamps("phase", phase, np.int8),
        "is_dimmable": lamps("is_dimmable", is_dimmable, np.bool_),
        "has_node": lamps("has_node", has_node, np.bool_),
        "has_own_supply": lamps("has_own_supply", has_own_supply, np.bool_),
        "latitude": lamps("latitude", latitude, np.float64),
        "longitude": lamps("longitude", longitude, np.float64),
        "span_m": lamps("span_m", span_m, np.float32),
        "start_current_a": lamps("start_current_a", start_current_a, np.float32),
    }
    _check(rated, columns)
    cabinet_of, circuit_of = columns["cabinet"], columns["circuit"]
    n_cabinets = max(int(cabinet_of.max(initial=-1)) + 1, n_cabinets or 0)
    n_circuits = max(int(circuit_of.max(initial=-1)) + 1, n_circuits or 0)
    circuit_cabinet = np.zeros(n_circuits, dtype=np.int32)
    circuit_cabinet[circuit_of] = cabinet_of
    if not np.array_equal(circuit_cabinet[circuit_of], cabinet_of):
        first = int(np.flatnonzero(circuit_cabinet[circuit_of] != cabinet_of)[0])
        raise PlantError(f"circuit {int(circuit_of[first])} hangs on two cabinets")
    contactor = np.asarray(is_contactor_switched, dtype=np.bool_)
    if contactor.ndim == 0:
        contactor = np.full(n_cabinets, contactor)
    if contactor.shape != (n_cabinets,):
        raise PlantError(f"is_contactor_switched: shape {contactor.shape}, expected ({n_cabinets},)")
    derived = _derive(rated, columns, circuit_cabinet, cable_ohm_per_m, n_circuits)
    weight = np.bincount(cabinet_of, minlength=n_cabinets)
    east = np.bincount(cabinet_of, weights=columns["longitude"], minlength=n_cabinets)
    arrays: dict[str, NDArray[Any] | None] = {
        "rated_power_w": rated,
        **columns,
        **derived,
        "is_self_switched": columns["has_node"] | ~contactor[cabinet_of],
        "circuit_cabinet": circuit_cabinet,
        "is_contactor_switched": contactor,
        "cabinet_longitude": east / np.maximum(weight, 1),
    }
    for array in arrays.values():
        if array is not None:
            array.flags.writeable = False
    discharge = derived["discharge"]
    assert discharge is not None
    return Plant(
        **arrays,  # type: ignore[arg-type]  # one dict of arrays, each of the dtype that its name asks
        arc_figures=arc_figures(columns["technology"][discharge].astype(np.int8)),
        middle_longitude=float(np.mean(columns["longitude"])),
    )


def _check(rated: NDArray[np.float32], columns: dict[str, NDArray[Any]]) -> None:
    """Refuse values that would index outside a table or divide by zero."""
    bounds = {"technology": len(tech.TECHNOLOGIES), "phase": 3, "cabinet": 2**31, "circuit": 2**31}
    for name, limit in bounds.items():
        array = columns[name].astype(np.int64)
        bad = np.flatnonzero((array < 0) | (array >= limit))
        if len(bad):
            raise PlantError(f"{name}: lamp {int(bad[0])} has {int(array[bad[0]])}, outside 0..{limit - 1}")
    bad = np.flatnonzero(~(rated > 0.0))
    if len(bad):
        raise PlantError(f"rated_power_w: lamp {int(bad[0])} has {float(rated[bad[0]])}, must be above 0")


def _derive(
    rated: NDArray[np.float32],
    columns: dict[str, NDArray[Any]],
    circuit_cabinet: NDArray[np.int32],
    cable_ohm_per_m: ArrayLike | None,
    n_circuits: int,
) -> dict[str, NDArray[Any] | None]:
    """Work out runs, ranks, resistances and curve rows once, so that a step only looks them up."""
    n_lamps = len(rated)
    circuit = columns["circuit"].astype(np.int64)
    phase = columns["phase"].astype(np.int64)
    position = columns["position"].astype(np.int64)
    along = np.lexsort((np.where(position < 0, 2**31, position), circuit))
    rank = _ranks(circuit, position, along)
    distance = _distances(circuit, rank, columns["span_m"].astype(np.float64), along)
    order = np.lexsort((rank, phase, circuit))
    key = circuit[order] * 3 + phase[order]
    is_first = np.ones(n_lamps, dtype=np.bool_)
    is_first[1:] = key[1:] != key[:-1]
    run_first = np.flatnonzero(is_first)
    run_length = np.diff(np.append(run_first, n_lamps))
    run_of = np.cumsum(is_first) - 1
    run = np.empty(n_lamps, dtype=np.int32)
    run[order] = run_of
    run_circuit = (key[run_first] // 3).astype(np.int32)
    # several phases on one cable: the neutral carries little, so a span's resistance counts once
    n_phases = np.bincount(run_circuit, minlength=n_circuits)
    factor = np.where(n_phases[circuit[order]] > 1, 1.0, 2.0)
    step_m = distance[order].copy()
    step_m[1:] -= np.where(is_first[1:], 0.0, distance[order][:-1])
    if cable_ohm_per_m is None:
        ohm_per_m = size_cables(rated[order].astype(np.float64), step_m, factor, run_first, run_length)
    else:
        given = np.asarray(cable_ohm_per_m, dtype=np.float32)
        ohm_per_m = np.broadcast_to(given, (n_lamps,))[order]
    per_lamp_ohm = np.empty(n_lamps, dtype=np.float32)
    per_lamp_ohm[order] = ohm_per_m
    code = columns["technology"].astype(np.int64)
    tap_run = np.full(n_circuits, -1, dtype=np.int64)
    tap_run[run_circuit[::-1]] = np.arange(len(run_first))[::-1]
    tap_lamp = np.where(tap_run >= 0, (run_first + run_length // 2)[tap_run], -1)
    is_discharge = np.array([technology.is_discharge for technology in tech.TECHNOLOGIES])
    is_reactor = np.array([technology.is_reactor for technology in tech.TECHNOLOGIES])
    return {
        "rank": rank.astype(np.int32),
        "cable_ohm_per_m": per_lamp_ohm,
        "order": None if np.array_equal(order, np.arange(n_lamps)) else order,
        "run": run,
        "run_first": run_first,
        "run_length": run_length,
        "run_circuit": run_circuit,
        "run_cabinet": circuit_cabinet[run_circuit],
        "run_phase": (key[run_first] % 3).astype(np.int8),
        "span_ohm": (step_m * factor * ohm_per_m).astype(np.float32),
        "curve_offset": ((2 * code + columns["is_dimmable"].astype(np.int64)) * tech.N_LEVELS).astype(np.int32),
        "discharge": np.flatnonzero(is_discharge[code]),
        "reactor": np.flatnonzero(is_reactor[code]),
        "without_node": np.flatnonzero(~columns["has_node"]),
        "tap_lamp": tap_lamp,
        "lamp_at_tap": np.where(tap_run >= 0, order[tap_lamp], -1),
        "tap_run": tap_run,
        "rise_c_per_w": tech.column("temperature_rise_c")[code] / rated,
    }


def _ranks(circuit: NDArray[np.int64], position: NDArray[np.int64], along: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the true place along the cable: the registered one, unknown ones behind the last known pole."""
    rank = position.copy()
    unknown = along[position[along] < 0]
    if len(unknown):
        n_circuits = int(circuit.max()) + 1
        last = np.zeros(n_circuits, dtype=np.int64)
        np.maximum.at(last, circuit, np.maximum(position, 0))
        group = circuit[unknown]
        start = np.searchsorted(group, group, side="left")
        rank[unknown] = last[group] + 1 + np.arange(len(unknown)) - start
    return rank


def _distances(
    circuit: NDArray[np.int64],
    rank: NDArray[np.int64],
    span_m: NDArray[np.float64],
    along: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the cable from cabinet to lamp [m]; lamps of one pole (same rank) share its span."""
    c, r = circuit[along], rank[along]
    is_new_pole = np.ones(len(c), dtype=np.bool_)
    is_new_pole[1:] = (c[1:] != c[:-1]) | (r[1:] != r[:-1])
    run_up = np.cumsum(np.where(is_new_pole, span_m[along], 0.0))
    first = np.searchsorted(c, c, side="left")
    distance = np.empty(len(c))
    distance[along] = run_up - (run_up[first] - span_m[along][first])
    return distance
