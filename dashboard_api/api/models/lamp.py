"""Lamps: one lamp, the map's collection, present states, readings."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from dashboard_api.api.models.answer import Answer, example
from dashboard_api.api.models.fault import FAULT_EXAMPLE, Fault

LampState = Literal["silent", "off", "lit", "dark", "unmetered"]

_LATEST_EXAMPLE: Final[dict[str, Any]] = {
    "at": "2026-11-23T12:05:00Z",
    "state": "lit",
    "power_w": 63.1,
    "voltage_v": 229.5,
}
_PROPERTIES_EXAMPLE: Final[dict[str, Any]] = {
    "lamp_id": "L-000123",
    "cabinet_id": "C-017",
    "circuit": "2",
    "position": 4,
    "street": "Jalan Merdeka",
    "district": "Siak",
    "technology": "LED",
    "rated_power_w": 90.0,
    "is_monitored": True,
    "state": "lit",
    "level": 70,
    "power_w": 63.1,
    "at": "2026-11-23T12:05:00Z",
}


class LatestReading(Answer):
    """A lamp's newest live reading: beside time and state a figure for each quantity, null where it is unknown."""

    model_config = example(_LATEST_EXAMPLE, is_open=True)
    __pydantic_extra__: dict[str, float | int | None]

    at: str | None
    state: LampState


class Lamp(Answer):
    """A lamp's register entry, its newest reading and its open faults."""

    model_config = example(
        {
            **{name: _PROPERTIES_EXAMPLE[name] for name in ("lamp_id", "cabinet_id", "circuit", "position")},
            "position_source": "survey",
            "latitude": 0.7893,
            "longitude": 102.0489,
            "rated_power_w": 90.0,
            "technology": "LED",
            "bus": "A",
            "address": 4,
            "profile": "lamp-node",
            "phase": "R",
            "dimmable": True,
            "street": "Jalan Merdeka",
            "district": "Siak",
            "village": None,
            "road_class": "local",
            "installed_on": "2020-01-01",
            "extra": {"pole": "steel"},
            "state": "lit",
            "latest": _LATEST_EXAMPLE,
            "live_at": "2026-11-23T12:04:58Z",
            "live_age_s": 1.4,
            "faults": [FAULT_EXAMPLE],
        }
    )

    lamp_id: str
    cabinet_id: str | None
    circuit: str | None
    position: int | None = Field(description="1 = first pole behind the cabinet")
    position_source: str | None = Field(description="`survey` or `estimated`")
    latitude: float
    longitude: float
    rated_power_w: float | None
    technology: str
    bus: str | None
    address: int | None
    profile: str | None
    phase: str | None
    dimmable: bool
    street: str | None
    district: str | None
    village: str | None
    road_class: str | None
    installed_on: str | None
    extra: dict[str, Any] = Field(description="further columns of the register, as they are")
    state: LampState = Field(description="by its own reading or by a fault that stands")
    latest: LatestReading | None
    live_at: str | None = Field(description="time of the live picture; null = ingest has written none")
    live_age_s: float | None = Field(description="seconds since ingest wrote it")
    faults: list[Fault]


class LampProperties(Answer):
    """What a map shows of a lamp."""

    model_config = example(_PROPERTIES_EXAMPLE)

    lamp_id: str
    cabinet_id: str | None
    circuit: str | None
    position: int | None
    street: str | None
    district: str | None
    technology: str
    rated_power_w: float | None
    is_monitored: bool = Field(description="whether a cabinet feeds it")
    state: LampState
    level: int | None
    power_w: float | None
    at: str | None


class LampPoint(Answer):
    """GeoJSON point."""

    type: Literal["Point"]
    coordinates: list[float] = Field(min_length=2, max_length=2, description="longitude, latitude")


class LampFeature(Answer):
    """One lamp as GeoJSON; `id` is its row in the register."""

    type: Literal["Feature"]
    id: int
    geometry: LampPoint
    properties: LampProperties


class LampCollection(Answer):
    """Every lamp of the register as GeoJSON."""

    type: Literal["FeatureCollection"]
    live_at: str | None = Field(description="time of the live picture; null = ingest has written none")
    live_age_s: float | None = Field(description="seconds since ingest wrote it")
    features: list[LampFeature]


class LampStates(Answer):
    """Present state and level of every lamp as parallel arrays in register order."""

    model_config = example(
        {
            "at": "2026-11-23T12:05:00Z",
            "live_at": "2026-11-23T12:04:58Z",
            "live_age_s": 1.4,
            "register_version": 3,
            "lamp_id": ["L-000123", "L-000124"],
            "state": [2, 3],
            "level": [70, 255],
        }
    )

    at: str
    live_at: str | None = Field(description="time of the live picture; null = ingest has written none")
    live_age_s: float | None = Field(description="seconds since ingest wrote it")
    register_version: int
    lamp_id: list[str]
    state: list[int] = Field(description="0 silent, 1 off, 2 lit, 3 dark, 4 unmetered")
    level: list[int] = Field(description="commanded level, %; 255 = unknown")


class Readings(Answer):
    """A lamp's history as parallel columns, oldest first."""

    model_config = example(
        {
            "lamp_id": "L-000123",
            "every_s": 900,
            "n": 2,
            "columns": {
                "at": ["2026-11-23T12:00:00Z", "2026-11-23T12:15:00Z"],
                "power_w": [63.1, None],
                "voltage_v": [229.5, 230.1],
            },
        }
    )

    lamp_id: str
    every_s: int | None = Field(description="seconds that each row averages; null = single readings")
    n: int = Field(description="rows")
    columns: dict[str, list[Any]] = Field(description="`at`, then each measured quantity; null = unknown")
