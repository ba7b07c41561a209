"""What a controller's agent makes of one moment of the city: its sweep as packed metrics."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.fleet.payload import Reading
from firmware_sim.fleet.town import Controller
from firmware_sim.fleet.world import Moment

GOOD: Final = 0
_UNKNOWN_UINT32: Final = np.uint32(0xFFFFFFFF)
_F4: Final = np.dtype("<f4")
_U4: Final = np.dtype("<u4")


def sweep(
    moment: Moment,
    controller: Controller,
    *,
    at_ms: int,
    interval_s: int,
    is_synchronised: bool,
    is_slow: bool,
) -> Reading:
    """One record's values, without the outbox's numbers.

    Args:
        moment: the city at the sweep's end.
        controller: whose lamps.
        at_ms: what the agent's clock says.
        interval_s: its present interval.
        is_synchronised: what it says of its clock.
        is_slow: counters and temperature too.
    """
    values: list[tuple[str, Any]] = [("Clock/Synchronised", is_synchronised), ("Sweep/Interval", interval_s)]
    if controller.metering == "lamp":
        values += _lamps(moment, controller, is_slow=is_slow)
    if controller.has_circuit_meters and len(controller.circuits):
        values += _circuits(moment, controller.circuits, is_slow=is_slow)
    values += _cabinet(moment, controller.cabinet, is_slow=is_slow)
    return Reading(at_ms, tuple(values))


def _lamps(moment: Moment, controller: Controller, *, is_slow: bool) -> list[tuple[str, bytes]]:
    """The lamps' quantities; a plain meter knows no temperature, hours, switchings or status."""
    sample, lamps = moment.sample, controller.lamps
    is_node = set(controller.profiles) <= {"lamp-node", ""}
    quality = moment.quality[lamps]
    is_bad = quality != GOOD

    def floats(values: NDArray[np.float32]) -> bytes:
        out = values[lamps].astype(_F4)
        out[is_bad] = np.nan
        return out.tobytes()

    def counts(values: NDArray[np.uint32]) -> bytes:
        out = values[lamps].astype(_U4)
        out[is_bad] = _UNKNOWN_UINT32
        return out.tobytes()

    status = np.where(is_bad, 0, sample.status[lamps]).astype(np.uint8)
    found = [
        ("Lamps/Voltage", floats(sample.voltage_v)),
        ("Lamps/Current", floats(sample.current_a)),
        ("Lamps/Power", floats(sample.power_w)),
        ("Lamps/Power Factor", floats(sample.power_factor)),
        ("Lamps/Dim Level", moment.level[lamps].tobytes()),
        ("Lamps/Quality", quality.tobytes()),
    ]
    if is_node:
        found.append(("Lamps/Status", status.tobytes()))
    if is_slow:
        found.append(("Lamps/Energy", counts(sample.energy_wh)))
    if is_slow and is_node:
        found += [
            ("Lamps/Temperature", floats(sample.temperature_c)),
            ("Lamps/Burning Hours", counts(sample.burning_hours)),
            ("Lamps/Switch Count", counts(sample.switch_count)),
        ]
    return found


def _circuits(moment: Moment, circuits: NDArray[np.int64], *, is_slow: bool) -> list[tuple[str, bytes]]:
    sample = moment.sample
    is_silent = sample.is_circuit_silent[circuits]

    def floats(values: NDArray[np.float32]) -> bytes:
        return np.where(is_silent, np.nan, values[circuits]).astype(_F4).tobytes()

    found = [
        ("Circuits/Voltage", floats(sample.circuit_voltage_v)),
        ("Circuits/Current", floats(sample.circuit_current_a)),
        ("Circuits/Power", floats(sample.circuit_power_w)),
    ]
    if is_slow:
        energy = np.where(is_silent, _UNKNOWN_UINT32, sample.circuit_energy_wh[circuits]).astype(_U4)
        found.append(("Circuits/Energy", energy.tobytes()))
    return found


def _cabinet(moment: Moment, cabinet: int, *, is_slow: bool) -> list[tuple[str, Any]]:
    sample = moment.sample
    is_silent = bool(sample.is_cabinet_silent[cabinet])

    def phases(values: NDArray[np.float32]) -> bytes:
        return (np.full(3, np.nan) if is_silent else values[cabinet]).astype(_F4).tobytes()

    found: list[tuple[str, Any]] = [
        ("Cabinet/Voltage", phases(sample.cabinet_voltage_v)),
        ("Cabinet/Current", phases(sample.cabinet_current_a)),
        ("Cabinet/Power", phases(sample.cabinet_power_w)),
        ("Cabinet/Door Open", bool(sample.is_door_open[cabinet])),
        ("Cabinet/Contactor Closed", bool(sample.is_contactor_closed[cabinet])),
        ("Cabinet/Supply Present", bool(sample.is_supply_present[cabinet])),
    ]
    if is_slow:
        found.append(("Cabinet/Energy", None if is_silent else int(sample.cabinet_energy_wh[cabinet])))
    return found
