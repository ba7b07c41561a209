"""Faults: one fault, lists, the timeline, actions, live events."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from dashboard_api.api.models.answer import Answer, example
from ingest.schema.codes import Level, Severity

FaultState = Literal["open", "acknowledged", "assigned", "repaired", "closed"]
Action = Literal["acknowledge", "assign", "start", "repair", "cannot_repair", "comment", "reopen"]
EventKind = Literal["opened", "changed", "closed"]

FAULT_EXAMPLE: Final[dict[str, Any]] = {
    "id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
    "code": "lampFailure",
    "level": "lamp",
    "severity": "major",
    "priority": 71,
    "state": "open",
    "opened_at": "2026-11-23T12:05:00Z",
    "updated_at": "2026-11-23T12:05:00Z",
    "closed_at": None,
    "verified": False,
    "lamp_id": "L-000123",
    "lamp_ids": ["L-000123"],
    "cabinet_id": "C-017",
    "controller_id": "PJU-017",
    "bus": "A",
    "circuit": "2",
    "span": None,
    "latitude": 0.7893,
    "longitude": 102.0489,
    "street": "Jalan Merdeka",
    "district": "Siak",
    "caused_by": None,
    "assignee": None,
    "started_at": None,
    "deferred_until": None,
    "version": 3,
    "evidence": {
        "power_w": 0.4,
        "expected_power_w": 90.0,
        "samples": 3,
        "since": "2026-11-23T12:02:00Z",
        "priority": {"danger": {"points": 30, "why": "consecutive_dark", "n": 4}},
    },
    "title": "Lampu mati",
    "advice": "Bawa lampu atau driver pengganti berdaya sama, sekring tiang, dan tangga; periksa sekring tiang dulu.",
}
_EVENT_EXAMPLE: Final[dict[str, Any]] = {
    "seq": 42,
    "at": "2026-11-23T12:05:00Z",
    "actor": "telemetry",
    "kind": "opened",
    "state": "open",
    "version": 1,
    "reason": None,
    "note": None,
    "data": {},
}


REPAIR_EXAMPLE: Final[dict[str, Any]] = {
    "action_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
    "at": "2026-11-23T18:40:00Z",
    "claimed_at": "2026-11-24T01:40:00+07:00",
    "actor": "local",
    "note": None,
    "cause": "driver",
    "part": "LED driver 90 W",
    "result": "verified",
    "result_at": "2026-11-23T19:12:00Z",
    "power_w": 46.9,
    "words": "Verified: 46.9 W at 02:12",
}


class Span(Answer):
    """Where a cable is broken: the nearest metered lamps on both sides."""

    after: str = Field(description="last metered lamp before the break")
    before: str = Field(description="first metered lamp behind the break")


class Fault(Answer):
    """One fault as the contract shows it."""

    model_config = example(FAULT_EXAMPLE)

    id: str = Field(description="ULID")
    code: str = Field(description="kind of fault, one of `GET /api/v1/codes`")
    level: Level = Field(description="what is affected as a whole")
    severity: Severity
    priority: int = Field(
        ge=0, le=100, description="order in which a crew should drive; reasons in `evidence.priority`"
    )
    state: FaultState
    opened_at: str = Field(description="time of the confirming sample, UTC; the onset is `evidence.since`")
    updated_at: str
    closed_at: str | None
    verified: bool = Field(description="whether telemetry has proved the repair")
    lamp_id: str | None = Field(description="the lamp of a fault of level `lamp`")
    lamp_ids: list[str] = Field(description="every lamp that the fault takes with it")
    cabinet_id: str | None
    controller_id: str | None
    bus: str | None
    circuit: str | None
    span: Span | None
    latitude: float | None = Field(description="WGS 84 degrees")
    longitude: float | None
    street: str | None
    district: str | None
    caused_by: str | None = Field(description="id of the fault that explains this one")
    assignee: str | None
    started_at: str | None = Field(description="when work began, of an assigned fault")
    deferred_until: str | None = Field(description="it cannot be repaired before, of an acknowledged fault")
    version: int = Field(description="grows with every change that people see; `if_version` of an action")
    evidence: dict[str, Any] = Field(description="codes and measured figures with units in their names")
    title: str = Field(description="the code in the language of the answer")
    advice: str = Field(description="what to check and to bring, in the language of the answer")


class TimelineEntry(Answer):
    """One line of a fault's timeline."""

    model_config = example(_EVENT_EXAMPLE)

    seq: int
    at: str
    actor: str = Field(description="`telemetry`, or who acted")
    kind: str = Field(
        description="what happened: an action, or opened, changed, suppressed, unsuppressed, reopened, closed"
    )
    state: FaultState = Field(description="after this entry")
    version: int = Field(description="of the fault after this entry")
    reason: str | None = Field(description="why telemetry wrote the entry, as a code")
    note: str | None = Field(description="what a person wrote, or the reason in the language of the answer")
    data: dict[str, Any]


class Repair(Answer):
    """A repair that a person claimed, and what telemetry showed afterwards."""

    model_config = example(REPAIR_EXAMPLE)

    action_id: str | None
    at: str = Field(description="when it was done, dated by the server")
    claimed_at: str | None = Field(description="`at` as the phone sent it")
    actor: str
    note: str | None
    cause: str | None
    part: str | None
    result: Literal["waiting", "verified", "still_dark", "reopened", "closed"]
    result_at: str | None
    power_w: float | None = Field(description="what the lamp drew when it was verified")
    words: str = Field(description="the result in the language of the answer, times in the city's zone")


class FaultDetail(Fault):
    """One fault with its timeline, oldest entry first."""

    model_config = example({**FAULT_EXAMPLE, "repair": REPAIR_EXAMPLE, "photos": [], "timeline": [_EVENT_EXAMPLE]})

    repair: Repair | None = Field(description="the newest repair that was claimed")
    photos: list[str] = Field(description="ids of `GET /api/v1/faults/{fault_id}/photos/{photo_id}`, oldest first")
    timeline: list[TimelineEntry]


class FaultPage(Answer):
    """One page of faults."""

    model_config = example({"items": [FAULT_EXAMPLE], "next_cursor": None})

    items: list[Fault]
    next_cursor: str | None = Field(description="`cursor` of the next page; null at the end")


class FaultPoint(Answer):
    """GeoJSON point."""

    type: Literal["Point"]
    coordinates: list[float] = Field(min_length=2, max_length=2, description="longitude, latitude")


class FaultFeature(Answer):
    """A fault as GeoJSON; its geometry is null where its place is unknown."""

    type: Literal["Feature"]
    id: str
    geometry: FaultPoint | None
    properties: dict[str, Any] = Field(description="the members of `Fault` without latitude and longitude")


class FaultCollection(Answer):
    """A page of faults as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[FaultFeature]
    next_cursor: str | None


class FaultEvent(Answer):
    """The `data` of a server-sent event: what happened to a fault, and the fault after it."""

    model_config = example({"id": 42, "kind": "opened", "fault": FAULT_EXAMPLE})

    id: int
    kind: EventKind
    fault: Fault
