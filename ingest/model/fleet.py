"""The register as index arrays: which lamp belongs to which controller, cabinet, circuit and bus, in detection's order.

Lamps stand grouped by controller, then by cabinet, bus and address, so that a controller's sweep is usually one slice
of every per-lamp array. Independent of readings. Lamps without a controller come last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from ingest.model.index_columns import NONE, coded, integers, looked_up, numbered, numbers, texts
from ingest.schema.limits import TECHNOLOGIES

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
UInt8 = npt.NDArray[np.uint8]
Int8 = npt.NDArray[np.int8]
Bool = npt.NDArray[np.bool_]

SWITCHING_UNKNOWN: Final = 0
SWITCHING_CONTACTOR: Final = 1
SWITCHING_LAMP: Final = 2
_SWITCHING: Final = {"contactor": SWITCHING_CONTACTOR, "lamp": SWITCHING_LAMP}
_PHASES: Final = {"R": 0, "S": 1, "T": 2}


class LampColumns(Protocol):
    """What the fleet reads of the register's lamps: one entry per lamp in register order, None or "" = unknown."""

    lamp_id: Any
    cabinet_id: Any
    circuit: Any
    position: Any
    position_source: Any
    rated_power_w: Any
    technology: Any
    bus: Any
    address: Any
    profile: Any
    phase: Any
    is_dimmable: Any


class CabinetColumns(Protocol):
    """What the fleet reads of the register's cabinets."""

    cabinet_id: Any
    controller_id: Any
    latitude: Any
    longitude: Any
    switching: Any


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Index arrays over L lamps, C controllers, K cabinets, Q circuits, B buses; ``NONE`` (-1) = has none.

    Attributes:
        lamp_ids: object (L,) in fleet order.
        register_row: int64 (L,) the register row of each fleet lamp.
        lamp_controller: int32 (L,); so lamp_cabinet, lamp_circuit, lamp_bus.
        position: int32 (L,) along the circuit, -1 unknown; ``is_surveyed`` bool (L,).
        rated_power_w: float32 (L,), NaN unknown.
        technology: uint8 (L,) index into TECHNOLOGIES.
        phase: int8 (L,) 0 R, 1 S, 2 T, -1 unknown.
        controller_start: int64 (C + 1,) lamps of controller c are ``controller_start[c]:controller_start[c + 1]``.
        cable_order: int64 (L,) lamps sorted by (circuit, position); circuit q's are ``circuit_start[q]:circuit_start[q
            + 1]``.
        circuit_index: (cabinet_id, circuit) -> circuit; ``controller_circuit_index`` the same by (controller_id,
            circuit).
        home_cabinet: int32 (C,) the cabinet that a controller's cabinet metrics speak of: its first in the register.
    """

    lamp_ids: npt.NDArray[np.object_]
    lamp_index: Mapping[str, int]
    register_row: Int64
    lamp_controller: Int32
    lamp_cabinet: Int32
    lamp_circuit: Int32
    lamp_bus: Int32
    address: Int32
    position: Int32
    is_surveyed: Bool
    rated_power_w: Float32
    technology: UInt8
    phase: Int8
    is_dimmable: Bool
    is_monitored: Bool
    is_metered: Bool
    is_node: Bool
    controller_ids: tuple[str, ...]
    controller_index: Mapping[str, int]
    controller_start: Int64
    home_cabinet: Int32
    cabinet_ids: tuple[str, ...]
    cabinet_index: Mapping[str, int]
    cabinet_controller: Int32
    cabinet_latitude: Float64
    cabinet_longitude: Float64
    cabinet_switching: UInt8
    circuit_names: tuple[str, ...]
    circuit_cabinet: Int32
    circuit_index: Mapping[tuple[str, str], int]
    controller_circuit_index: Mapping[tuple[str, str], int]
    circuit_start: Int64
    cable_order: Int64
    bus_names: tuple[str, ...]

    @property
    def n_lamps(self) -> int:
        """L."""
        return len(self.lamp_ids)

    @property
    def n_controllers(self) -> int:
        """C."""
        return len(self.controller_ids)

    @property
    def n_cabinets(self) -> int:
        """K."""
        return len(self.cabinet_ids)

    @property
    def n_circuits(self) -> int:
        """Q."""
        return len(self.circuit_names)

    @property
    def n_buses(self) -> int:
        """B."""
        return len(self.bus_names)

    @classmethod
    def from_register(cls, register: Any) -> Fleet:
        """Index the columns ``lamps`` and ``cabinets`` of a register (``ingest.register``)."""
        return _build(register.lamps, register.cabinets)


def _build(lamps: LampColumns, cabinets: CabinetColumns) -> Fleet:
    cabinet_index = {name: row for row, name in enumerate(texts(cabinets.cabinet_id))}
    controller_index: dict[str, int] = {}
    cabinet_controller = coded(texts(cabinets.controller_id), controller_index)
    lamp_ids = texts(lamps.lamp_id)
    lamp_cabinet = looked_up(lamps.cabinet_id, cabinet_index, NONE, np.int32)
    lamp_controller = _take(cabinet_controller, lamp_cabinet)
    lamp_bus, bus_order = numbered(lamp_controller, lamps.bus, str)
    order_of_cabinets = np.argsort(np.argsort(_last(cabinet_controller), kind="stable")).astype(np.int32)
    cabinet_in_order = np.argsort(order_of_cabinets)
    ordered_cabinet = _take(order_of_cabinets, lamp_cabinet)
    lamp_circuit, circuit_places = numbered(ordered_cabinet, lamps.circuit, lambda name: (len(name), name))
    circuit_list = [(int(cabinet_in_order[place]), name) for place, name in circuit_places]
    address, position = integers(lamps.address), integers(lamps.position)

    order = np.lexsort((address, _last(lamp_bus), _last(lamp_cabinet), _last(lamp_controller)))
    lamp_controller, lamp_circuit, position = lamp_controller[order], lamp_circuit[order], position[order]
    cable_order = np.lexsort((_last(position), _last(lamp_circuit))).astype(np.int64)
    names = np.array(lamp_ids, dtype=object)[order]
    cabinet_ids = tuple(cabinet_index)
    controller_ids = tuple(controller_index)
    home = np.full(len(controller_ids), NONE, np.int32)
    for row in range(len(cabinet_ids) - 1, -1, -1):
        if cabinet_controller[row] >= 0:
            home[cabinet_controller[row]] = row
    switching = [_SWITCHING.get(text, SWITCHING_UNKNOWN) for text in texts(cabinets.switching)]
    return Fleet(
        lamp_ids=names,
        lamp_index=dict(zip(names.tolist(), range(len(names)), strict=True)),
        register_row=order.astype(np.int64),
        lamp_controller=lamp_controller,
        lamp_cabinet=lamp_cabinet[order],
        lamp_circuit=lamp_circuit,
        lamp_bus=lamp_bus[order],
        address=address[order],
        position=position,
        is_surveyed=looked_up(lamps.position_source, {"survey": 1}, 0, np.bool_)[order] & (position >= 0),
        rated_power_w=_positive(numbers(lamps.rated_power_w))[order],
        technology=_technology(lamps.technology)[order],
        phase=looked_up(lamps.phase, _PHASES, NONE, np.int8)[order],
        is_dimmable=np.asarray(lamps.is_dimmable).astype(bool)[order],
        is_monitored=(lamp_cabinet >= 0)[order],
        is_metered=((lamp_bus >= 0) & (address >= 0))[order],
        is_node=looked_up(lamps.profile, {"lamp-node": 1}, 0, np.bool_)[order],
        controller_ids=controller_ids,
        controller_index=controller_index,
        controller_start=np.searchsorted(_last(lamp_controller), np.arange(len(controller_ids) + 1)).astype(np.int64),
        home_cabinet=home,
        cabinet_ids=cabinet_ids,
        cabinet_index=cabinet_index,
        cabinet_controller=cabinet_controller,
        cabinet_latitude=numbers(cabinets.latitude),
        cabinet_longitude=numbers(cabinets.longitude),
        cabinet_switching=np.array(switching, np.uint8),
        circuit_names=tuple(name for _, name in circuit_list),
        circuit_cabinet=np.array([k for k, _ in circuit_list], np.int32),
        circuit_index={(cabinet_ids[k], q): i for i, (k, q) in enumerate(circuit_list)},
        controller_circuit_index=_by_controller(circuit_list, cabinet_controller, controller_ids),
        circuit_start=np.searchsorted(_last(lamp_circuit)[cable_order], np.arange(len(circuit_list) + 1)).astype(
            np.int64
        ),
        cable_order=cable_order,
        bus_names=tuple(name for _, name in bus_order),
    )


def _by_controller(
    circuits: list[tuple[int, str]], cabinet_controller: Int32, controller_ids: tuple[str, ...]
) -> dict[tuple[str, str], int]:
    """Circuits as an agent names them; where a controller's cabinets share a name, the first cabinet's."""
    found: dict[tuple[str, str], int] = {}
    for i, (cabinet, name) in enumerate(circuits):
        if cabinet_controller[cabinet] >= 0:
            found.setdefault((controller_ids[cabinet_controller[cabinet]], name), i)
    return found


def _take(values: Int32, index: Int32) -> Int32:
    if not len(values):
        return np.full(len(index), NONE, np.int32)
    return np.where(index >= 0, values[index], NONE).astype(np.int32)


def _last(index: Int32) -> Int32:
    """The same numbers with -1 sorted to the end."""
    return np.where(index < 0, np.iinfo(np.int32).max, index).astype(np.int32)


def _positive(power: Float64) -> Float32:
    return np.where(power > 0, power, np.nan).astype(np.float32)


def _technology(values: Any) -> UInt8:
    codes = {name: i for i, name in enumerate(TECHNOLOGIES)}
    technology: UInt8 = looked_up(values, codes, codes["other"], np.uint8)
    return technology
