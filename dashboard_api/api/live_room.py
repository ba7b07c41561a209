"""The live room's wall in one answer of bounded size: summary, energy of the night, worst and oldest faults, events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import JSONResponse

from dashboard_api.context import CatalogueOf, Context, ContextOf
from dashboard_api.formats.times import iso, number
from dashboard_api.http.json_answer import answer_in
from dashboard_api.store.fault_list import FaultFilter
from dashboard_api.store.live_room import energy_between, newest_events, oldest_open
from dashboard_api.store.repairs import STILL_DARK, VERIFIED, WAITING, Repair, list_repairs
from ingest.schema import life
from languages.catalogue import Catalogue

N_WORST: Final = 12
N_EVENTS: Final = 8
N_REPAIRS: Final = 3
REPAIR_DAYS: Final = 7
_COUNTED_REPAIRS: Final = 500
_FRESH_S: Final = 30.0  # what depends on time: priorities grow with a fault's age
_ENERGY_FRESH_S: Final = 60.0  # ingest adds to it every half hour
_NOON_H: Final = 12
_SHOWN: Final = (
    life.EVENT_OPENED,
    life.EVENT_REOPENED,
    life.EVENT_CLOSED,
    "reopen",
    "repair",
    "cannot_repair",
    "start",
    "assign",
)


@dataclass(frozen=True, slots=True)
class Night:
    """A night from noon to noon of the city's zone, UTC microseconds."""

    start_us: int
    end_us: int


def night_of(now_us: int, zone: ZoneInfo, *, is_lit: bool) -> Night:
    """The night that we are in; by day (lamps are off as they should be) the last one that is over.

    Args:
        now_us: the city's now.
        zone: the city's.
        is_lit: whether lamps should be lit.
    """
    local = datetime.fromtimestamp(now_us // 1_000_000, UTC).astimezone(zone)
    first = local.date() if local.hour >= _NOON_H and is_lit else local.date() - timedelta(days=1)
    noons = (datetime(day.year, day.month, day.day, _NOON_H, tzinfo=zone) for day in (first, first + timedelta(days=1)))
    start_us, end_us = (int(noon.timestamp()) * 1_000_000 for noon in noons)
    return Night(start_us, end_us)


class LiveRoom:
    """Keeps the parts of the answer as long as they hold; several walls cost no more than one. Safe for threads."""

    def __init__(
        self,
        context: Context,
        summary: Callable[[Context], dict[str, Any]],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Of ``context``'s city; ``summary``: what ``/summary`` answers; ``now_s``: a clock that only goes forward."""
        self._context = context
        self._summary = summary
        self._now_s = now_s
        self._lock = threading.Lock()
        self._faults: dict[str, tuple[str, float, dict[str, Any]]] = {}  # by language
        self._energy: tuple[Night, float, dict[str, Any]] | None = None

    def document(self, catalogue: Catalogue) -> dict[str, Any]:
        """What ``/live`` answers.

        Raises:
            UnavailableError: the database does not answer.
        """
        mark, _version = self._context.states_mark()
        summary = self._summary(self._context)
        return {
            "mark": mark,
            "summary": summary,
            "energy": self._energy_document(is_lit=summary["lamps"]["lit_share"] is not None),
            **self._faults_document(mark, catalogue),
        }

    def _energy_document(self, *, is_lit: bool) -> dict[str, Any]:
        night = night_of(self._context.now_us(), ZoneInfo(self._context.city.city.timezone), is_lit=is_lit)
        with self._lock:
            kept = self._energy
        if kept is None or kept[0] != night or self._now_s() - kept[1] >= _ENERGY_FRESH_S:
            row = energy_between(self._context.database, night.start_us, night.end_us)
            made = {
                "start": iso(night.start_us),
                "end": iso(night.end_us),
                "measured_kwh": number(row.measured_wh / 1000, 1),
                "interpolated_kwh": number(row.interpolated_wh / 1000, 1),
                "estimated_kwh": number(row.estimated_wh / 1000, 1),
                "newest_hour": iso(row.newest_us),
                "cabinets_measured": row.n_measured,
            }
            kept = (night, self._now_s(), made)
            with self._lock:
                self._energy = kept
        return {**kept[2], "is_over": not is_lit}

    def _faults_document(self, mark: str, catalogue: Catalogue) -> dict[str, Any]:
        with self._lock:
            kept = self._faults.get(catalogue.language)
        if kept is not None and kept[0] == mark and self._now_s() - kept[1] < _FRESH_S:
            return kept[2]
        made = self._read(catalogue)
        with self._lock:
            self._faults[catalogue.language] = (mark, self._now_s(), made)
        return made

    def _read(self, catalogue: Catalogue) -> dict[str, Any]:
        database = self._context.database
        worst = self._context.faults.page(FaultFilter(), catalogue, order="priority", limit=N_WORST).items()
        oldest = oldest_open(database)
        events = newest_events(database, _SHOWN, N_EVENTS)
        return {
            "worst": [_of_document(fault) for fault in worst],
            "oldest": None if oldest is None else _of_row(oldest, catalogue),
            "events": [
                {
                    "seq": row.event_seq,
                    "at": iso(row.event_at_us),
                    "kind": row.event_kind,
                    "verified": bool(row.event_data.get("verified")),
                    "fault": _of_row(row, catalogue),
                }
                for row in events
            ],
            "repairs": self._repairs(catalogue),
        }

    def _repairs(self, catalogue: Catalogue) -> dict[str, Any]:
        since_us = self._context.now_us() - REPAIR_DAYS * 86_400_000_000
        repairs, before = list_repairs(
            self._context.database, actor=None, since_us=since_us, before_seq=None, limit=_COUNTED_REPAIRS
        )
        proved = sorted((one for one in repairs if one.result == VERIFIED), key=_proved_at, reverse=True)
        return {
            "since": iso(since_us),
            "is_whole": before is None,
            "verified": len(proved),
            "still_dark": sum(one.result == STILL_DARK for one in repairs),
            "waiting": sum(one.result == WAITING for one in repairs),
            "last": [
                {
                    "at": iso(one.result_at_us),
                    "power_w": number(one.power_w, 1),
                    "fault": _of_row(one.fault, catalogue),
                }
                for one in proved[:N_REPAIRS]
            ],
        }


def _proved_at(repair: Repair) -> int:
    return repair.result_at_us or 0


def _of_row(row: Any, catalogue: Catalogue) -> dict[str, Any]:
    """A fault in brief: no names of people, and of the lamps that it takes with it only their number."""
    return {
        "id": row.id,
        "code": row.code,
        "title": catalogue.say(f"fault.{row.code}.title"),
        "level": row.level,
        "severity": row.severity,
        "priority": row.priority,
        "state": row.state,
        "opened_at": iso(row.opened_at_us),
        "since": _text((row.evidence or {}).get("since")),
        "lamps": len(row.lamp_ids or ()),
        "lamp_id": row.lamp_id,
        "cabinet_id": row.cabinet_id,
        "street": row.street,
        "district": row.district,
        "latitude": row.latitude,
        "longitude": row.longitude,
    }


def _of_document(fault: dict[str, Any]) -> dict[str, Any]:
    """The same of a fault as the lists have it."""
    same = ("id", "code", "title", "level", "severity", "priority", "state", "opened_at")
    where = ("lamp_id", "cabinet_id", "street", "district", "latitude", "longitude")
    return {
        **{name: fault[name] for name in (*same, *where)},
        "since": _text((fault["evidence"] or {}).get("since")),
        "lamps": len(fault["lamp_ids"] or ()),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def get_live_room(request: Request, context: ContextOf, catalogue: CatalogueOf) -> JSONResponse:
    """Everything that a wall shows, and which build of the wall's page the server has."""
    room: LiveRoom = request.app.state.live_room
    document = {"page": request.app.state.wall_build(), "now": iso(context.now_us()), **room.document(catalogue)}
    return answer_in(catalogue, document)
