"""Reads a city's folder for the simulator: the plant, and the ids that its controllers use.

Reads the files on its own, generously: what a register does not know (wattage, circuit, order, span) gets a plausible
value, since physics needs one; what agents report keeps to what the register says.
"""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical import Plant, build_plant
from firmware_sim.electrical.plant import DEFAULT_SPAN_M
from firmware_sim.electrical.technology import NAMES
from firmware_sim.errors import SimError
from firmware_sim.fleet.schedule import parse_schedule
from languages.message import Message, Plain, why

_USUAL_POWER_W: Final = {"LED": 90.0, "HPS": 150.0, "MH": 150.0, "CFL": 65.0, "MV": 125.0, "IND": 85.0, "other": 100.0}
_PHASES: Final = {"R": 0, "S": 1, "T": 2}
_ZONE: Final = "Asia/Jakarta"
_LONGEST_SPAN_M: Final = 120.0  # farther poles are another street's: the cable takes a detour that nobody drew
_M_PER_DEGREE: Final = 111_195.0
_LINE: Final = " line"  # of its file, beside a row's own columns


class TownError(SimError):
    """A city's folder cannot be played; the text names file and reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Controller:
    """One controller: its lamps and circuits in the order of its births.

    Attributes:
        lamps: int64 (n,) plant indices, in the order of ``Lamps/Id``.
        circuits: int64 (m,) plant circuit indices, in the order of ``Circuits/Id``.
        cabinet: plant cabinet index of its cabinet meter.
        metering: "lamp", "circuit" or "cabinet": the finest that it measures.
        buses: bus name of each lamp, "" = none.
        addresses: int64 (n,) Modbus addresses, -1 = none; so profiles.
        has_circuit_meters: each circuit has a meter of its own.
    """

    controller_id: str
    lamp_ids: tuple[str, ...]
    lamps: NDArray[np.int64]
    circuit_names: tuple[str, ...]
    circuits: NDArray[np.int64]
    cabinet: int
    metering: str
    buses: tuple[str, ...]
    addresses: NDArray[np.int64]
    profiles: tuple[str, ...]
    has_circuit_meters: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Town:
    """A city ready to be simulated. Lamps, cabinets and circuits are in the plant's order."""

    folder: Path
    group: str
    timezone: str
    schedule: Mapping[str, Any]
    plant: Plant
    lamp_ids: tuple[str, ...]
    cabinet_ids: tuple[str, ...]
    circuit_names: tuple[tuple[str, str], ...]  # (cabinet_id, circuit)
    is_photocell: NDArray[np.bool_]  # (n_lamps,) switched by its own photocell, unknown to the agent
    cabinet_latitude: NDArray[np.float64]
    cabinet_longitude: NDArray[np.float64]
    controllers: tuple[Controller, ...]


def read_town(folder: Path) -> Town:
    """Read ``city.toml``, ``lamps.csv`` and ``cabinets.csv``.

    Raises:
        TownError: a file is missing or broken, or no lamp has a controller.
    """
    settings = _settings(folder / "city.toml")
    cabinets = {row["cabinet_id"]: row for row in _rows(folder / "cabinets.csv") if row.get("cabinet_id")}
    rows = [row for row in _rows(folder / "lamps.csv") if row.get("cabinet_id") in cabinets and row.get("lamp_id")]
    if not rows:
        raise TownError(Message("sim.nothing_to_play", file=folder / "lamps.csv"))
    cabinet_ids = tuple(cabinets)
    cabinet_of = {cabinet_id: index for index, cabinet_id in enumerate(cabinet_ids)}
    circuit_of: dict[tuple[str, str], int] = {}
    circuit = [circuit_of.setdefault((row["cabinet_id"], row.get("circuit") or ""), len(circuit_of)) for row in rows]
    latitude, longitude = _places(folder / "lamps.csv", rows)
    cabinet = np.array([cabinet_of[row["cabinet_id"]] for row in rows])
    position = np.array([_integer(row.get("position"), -1) for row in rows])
    is_switched = np.array([cabinets[name].get("switching") == "contactor" for name in cabinet_ids])
    plant = build_plant(
        rated_power_w=[_power(row) for row in rows],
        technology=[NAMES.index(_technology(row)) for row in rows],
        cabinet=cabinet,
        circuit=circuit,
        position=position,
        phase=[_PHASES.get(row.get("phase") or "", index % 3) for row, index in zip(rows, circuit, strict=True)],
        is_dimmable=[(row.get("dimmable") or "").lower() == "true" for row in rows],
        has_node=[_has_node(row, is_switched=bool(is_switched[c])) for row, c in zip(rows, cabinet, strict=True)],
        latitude=latitude,
        longitude=longitude,
        span_m=_spans(np.array(circuit), position, latitude, longitude),
        is_contactor_switched=is_switched,
        n_cabinets=len(cabinet_ids),
    )
    centre = _centroids(cabinet, latitude, longitude, len(cabinet_ids))
    return Town(
        folder=folder,
        group=settings["city"].get("group", "terang"),
        timezone=settings["city"].get("timezone", _ZONE),
        schedule=settings.get("schedule", {}),
        plant=plant,
        lamp_ids=tuple(row["lamp_id"] for row in rows),
        cabinet_ids=cabinet_ids,
        circuit_names=tuple(circuit_of),
        is_photocell=np.array([_is_plain(row) for row in rows]) & ~is_switched[cabinet],
        cabinet_latitude=centre[0],
        cabinet_longitude=centre[1],
        controllers=_controllers(rows, cabinets, cabinet_of, circuit_of),
    )


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TownError(Message("sim.at", where=path, reason=why(error))) from error
    if not isinstance(settings.get("city"), dict):
        raise TownError(Message("sim.no_city_table", path=path))
    try:
        parse_schedule(settings.get("schedule", {}), settings["city"].get("timezone", _ZONE))
    except (ValueError, TypeError, AttributeError) as error:
        raise TownError(Message("sim.at", where=path, reason=why(error))) from error
    return settings


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source)
            return [
                {**{key: (value or "").strip() for key, value in row.items() if key}, _LINE: str(reader.line_num)}
                for row in reader
            ]
    except (OSError, ValueError, csv.Error) as error:
        raise TownError(Message("sim.at", where=path, reason=why(error))) from error


def _places(path: Path, rows: list[dict[str, str]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitude and longitude of the lamps [degrees]; a city is played by the sun, so each needs a place."""
    seen: set[str] = set()
    places: dict[str, list[float]] = {"latitude": [], "longitude": []}
    for row in rows:
        if row["lamp_id"] in seen:
            raise TownError(Message("sim.lamp_twice", path=path, line=Plain(row[_LINE]), lamp_id=row["lamp_id"]))
        seen.add(row["lamp_id"])
        for name, limit in (("latitude", 90.0), ("longitude", 180.0)):
            try:
                degrees = float(row.get(name) or "")
            except ValueError:
                degrees = math.nan
            if not abs(degrees) <= limit:
                raise TownError(
                    Message(
                        "sim.no_degrees",
                        path=path,
                        line=Plain(row[_LINE]),
                        name=Plain(name),
                        value=row.get(name, ""),
                        lamp_id=Plain(row["lamp_id"]),
                    )
                )
            places[name].append(degrees)
    return np.array(places["latitude"]), np.array(places["longitude"])


def _integer(text: str | None, unknown: int) -> int:
    try:
        return int(text or "")
    except ValueError:
        return unknown


def _technology(row: Mapping[str, str]) -> str:
    name = row.get("technology") or "other"
    return name if name in NAMES else "other"


def _power(row: Mapping[str, str]) -> float:
    try:
        power_w = float(row.get("rated_power_w") or "nan")
    except ValueError:
        power_w = math.nan
    return power_w if power_w > 0 else _USUAL_POWER_W[_technology(row)]


def _has_node(row: Mapping[str, str], *, is_switched: bool) -> bool:
    """A lamp node switches and dims its lamp; without a contactor some node or photocell must switch it."""
    return row.get("profile") == "lamp-node" or not is_switched


def _is_plain(row: Mapping[str, str]) -> bool:
    """A plain meter, no node: where no contactor switches either, a photocell does."""
    return row.get("profile") not in {"lamp-node", "", None}


def _spans(
    circuit: NDArray[np.int64],
    position: NDArray[np.int64],
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Metres from the previous pole of the same circuit."""
    order = np.lexsort((np.where(position < 0, 2**31, position), circuit))
    north = np.diff(latitude[order]) * _M_PER_DEGREE
    east = np.diff(longitude[order]) * _M_PER_DEGREE * np.cos(np.radians(latitude[order][1:]))
    apart = np.hypot(north, east)
    is_same = np.diff(circuit[order]) == 0
    spans = np.full(len(order), DEFAULT_SPAN_M)
    is_usual = is_same & (apart > 1.0) & (apart < _LONGEST_SPAN_M)
    spans[order[1:]] = np.where(is_usual, apart, DEFAULT_SPAN_M)
    return spans


def _centroids(
    cabinet: NDArray[np.int64], latitude: NDArray[np.float64], longitude: NDArray[np.float64], n_cabinets: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n_lamps = np.maximum(np.bincount(cabinet, minlength=n_cabinets), 1)
    return (
        np.bincount(cabinet, latitude, n_cabinets) / n_lamps,
        np.bincount(cabinet, longitude, n_cabinets) / n_lamps,
    )


def _controllers(
    rows: list[dict[str, str]],
    cabinets: Mapping[str, Mapping[str, str]],
    cabinet_of: Mapping[str, int],
    circuit_of: Mapping[tuple[str, str], int],
) -> tuple[Controller, ...]:
    members: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        controller_id = cabinets[row["cabinet_id"]].get("controller_id") or ""
        if controller_id:
            members.setdefault(controller_id, []).append(index)
    if not members:
        raise TownError(Message("sim.no_controller"))
    circuits_of: dict[str, list[tuple[str, int]]] = {}
    for (cabinet_id, name), number in circuit_of.items():
        circuits_of.setdefault(cabinets[cabinet_id].get("controller_id") or "", []).append((name, number))
    found = []
    for controller_id, lamps in members.items():
        named = [(name, number) for name, number in circuits_of.get(controller_id, []) if name]
        found.append(
            Controller(
                controller_id=controller_id,
                lamp_ids=tuple(rows[lamp]["lamp_id"] for lamp in lamps),
                lamps=np.array(lamps, np.int64),
                circuit_names=tuple(name for name, _ in named),
                circuits=np.array([number for _, number in named], np.int64),
                cabinet=cabinet_of[rows[lamps[0]]["cabinet_id"]],
                metering=_metering(cabinets[rows[lamps[0]]["cabinet_id"]]),
                buses=tuple(rows[lamp].get("bus") or "" for lamp in lamps),
                addresses=np.array([_integer(rows[lamp].get("address"), -1) for lamp in lamps], np.int64),
                profiles=tuple(rows[lamp].get("profile") or "" for lamp in lamps),
                has_circuit_meters=_has_circuit_meters(cabinets[rows[lamps[0]]["cabinet_id"]]),
            )
        )
    return tuple(found)


def _metering(cabinet: Mapping[str, str]) -> str:
    """What a generated town's own column says; any other register's lamps are taken as metered one by one."""
    text = cabinet.get("metering") or "lamp"
    return text if text in {"lamp", "circuit", "cabinet"} else "lamp"


def _has_circuit_meters(cabinet: Mapping[str, str]) -> bool:
    """A generated town names the sum meters of each cabinet; any other register's cabinets have all that there are."""
    return _metering(cabinet) != "cabinet" and (cabinet.get("meters") or "circuit+cabinet") != "cabinet"
