"""Cabinets: the list, one cabinet, its energy."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dashboard_api.api.models.answer import Answer, example
from dashboard_api.api.models.city import LampFigures
from dashboard_api.api.models.fault import FAULT_EXAMPLE, Fault

Period = Literal["hour", "day", "month"]

_ROW = {
    "cabinet_id": "C-017",
    "name": "Panel Merdeka",
    "latitude": 0.7893,
    "longitude": 102.0489,
    "district": "Siak",
    "controller_id": "PJU-017",
    "online": True,
}


class CabinetRow(Answer):
    """A cabinet as the map shows it."""

    model_config = example(_ROW)

    cabinet_id: str
    name: str | None
    latitude: float | None
    longitude: float | None
    district: str | None
    controller_id: str | None
    online: bool | None = Field(description="whether its controller is heard; null = never met")


class CabinetList(Answer):
    """Every cabinet."""

    model_config = example({"items": [_ROW], "next_cursor": None})

    items: list[CabinetRow]
    next_cursor: None


class Cabinet(CabinetRow):
    """A cabinet's register entry, its lamps by state and its open faults."""

    model_config = example(
        {
            **_ROW,
            "village": None,
            "supply_account": "5312 0001 2345",
            "supply_va": 5500.0,
            "transformer": "T-12",
            "metered": "yes",
            "switching": "contactor",
            "extra": {},
            "last_seen": "2026-11-23T12:05:00Z",
            "live_at": "2026-11-23T12:04:58Z",
            "live_age_s": 1.4,
            "lamp_ids": ["L-000123", "L-000124"],
            "lamps": {
                "total": 2,
                "silent": 0,
                "off": 0,
                "lit": 1,
                "dark": 1,
                "unmetered": 0,
                "lit_share": 0.5,
            },
            "faults": [FAULT_EXAMPLE],
        }
    )

    village: str | None
    supply_account: str | None
    supply_va: float | None
    transformer: str | None
    metered: str | None
    switching: str | None = Field(description="`contactor` or `lamp`")
    extra: dict[str, Any] = Field(description="further columns of the register, as they are")
    last_seen: str | None
    live_at: str | None = Field(description="time of the live picture; null = ingest has written none")
    live_age_s: float | None = Field(description="seconds since ingest wrote it")
    lamp_ids: list[str]
    lamps: LampFigures
    faults: list[Fault]


class EnergyPeriod(Answer):
    """Energy of one period of the city's zone."""

    start: str = Field(description="`2026-11`, `2026-11-23`, or the hour with its offset from UTC")
    measured_kwh: float
    interpolated_kwh: float
    estimated_kwh: float = Field(description="of lamps without a counter: lit hours times expected power")
    lit_hours: float = Field(description="mean over the cabinet's lamps")


class Energy(Answer):
    """A cabinet's energy by period."""

    model_config = example(
        {
            "cabinet_id": "C-017",
            "every": "day",
            "items": [
                {
                    "start": "2026-11-23",
                    "measured_kwh": 41.2,
                    "interpolated_kwh": 0.4,
                    "estimated_kwh": 0.0,
                    "lit_hours": 11.5,
                }
            ],
            "next_cursor": None,
        }
    )

    cabinet_id: str
    every: Period
    items: list[EnergyPeriod]
    next_cursor: None
