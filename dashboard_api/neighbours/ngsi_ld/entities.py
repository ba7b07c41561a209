"""Entities of the register and the live picture: columns to choose among, documents for those that are on a page."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dashboard_api.context import Context
from dashboard_api.formats.times import iso
from dashboard_api.live import lamp_states
from dashboard_api.live.lamp_states import LampStates
from dashboard_api.neighbours.ngsi_ld import mapping
from dashboard_api.store.lamp_faults import open_lamp_faults
from dashboard_api.store.register_rows import LampColumns, all_cabinets

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
_MEASURED: Final = {
    "powerConsumption": "power_w",
    "current": "current_a",
    "voltage": "voltage_v",
    "powerFactor": "power_factor",
}


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What the register says; fixed as long as it is in force.

    Attributes:
        group: int64 (N,) index of each lamp's circuit, -1 = no cabinet feeds it.
        groups: (cabinet id, circuit) of the G circuits.
        members: register rows of each circuit's lamps.
        cabinets: (C,) rows of those with a place and lamps.
    """

    lamps: LampColumns
    group: Int64
    groups: Sequence[tuple[str, str]]
    members: Sequence[Int64]
    cabinets: Sequence[Any]
    columns: Mapping[str, Mapping[str, pa.Array]]
    ids: Mapping[str, pa.Array]
    row_of: Mapping[str, Mapping[tuple[str, ...], int]]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The entities at one moment.

    Attributes:
        columns: type -> attribute -> its values, null where the entity has none. Objects and lists stand as something
            that is not null where there is one.
        watched: type -> attribute -> uint8 numbers that differ where the attribute does.
    """

    layout: Layout
    columns: Mapping[str, Mapping[str, pa.Array]]
    watched: Mapping[str, Mapping[str, npt.NDArray[np.uint8]]]

    def n(self, kind: str) -> int:
        """How many entities of a type there are."""
        return len(self.layout.ids[kind])

    def places(self, kind: str) -> tuple[Float64, Float64, Int64]:
        """Longitude and latitude in degrees of P places, and int64 (P,) the index of the entity of each."""
        lamps = self.layout.lamps
        if kind == mapping.LAMP:
            return lamps.longitude, lamps.latitude, np.arange(len(lamps))
        if kind == mapping.GROUP:
            fed = np.flatnonzero(self.layout.group >= 0)
            return lamps.longitude[fed], lamps.latitude[fed], self.layout.group[fed]
        rows = self.layout.cabinets
        longitude = np.array([row.longitude for row in rows], np.float64)
        return longitude, np.array([row.latitude for row in rows], np.float64), np.arange(len(rows))

    def documents(self, kind: str, rows: Int64, attrs: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Entities in the simplified form; ``attrs``: of these attributes alone."""
        names = [name for name in mapping.TYPES[kind] if attrs is None or name in attrs]
        at = pa.array(rows)
        ids = self.layout.ids[kind].take(at).to_pylist()
        written = self._written(kind)
        values = [
            [written[name](row) for row in rows.tolist()] if name in written else self._values(kind, name, at)
            for name in names
        ]
        return [
            {
                "id": one,
                "type": kind,
                **{name: value for name, value in zip(names, row, strict=True) if value is not None},
            }
            for one, *row in zip(ids, *values, strict=True)
        ]

    def _values(self, kind: str, name: str, at: pa.Array) -> list[Any]:
        values: list[Any] = self.columns[kind][name].take(at).to_pylist()
        return [iso(value) for value in values] if mapping.TYPES[kind][name].kind == "time" else values

    def _written(self, kind: str) -> Mapping[str, Callable[[int], Any]]:
        """Attributes that no column holds as they are written."""
        layout = self.layout
        if kind == mapping.LAMP:
            return {
                "location": lambda row: _point(layout.lamps, row),
                "address": lambda row: _address(layout.lamps, row),
            }
        if kind == mapping.GROUP:
            return {
                "location": lambda row: _points(layout.lamps, layout.members[row]),
                "refStreetlight": lambda row: layout.ids[mapping.LAMP].take(pa.array(layout.members[row])).to_pylist(),
            }
        return {
            "location": lambda row: {
                "type": "Point",
                "coordinates": [layout.cabinets[row].longitude, layout.cabinets[row].latitude],
            },
            "refStreetlightGroup": lambda row: [
                mapping.entity_id(mapping.GROUP, *key)
                for key in layout.groups
                if key[0] == layout.cabinets[row].cabinet_id
            ],
        }


class EntitySource:
    """The entities of a city. Safe to call from threads."""

    def __init__(self, context: Context) -> None:
        """Over the city's stores."""
        self._context = context
        self._lock = threading.Lock()
        self._layout: Layout | None = None
        self._mark = ""
        self._snapshot: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """The entities as they are now.

        Raises:
            UnavailableError: the database does not answer.
        """
        lamps, states = self._context.lamp_states()
        with self._lock:
            if self._layout is None or self._layout.lamps is not lamps:
                self._layout = _layout(lamps, all_cabinets(self._context.database))
                self._snapshot = None
            if self._snapshot is None or self._mark != states.mark:
                faults = open_lamp_faults(self._context.database)
                self._snapshot, self._mark = _snapshot(self._layout, states, faults), states.mark
            return self._snapshot


def _layout(lamps: LampColumns, cabinet_rows: Sequence[Any]) -> Layout:
    cabinet_ids, circuits = lamps.properties["cabinet_id"], lamps.properties["circuit"]
    keys = [
        None if not cabinet_id else (cabinet_id, circuit or "")
        for cabinet_id, circuit in zip(cabinet_ids, circuits, strict=True)
    ]
    groups = sorted({key for key in keys if key is not None})
    index = {key: number for number, key in enumerate(groups)}
    group = np.array([-1 if key is None else index[key] for key in keys], np.int64)
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(len(groups) + 1))
    members = [order[start:end] for start, end in itertools.pairwise(edges)]
    feeding = {cabinet_id for cabinet_id, _circuit in groups}
    shown = [row for row in cabinet_rows if row.cabinet_id in feeding and row.latitude is not None]
    lamp_ids = lamps.properties["lamp_id"]
    group_ids = [mapping.entity_id(mapping.GROUP, *key) for key in groups]
    cabinet_refs = {name: mapping.entity_id(mapping.CABINET, name) for name in feeding}
    street, district = lamps.properties["street"], lamps.properties["district"]
    number = np.array([np.nan if power is None else power for power in lamps.properties["rated_power_w"]], np.float64)
    of_lamps = {
        "location": _present(len(lamps)),
        "circuit": _texts(circuits),
        "refStreetlightControlCabinet": _texts([cabinet_refs.get(name or "") for name in cabinet_ids]),
        "refStreetlightGroup": _texts([None if n < 0 else group_ids[n] for n in group.tolist()]),
        "areaServed": _texts(district),
        "address": _texts(street),
        "powerRating": _numbers(number),
    }
    of_cabinets = {
        "location": _present(len(shown)),
        "name": _texts([row.name for row in shown]),
        "areaServed": _texts([row.district for row in shown]),
        # a controller switches by its schedule and takes commands; without one nobody can step in from here
        "workingMode": _texts(["semiautomatic" if row.controller_id else "automatic" for row in shown]),
        "refStreetlightGroup": _present(len(shown)),
    }
    of_groups = {
        "location": _present(len(groups)),
        "circuitId": _texts([circuit for _cabinet_id, circuit in groups]),
        "refStreetlightControlCabinet": _texts([cabinet_refs[cabinet_id] for cabinet_id, _circuit in groups]),
        "refStreetlight": _present(len(groups)),
    }
    return Layout(
        lamps=lamps,
        group=group,
        groups=groups,
        members=members,
        cabinets=shown,
        columns={mapping.LAMP: of_lamps, mapping.CABINET: of_cabinets, mapping.GROUP: of_groups},
        ids={
            mapping.LAMP: pa.array([mapping.entity_id(mapping.LAMP, one) for one in lamp_ids], pa.string()),
            mapping.CABINET: pa.array([cabinet_refs[row.cabinet_id] for row in shown], pa.string()),
            mapping.GROUP: pa.array(group_ids, pa.string()),
        },
        row_of={
            mapping.LAMP: {(one,): row for row, one in enumerate(lamp_ids)},
            mapping.CABINET: {(row.cabinet_id,): number for number, row in enumerate(shown)},
            mapping.GROUP: {tuple(key): number for key, number in index.items()},
        },
    )


def _snapshot(layout: Layout, states: LampStates, faults: Sequence[tuple[str, str]]) -> Snapshot:
    n = len(layout.lamps)
    power = np.zeros(n, np.uint8)  # index into POWER_STATES
    for state, word in mapping.POWER_STATE_OF.items():
        power[states.state == state] = mapping.POWER_STATES.index(word)
    level = states.level
    power[(states.state == lamp_states.LIT) & (level > 0) & (level < 100)] = mapping.POWER_STATES.index(mapping.LOW)
    status = np.zeros(n, np.uint8)  # index into STATUSES
    known = [
        (layout.lamps.row_of[lamp_id], mapping.STATUSES.index(mapping.status_of(code)))
        for lamp_id, code in faults
        if lamp_id in layout.lamps.row_of
    ]
    if known:
        rows, worst = np.array(known, np.int64).T
        np.maximum.at(status, rows, worst.astype(np.uint8))
    live: dict[str, pa.Array] = {
        "status": pa.array(mapping.STATUSES).take(pa.array(status)),
        "powerState": pa.array(mapping.POWER_STATES, pa.string()).take(pa.array(power)),
        "illuminanceLevel": _numbers(np.where(level <= 100, level / 100.0, np.nan)),
    }
    picture = states.picture
    for name, column in _MEASURED.items():
        values = np.full(n, np.nan) if picture is None else picture.columns[column].astype(np.float64)
        live[name] = _numbers(np.round(values, 3))
    at_us = np.zeros(n, np.int64) if picture is None else picture.columns["at_us"]
    live["observationDateTime"] = pa.array(at_us, pa.int64(), mask=at_us <= 0)
    of_group = _group_power(layout, power)
    columns = {
        **layout.columns,
        mapping.LAMP: {**layout.columns[mapping.LAMP], **live},
        mapping.GROUP: {
            **layout.columns[mapping.GROUP],
            "powerState": pa.array(mapping.POWER_STATES, pa.string()).take(pa.array(of_group)),
        },
    }
    watched = {
        mapping.LAMP: {"powerState": power, "status": status, "illuminanceLevel": level},
        mapping.GROUP: {"powerState": of_group},
    }
    return Snapshot(layout, columns, watched)


def _group_power(layout: Layout, power: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """``powerState`` of the circuits, uint8 (G,): what the brightest of its lamps does."""
    found = np.zeros(len(layout.groups), np.uint8)
    fed = layout.group >= 0
    np.maximum.at(found, layout.group[fed], power[fed])
    return found


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array([value or None for value in values], pa.string())


def _numbers(values: Float64) -> pa.Array:
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))


def _present(n: int) -> pa.Array:
    return pa.array(np.ones(n, np.bool_))


def _point(lamps: LampColumns, row: int) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [float(lamps.longitude[row]), float(lamps.latitude[row])]}


def _points(lamps: LampColumns, rows: Int64) -> dict[str, Any]:
    places = np.column_stack((lamps.longitude[rows], lamps.latitude[rows])).tolist()
    return {"type": "MultiPoint", "coordinates": places}


def _address(lamps: LampColumns, row: int) -> dict[str, Any] | None:
    street, district = lamps.properties["street"][row], lamps.properties["district"][row]
    if not street:
        return None
    return {"streetAddress": street, **({"addressLocality": district} if district else {})}
