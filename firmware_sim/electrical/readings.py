"""The lamps' own meters: who answers, what it shows, and how a broken one lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical.condition import Impossible, LampFault
from firmware_sim.electrical.metering import Quantities, show
from firmware_sim.electrical.state import Frozen

if TYPE_CHECKING:
    from firmware_sim.electrical.condition import Condition
    from firmware_sim.electrical.plant import Plant
    from firmware_sim.electrical.state import State
    from firmware_sim.electrical.supply import Supply

#: The meter's energy register rolls over at 9999.99 kWh.
ENERGY_ROLLOVER_WH: Final = 10_000_000
UNKNOWN_COUNT: Final = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the lamps' meters answer; fields as in ``Sample``."""

    voltage_v: NDArray[np.float32]
    current_a: NDArray[np.float32]
    power_w: NDArray[np.float32]
    power_factor: NDArray[np.float32]
    energy_wh: NDArray[np.uint32]
    temperature_c: NDArray[np.float32]
    burning_hours: NDArray[np.uint32]
    switch_count: NDArray[np.uint32]
    is_silent: NDArray[np.bool_]


def read_meters(
    plant: Plant,
    condition: Condition,
    state: State,
    *,
    faulty: NDArray[np.int64],
    true: Quantities,
    supply: Supply,
    rng: np.random.Generator,
) -> Readings:
    """Return what the lamps' meters answer to true values; ``state.frozen`` is kept.

    Args:
        plant: the lamps.
        condition: causes.
        state: calibration, counters and what a stuck meter shows.
        faulty: lamps with any cause.
        true: what there is to measure.
        supply: who has supply.
        rng: draws the noise.
    """
    shown = show(true, plant.start_current_a, state.calibration, rng)
    energy_wh = (state.energy_wh % ENERGY_ROLLOVER_WH).astype(np.uint32)
    temperature_c = np.rint(state.temperature_c * np.float32(10.0))
    temperature_c /= np.float32(10.0)
    hours = (state.burning_s * (1.0 / 3600.0)).astype(np.uint32)
    switches = state.switch_count.copy()
    flags = condition.flags[faulty]
    _lie(condition, faulty[(flags & np.uint32(LampFault.METER_IMPOSSIBLE)) != 0], shown)
    frozen = Frozen(
        voltage_v=shown.voltage_v,
        current_a=shown.current_a,
        power_w=shown.power_w,
        power_factor=shown.power_factor,
        energy_wh=energy_wh,
    )
    stuck = faulty[(flags & np.uint32(LampFault.METER_FROZEN)) != 0]
    if len(stuck) and state.frozen is not None:
        _repeat(state.frozen, frozen, stuck)
    state.frozen = frozen
    is_silent = ~(supply.is_live | plant.has_own_supply)
    is_silent[faulty[(flags & np.uint32(LampFault.METER_SILENT)) != 0]] = True
    quiet = np.flatnonzero(is_silent)
    voltage, current, power, factor = shown.voltage_v, shown.current_a, shown.power_w, shown.power_factor
    if len(quiet):
        # the frozen copy must keep its values, so the answer becomes arrays of its own
        voltage, current, power, factor = (a.copy() for a in (voltage, current, power, factor))
        energy_wh = energy_wh.copy()
        for array in (voltage, current, power, factor, temperature_c):
            array[quiet] = np.nan
        for counter in (energy_wh, hours, switches):
            counter[quiet] = UNKNOWN_COUNT
    return Readings(
        voltage_v=voltage,
        current_a=current,
        power_w=power,
        power_factor=factor,
        energy_wh=energy_wh,
        temperature_c=temperature_c,
        burning_hours=hours,
        switch_count=switches,
        is_silent=is_silent,
    )


def _lie(condition: Condition, lamps: NDArray[np.int64], shown: Quantities) -> None:
    """Make some meters show in place what no lamp can have."""
    if not len(lamps):
        return
    kind = condition.impossible_kind[lamps]
    power = lamps[kind == Impossible.POWER]
    shown.power_w[power] = np.rint(shown.voltage_v[power] * (shown.current_a[power] + 0.05) * 20.0) / 10.0 + 5.0
    shown.power_factor[lamps[kind == Impossible.POWER_FACTOR]] = 2.55
    shown.voltage_v[lamps[kind == Impossible.VOLTAGE]] = 655.3


def _repeat(last: Frozen, shown: Frozen, lamps: NDArray[np.int64]) -> None:
    """Copy the last values of stuck meters into what they show now.

    A meter sticks at its first reading of a lit lamp: what it held without supply, it does not keep.
    """
    lamps = lamps[(last.voltage_v[lamps] > 50.0) & (last.power_w[lamps] > 1.0)]
    for name in ("voltage_v", "current_a", "power_w", "power_factor", "energy_wh"):
        getattr(shown, name)[lamps] = getattr(last, name)[lamps]
