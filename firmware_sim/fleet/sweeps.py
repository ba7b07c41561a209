"""What a controller's agent makes of one moment of the city: its sweep as packed metrics."""

from __future__ import annotations

from functools import cached_property
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


class Columns:
    """What all meters of the city show in one moment, as the wire has it; those that do not answer are unknown.

    Slow quantities are made when the first agent asks for them.
    """

    def __init__(self, moment: Moment) -> None:
        """Mask the quantities of every sweep."""
        self._sample = sample = moment.sample
        self._is_bad = is_bad = moment.quality != GOOD
        self.level, self.quality = moment.level, moment.quality
        self.lamps = [
            (f"Lamps/{name}", _unless(is_bad, values, _F4, np.nan))
            for name, values in (
                ("Voltage", sample.voltage_v),
                ("Current", sample.current_a),
                ("Power", sample.power_w),
                ("Power Factor", sample.power_factor),
            )
        ]
        self.status = np.where(is_bad, 0, sample.status).astype(np.uint8)
        self.circuits = [
            (f"Circuits/{name}", _unless(sample.is_circuit_silent, values, _F4, np.nan))
            for name, values in (
                ("Voltage", sample.circuit_voltage_v),
                ("Current", sample.circuit_current_a),
                ("Power", sample.circuit_power_w),
            )
        ]
        self.cabinets = [
            (f"Cabinet/{name}", _unless(sample.is_cabinet_silent, values, _F4, np.nan))
            for name, values in (
                ("Voltage", sample.cabinet_voltage_v),
                ("Current", sample.cabinet_current_a),
                ("Power", sample.cabinet_power_w),
            )
        ]
        self.contacts = [
            (f"Cabinet/{name}", values.tolist())
            for name, values in (
                ("Door Open", sample.is_door_open),
                ("Contactor Closed", sample.is_contactor_closed),
                ("Supply Present", sample.is_supply_present),
            )
        ]

    @cached_property
    def lamp_energy(self) -> NDArray[np.uint32]:
        """Of plain meters too."""
        return _unless(self._is_bad, self._sample.energy_wh, _U4, _UNKNOWN_UINT32)

    @cached_property
    def node_counters(self) -> list[tuple[str, NDArray[Any]]]:
        """What nodes tell beside it."""
        sample, is_bad = self._sample, self._is_bad
        return [
            ("Lamps/Temperature", _unless(is_bad, sample.temperature_c, _F4, np.nan)),
            ("Lamps/Burning Hours", _unless(is_bad, sample.burning_hours, _U4, _UNKNOWN_UINT32)),
            ("Lamps/Switch Count", _unless(is_bad, sample.switch_count, _U4, _UNKNOWN_UINT32)),
        ]

    @cached_property
    def circuit_energy(self) -> NDArray[np.uint32]:
        """Of circuits' meters."""
        return _unless(self._sample.is_circuit_silent, self._sample.circuit_energy_wh, _U4, _UNKNOWN_UINT32)

    def cabinet_energy(self, cabinet: int) -> int | None:
        """Of one cabinet's meter; None = it is silent."""
        sample = self._sample
        return None if sample.is_cabinet_silent[cabinet] else int(sample.cabinet_energy_wh[cabinet])


def _unless(is_silent: NDArray[np.bool_], values: NDArray[Any], dtype: np.dtype[Any], unknown: Any) -> NDArray[Any]:
    """Values as the wire has them; of silent meters, bool over the first axis, unknown."""
    out = values.astype(dtype)
    out[is_silent] = unknown
    return out


def sweep(
    columns: Columns,
    controller: Controller,
    *,
    at_ms: int,
    interval_s: int,
    is_synchronised: bool,
    is_slow: bool,
) -> Reading:
    """One record's values, without the outbox's numbers.

    Args:
        columns: of the city at the sweep's end.
        controller: whose lamps.
        at_ms: what the agent's clock says.
        interval_s: its present interval.
        is_synchronised: what it says of its clock.
        is_slow: counters and temperature too.
    """
    values: list[tuple[str, Any]] = [("Clock/Synchronised", is_synchronised), ("Sweep/Interval", interval_s)]
    if controller.metering == "lamp":
        values += _lamps(columns, controller, is_slow=is_slow)
    if controller.has_circuit_meters and len(controller.circuits):
        values += [(name, shown[controller.circuits].tobytes()) for name, shown in columns.circuits]
        if is_slow:
            values.append(("Circuits/Energy", columns.circuit_energy[controller.circuits].tobytes()))
    cabinet = controller.cabinet
    values += [(name, shown[cabinet].tobytes()) for name, shown in columns.cabinets]
    values += [(name, shown[cabinet]) for name, shown in columns.contacts]
    if is_slow:
        values.append(("Cabinet/Energy", columns.cabinet_energy(cabinet)))
    return Reading(at_ms, tuple(values))


def _lamps(columns: Columns, controller: Controller, *, is_slow: bool) -> list[tuple[str, bytes]]:
    """The lamps' quantities; a plain meter knows no temperature, hours, switchings or status."""
    lamps = controller.lamps
    is_node = set(controller.profiles) <= {"lamp-node", ""}
    found = [(name, shown[lamps].tobytes()) for name, shown in columns.lamps]
    found += [
        ("Lamps/Dim Level", columns.level[lamps].tobytes()),
        ("Lamps/Quality", columns.quality[lamps].tobytes()),
    ]
    if is_node:
        found.append(("Lamps/Status", columns.status[lamps].tobytes()))
    if is_slow:
        found.append(("Lamps/Energy", columns.lamp_energy[lamps].tobytes()))
    if is_slow and is_node:
        found += [(name, shown[lamps].tobytes()) for name, shown in columns.node_counters]
    return found
