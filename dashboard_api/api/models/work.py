"""Maintenance windows and dim commands."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from dashboard_api.api.models.answer import Answer, example

CommandState = Literal["queued", "sent", "confirmed", "failed"]
_WINDOW: Final[dict[str, Any]] = {
    "id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
    "cabinet_id": "C-017",
    "circuit": None,
    "lamp_id": None,
    "actor": "local",
    "note": "cable works",
    "from": "2026-11-23T12:05:00Z",
    "until": "2026-11-24T00:00:00Z",
}


class MaintenanceWindow(Answer):
    """Work that is announced: until then nothing new opens there."""

    model_config = example(_WINDOW)

    id: str
    cabinet_id: str | None
    circuit: str | None
    lamp_id: str | None
    actor: str
    note: str | None
    from_: str = Field(alias="from")
    until: str


class MaintenanceList(Answer):
    """Windows that have not expired."""

    model_config = example({"items": [_WINDOW], "next_cursor": None})

    items: list[MaintenanceWindow]
    next_cursor: None


_CHECK: Final[dict[str, Any]] = {
    "number": "7K3M2QXDAB",
    "at": "2026-11-23T12:05:00Z",
    "service": "lamp-dark",
    "found": "burning",
    "lamp_id": "L-000123",
    "latitude": 0.7893,
    "longitude": 102.0489,
    "address": "Jalan Melati",
    "district": "Siak",
    "description": None,
    "n_reports": 2,
}


class CheckItem(Answer):
    """A citizen's report of which no fault is known; `found` is what was measured when it came."""

    model_config = example(_CHECK)

    number: str
    at: str
    service: str
    found: str
    lamp_id: str | None
    latitude: float | None
    longitude: float | None
    address: str | None
    district: str | None
    description: str | None
    n_reports: int


class CheckList(Answer):
    """Checks that wait, oldest first."""

    model_config = example({"items": [_CHECK], "next_cursor": None})

    items: list[CheckItem]
    next_cursor: None


class CheckResult(Answer):
    """What a check found."""

    model_config = example({"number": "7K3M2QXDAB", "outcome": "in_order"})

    number: str
    outcome: Literal["in_order", "mended", "not_found"]


class Command(Answer):
    """A dim command and what became of it."""

    model_config = example(
        {
            "id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
            "actor": "local",
            "kind": "dim",
            "lamp_ids": ["L-000123"],
            "level": 50,
            "state": "queued",
            "result": {},
            "message": None,
            "requested_at": "2026-11-23T12:05:00Z",
            "until": None,
            "updated_at": "2026-11-23T12:05:00Z",
        }
    )

    id: str
    actor: str
    kind: Literal["dim"]
    lamp_ids: list[str]
    level: int | None = Field(description="%; null = back to the schedule")
    state: CommandState
    result: dict[str, Any] = Field(description="what the controllers answered; of a failure the code `reason`")
    message: str | None = Field(description="the reason in the language of the answer")
    requested_at: str
    until: str | None
    updated_at: str
