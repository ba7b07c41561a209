"""The live room's wall in one answer."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from dashboard_api.api.models.answer import Answer, example
from dashboard_api.api.models.city import SUMMARY_EXAMPLE, Summary
from dashboard_api.api.models.fault import FaultState
from ingest.schema.codes import Level, Severity

_BRIEF: Final[dict[str, Any]] = {
    "id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
    "code": "circuitFailure",
    "title": "Circuit without power",
    "level": "circuit",
    "severity": "critical",
    "priority": 88,
    "state": "open",
    "opened_at": "2026-11-23T12:05:00Z",
    "since": "2026-11-23T12:01:00Z",
    "lamps": 24,
    "lamp_id": None,
    "cabinet_id": "C-017",
    "street": "Jalan Merdeka",
    "district": "Siak",
    "latitude": 0.7893,
    "longitude": 102.0489,
}


class BriefFault(Answer):
    """A fault as a wall shows it."""

    model_config = example(_BRIEF)

    id: str = Field(description="ULID")
    code: str
    title: str = Field(description="the code in the language of the answer")
    level: Level
    severity: Severity
    priority: int
    state: FaultState
    opened_at: str
    since: str | None = Field(description="the onset, where it is known")
    lamps: int = Field(description="how many lamps the fault takes with it")
    lamp_id: str | None
    cabinet_id: str | None
    street: str | None
    district: str | None
    latitude: float | None
    longitude: float | None


class NightEnergy(Answer):
    """Energy of the night, or by day of the last one; what was measured is never added to what was not."""

    start: str = Field(description="noon before the night, in the city's zone")
    end: str
    measured_kwh: float
    interpolated_kwh: float
    estimated_kwh: float
    newest_hour: str | None = Field(description="start of the newest hour that is counted")
    cabinets_measured: int
    is_over: bool = Field(description="lamps are off as they should be: it is the last night")


class RoomEvent(Answer):
    """Something that has just happened."""

    seq: int
    at: str
    kind: str = Field(description="opened, reopened, closed, reopen, repair, cannot_repair, start, assign")
    verified: bool = Field(description="of `closed`: telemetry proved a repair")
    fault: BriefFault


class ProvedRepair(Answer):
    """A repair that telemetry has proved."""

    at: str = Field(description="when")
    power_w: float | None
    fault: BriefFault


class RoomRepairs(Answer):
    """Repairs that were claimed within the last days, by what telemetry showed afterwards."""

    since: str
    is_whole: bool = Field(description="false: there are more than were counted")
    verified: int
    still_dark: int
    waiting: int
    last: list[ProvedRepair]


class LiveRoom(Answer):
    """Everything that a wall shows; every list is short whatever the city's size."""

    model_config = example(
        {
            "page": "3f6a0c1d9b5e4a77",
            "now": "2026-11-23T12:05:00Z",
            "mark": "3-118-4711",
            "summary": SUMMARY_EXAMPLE,
            "energy": {
                "start": "2026-11-23T05:00:00Z",
                "end": "2026-11-24T05:00:00Z",
                "measured_kwh": 612.4,
                "interpolated_kwh": 3.1,
                "estimated_kwh": 20.5,
                "newest_hour": "2026-11-23T12:00:00Z",
                "cabinets_measured": 38,
                "is_over": False,
            },
            "worst": [_BRIEF],
            "oldest": _BRIEF,
            "events": [
                {"seq": 4711, "at": "2026-11-23T12:05:00Z", "kind": "opened", "verified": False, "fault": _BRIEF}
            ],
            "repairs": {
                "since": "2026-11-16T12:05:00Z",
                "is_whole": True,
                "verified": 14,
                "still_dark": 2,
                "waiting": 3,
                "last": [{"at": "2026-11-23T11:12:00Z", "power_w": 46.9, "fault": {**_BRIEF, "state": "closed"}}],
            },
        }
    )

    page: str | None = Field(description="build of the wall's page; a wall of another one loads itself anew")
    now: str = Field(description="the city's")
    mark: str = Field(description="changes when a lamp's state or a fault may have changed")
    summary: Summary
    energy: NightEnergy
    worst: list[BriefFault] = Field(description="open faults of the highest priorities")
    oldest: BriefFault | None
    events: list[RoomEvent] = Field(description="newest first")
    repairs: RoomRepairs
