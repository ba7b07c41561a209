"""One step of the electrical model: commands and causes in, truth and meter readings out.

The order is that of the physics: supply, drive, arcs, load, cable drop, heat, meters, sums. A constant-power load draws
more current when its voltage falls; the load is taken at the voltage of the last step's drop, and the
drop from that load, which settles to a few millivolts in one step since drops are a few per cent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_sim.electrical import technology as tech
from firmware_sim.electrical.arc import burn
from firmware_sim.electrical.cable import NOMINAL_V, voltage_drop
from firmware_sim.electrical.condition import LampFault
from firmware_sim.electrical.drive import DERATED, Drive, drive_lamps
from firmware_sim.electrical.feeder import frequency
from firmware_sim.electrical.metering import Quantities
from firmware_sim.electrical.readings import read_meters
from firmware_sim.electrical.sample import (
    DRIVER_FAULT,
    RELAY_CLOSED,
    RESTARTED,
    THERMAL_DERATING,
    THERMAL_SHUTDOWN,
    Sample,
)
from firmware_sim.electrical.supply import Supply, supply_lamps
from firmware_sim.electrical.thermal import DERATED_POWER, warm
from firmware_sim.electrical.totals import in_run_order, total

if TYPE_CHECKING:
    from firmware_sim.electrical.condition import Condition
    from firmware_sim.electrical.plant import Plant
    from firmware_sim.electrical.state import State

_POWER: Final = tech.power_curves().ravel()
_POWER_FACTOR: Final = tech.power_factor_curves().ravel()
_EXTINCTION_V: Final = tech.column("extinction_v")
_STANDBY_W: Final = tech.column("standby_w")
#: Above this no gear goes out, so that the check is skipped on a healthy grid [V].
_SAFE_V: Final = float(_EXTINCTION_V.max()) + 15.0
#: Share of its power factor that a lamp keeps when its capacitor fails: LED filter; discharge lamps see the choke.
_LED_WITHOUT_CAPACITOR: Final = 0.55


def step(
    plant: Plant,
    condition: Condition,
    state: State,
    at_us: int,
    level_percent: ArrayLike,
    contactor_closed: ArrayLike,
    rng: np.random.Generator,
    *,
    clears_restart: bool = True,
) -> Sample:
    """Advance the plant to ``at_us`` and return what is true and what the meters show then.

    Args:
        plant: the lamps.
        condition: what is wrong with them.
        state: memory, changed in place.
        at_us: UTC microseconds; a time before the last step advances nothing.
        level_percent: uint8 (n_lamps,) or scalar, commanded level [%]; of a lamp with a photocell, 0 or 100.
            A lamp that nothing but the contactor switches ignores it.
        contactor_closed: bool (n_cabinets,) or scalar, command to the contactors.
        rng: draws the meters' noise.
        clears_restart: the sample is read by the agent, so restart bits are shown once. A bus of simulated
            meters passes False and clears ``state.is_restarted`` itself when a node is read.
    """
    level = np.broadcast_to(np.asarray(level_percent, dtype=np.uint8), (plant.n_lamps,))
    contactor = np.broadcast_to(np.asarray(contactor_closed, dtype=np.bool_), (plant.n_cabinets,))
    dt_s = 0.0 if state.at_us is None else max(0.0, (at_us - state.at_us) / 1e6)
    supply = supply_lamps(plant, condition, state, at_us, contactor)
    if state.at_us is not None:
        state.is_restarted |= supply.is_live & ~state.is_live
    guess_v = np.where(supply.is_live, supply.head_v - state.drop_v, np.float32(NOMINAL_V))
    drive = drive_lamps(plant, condition, state, at_us=at_us, level_percent=level, is_live=supply.is_live)
    if ((supply.run_v > 0.0) & (supply.run_v < _SAFE_V)).any():
        drive.level[guess_v < _EXTINCTION_V[plant.technology]] = 0
    power_w, factor, is_lit = _load(plant, condition, state, drive, dt_s=dt_s, guess_v=guess_v)
    power_w *= supply.is_live
    voltage_v = _voltage(plant, condition, state, supply, guess_v=guess_v, power_w=power_w)
    _count(state, drive, is_lit, dt_s, power_w)
    apparent_va: NDArray[np.float32] = power_w / factor
    current_a = (apparent_va / np.maximum(voltage_v, np.float32(1.0))).astype(np.float32, copy=False)
    # before the heat of this step is added: the bits say what held the gear back during it
    status = _status(condition, state, drive)
    warm(plant, condition, state, at_us=at_us, dt_s=dt_s, power_w=power_w)
    totals = total(
        plant,
        condition,
        state,
        supply,
        dt_s=dt_s,
        voltage_v=voltage_v,
        power_w=power_w,
        apparent_va=apparent_va,
        rng=rng,
    )
    factor *= power_w > 0.0
    true = Quantities(voltage_v=voltage_v, current_a=current_a, power_w=power_w, power_factor=factor)
    readings = read_meters(plant, condition, state, faulty=drive.faulty, true=true, supply=supply, rng=rng)
    status[readings.is_silent] = 0
    if clears_restart:
        state.is_restarted &= readings.is_silent
    state.is_live, state.is_lit = supply.is_live, is_lit
    state.at_us = at_us if state.at_us is None else max(at_us, state.at_us)
    return Sample(
        at_us=at_us,
        frequency_hz=frequency(at_us),
        true_voltage_v=voltage_v,
        true_current_a=current_a,
        true_power_w=power_w,
        true_power_factor=factor,
        is_live=supply.is_live,
        is_lit=is_lit,
        voltage_v=readings.voltage_v,
        current_a=readings.current_a,
        power_w=readings.power_w,
        power_factor=readings.power_factor,
        energy_wh=readings.energy_wh,
        temperature_c=readings.temperature_c,
        burning_hours=readings.burning_hours,
        switch_count=readings.switch_count,
        driven_level=drive.level,
        status=status,
        is_silent=readings.is_silent,
        circuit_voltage_v=totals.circuit_v,
        circuit_current_a=totals.circuit_a,
        circuit_power_w=totals.circuit_w,
        circuit_energy_wh=state.circuit_energy_wh.astype(np.uint32),
        is_circuit_silent=totals.is_circuit_silent,
        cabinet_voltage_v=totals.cabinet_v,
        cabinet_current_a=totals.cabinet_a,
        cabinet_power_w=totals.cabinet_w,
        cabinet_energy_wh=state.cabinet_energy_wh.astype(np.uint64),
        is_cabinet_silent=totals.is_cabinet_silent,
        is_supply_present=supply.is_present,
        is_contactor_closed=supply.is_contactor_closed,
        is_door_open=condition.is_door_open.copy(),
    )


def _load(
    plant: Plant,
    condition: Condition,
    state: State,
    drive: Drive,
    *,
    dt_s: float,
    guess_v: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Return power [W], power factor and whether it burns of each lamp at a voltage near the true one."""
    row = plant.curve_offset + drive.level
    power_w = _POWER[row]
    power_w *= plant.rated_power_w
    power_w *= condition.power_scale
    factor = _POWER_FACTOR[row]
    is_lit = drive.level > 0
    power_w[np.flatnonzero(state.heat == DERATED)] *= np.float32(DERATED_POWER)
    if len(plant.discharge):
        lamps = plant.discharge
        is_arc, share, factor_share = burn(plant, state, dt_s, drive.level, drive.cycling)
        is_lit[lamps] = is_arc
        power_w[lamps] *= share
        factor[lamps] *= factor_share
        # waiting for the restrike: gear on the mains, no arc
        waiting = lamps[(drive.level[lamps] > 0) & ~is_arc]
        _stand_by(plant, waiting, power_w, factor)
    if len(plant.reactor):
        power_w[plant.reactor] *= np.square(guess_v[plant.reactor] / np.float32(NOMINAL_V))
    if len(drive.standby):
        _stand_by(plant, drive.standby, power_w, factor)
    bad = drive.faulty[(condition.flags[drive.faulty] & np.uint32(LampFault.CAPACITOR_FAILED)) != 0]
    if len(bad):
        bad = bad[is_lit[bad]]
        choke = 0.40 + 0.10 * state.trait[bad]
        has_choke = np.isin(bad, plant.reactor)
        factor[bad] = np.where(has_choke, choke, factor[bad] * _LED_WITHOUT_CAPACITOR)
    return power_w, factor, is_lit


def _stand_by(
    plant: Plant, lamps: NDArray[np.int64], power_w: NDArray[np.float32], factor: NDArray[np.float32]
) -> None:
    """Set dark lamps whose gear is on the mains: little power, but the capacitor's current."""
    code = plant.technology[lamps]
    power_w[lamps] = _STANDBY_W[code]
    capacitor = _STANDBY_W[code] / (np.float32(tech.CAPACITOR_VAR_PER_W) * plant.rated_power_w[lamps])
    factor[lamps] = np.where(tech.column("voltage_exponent")[code] > 0, capacitor, tech.LED_POWER_FACTOR[0])


def _voltage(
    plant: Plant,
    condition: Condition,
    state: State,
    supply: Supply,
    *,
    guess_v: NDArray[np.float32],
    power_w: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the true voltage at each lamp [V] and bring the power of reactor ballasts to it in place."""
    amps = in_run_order(plant, power_w / guess_v)
    for circuit in np.flatnonzero(condition.tap_w > 0.0):  # taps are a handful in a city
        lamp = plant.lamp_at_tap[circuit]
        if lamp >= 0 and supply.is_live[lamp]:
            amps = amps.copy() if amps.base is not None else amps
            amps[plant.tap_lamp[circuit]] += condition.tap_w[circuit] / guess_v[lamp]
    drop = voltage_drop(amps, plant.span_ohm, plant.run_first, plant.run_length)
    if plant.order is None:
        state.drop_v = drop.astype(np.float32)
    else:
        state.drop_v[plant.order] = drop
    voltage_v = supply.head_v - state.drop_v
    # a cable overloaded beyond what it can carry holds no voltage, but never a negative one
    np.maximum(voltage_v, np.float32(0.5) * supply.head_v, out=voltage_v)
    voltage_v *= supply.is_live
    np.minimum(state.drop_v, np.float32(0.5) * supply.head_v, out=state.drop_v)
    if len(plant.reactor):
        lamps = plant.reactor
        power_w[lamps] *= np.square(voltage_v[lamps] / guess_v[lamps])
    return voltage_v


def _count(state: State, drive: Drive, is_lit: NDArray[np.bool_], dt_s: float, power_w: NDArray[np.float32]) -> None:
    """Advance energy, burning hours and switch counts in place, cycles between two steps included."""
    state.energy_wh += power_w * np.float32(dt_s / 3600.0)
    state.burning_s += is_lit * np.float32(dt_s)
    rises = is_lit & ~state.is_lit
    if len(drive.cycling):
        unseen = drive.n_cycles - state.n_cycles[drive.cycling] - rises[drive.cycling]
        state.switch_count[drive.cycling] += np.maximum(unseen, 0).astype(np.uint32)
        state.n_cycles[drive.cycling] = drive.n_cycles
    state.switch_count += rises


def _status(condition: Condition, state: State, drive: Drive) -> NDArray[np.uint8]:
    """Return the node's status bits, uint8 (n_lamps,)."""
    status = drive.is_relay_closed.astype(np.uint8) * np.uint8(RELAY_CLOSED)
    status |= state.is_restarted.astype(np.uint8) * np.uint8(RESTARTED)
    flags = condition.flags[drive.faulty]
    status[drive.faulty[(flags & np.uint32(LampFault.DRIVER_FAULT)) != 0]] |= DRIVER_FAULT
    hot = np.flatnonzero(state.heat)
    if len(hot):
        status[hot] |= np.where(state.heat[hot] == DERATED, THERMAL_DERATING, THERMAL_SHUTDOWN).astype(np.uint8)
    return status
