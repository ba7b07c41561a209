"""Maintenance windows: places that are being worked on."""

from __future__ import annotations

from typing import Any, Final, Self

from fastapi import Request, status
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from ulid import ULID

from dashboard_api.api.fields import CircuitName, Id, Note, TimeText, refuse_blank
from dashboard_api.context import ActorOf, Context, ContextOf, PrincipalOf
from dashboard_api.errors import BadRequestError, ForbiddenError, NotFoundError, UnavailableError
from dashboard_api.formats.times import iso, parse_time
from dashboard_api.http.entity_tag import entity_tag, not_modified, tag_headers
from dashboard_api.store.register_rows import is_lamp, lamp_districts, lamps_of_cabinet, one_cabinet
from dashboard_api.store.work import add_maintenance, current_maintenance
from languages.message import Message

_DAY_US: Final = 86_400 * 1_000_000
_MAX_DAYS: Final = 90
_MAX_OPEN: Final = 2_000  # windows at a time


class MaintenanceRequest(BaseModel):
    """What is being worked on, and until when: a lamp, a cabinet, or one circuit of a cabinet."""

    model_config = ConfigDict(extra="forbid")

    cabinet_id: Id | None = None
    circuit: CircuitName | None = None
    lamp_id: Id | None = None
    until: TimeText = Field(description="ISO 8601, at most 90 days ahead", examples=["2026-11-24T00:00:00Z"])
    note: Note | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.lamp_id is None) == (self.cabinet_id is None):
            raise ValueError(Message("value.lamp_or_cabinet"))
        if self.circuit is not None and self.cabinet_id is None:
            raise ValueError(Message("value.circuit_alone"))
        return self


def post_maintenance(
    context: ContextOf, actor: ActorOf, principal: PrincipalOf, request: MaintenanceRequest
) -> JSONResponse:
    """Announce work: until then nothing new opens there; it expires by itself."""
    refuse_blank("note", request.note)
    if request.lamp_id is not None and not is_lamp(context.database, request.lamp_id):
        raise NotFoundError("no_lamp", lamp_id=request.lamp_id)
    if request.cabinet_id is not None and one_cabinet(context.database, request.cabinet_id) is None:
        raise NotFoundError("no_cabinet", cabinet_id=request.cabinet_id)
    for district in _districts(context, request):
        if not principal.may_act_in(district):
            raise ForbiddenError("other_district", district=district or "")
    now_us, until_us = context.now_us(), parse_time(request.until, "until")
    if not now_us < until_us <= now_us + _MAX_DAYS * _DAY_US:
        raise BadRequestError("until_out_of_range", max_days=_MAX_DAYS)
    if len(current_maintenance(context.database, now_us)) >= _MAX_OPEN:
        raise UnavailableError("too_many_windows", n=_MAX_OPEN)
    values = {
        "id": str(ULID()),
        "cabinet_id": request.cabinet_id,
        "circuit": request.circuit,
        "lamp_id": request.lamp_id,
        "from_us": now_us,
        "until_us": until_us,
        "actor": actor.person.text,
        "note": request.note,
    }
    add_maintenance(context.database, context.audit, actor, values)
    return JSONResponse(_window(values), status.HTTP_201_CREATED)


def _districts(context: Context, request: MaintenanceRequest) -> set[str | None]:
    """The districts that the announced work touches."""
    if request.lamp_id is not None:
        return lamp_districts(context.database, [request.lamp_id])
    lamps = lamps_of_cabinet(context.database, request.cabinet_id or "")
    return lamp_districts(context.database, [row.lamp_id for row in lamps]) or {None}


def get_maintenance(request: Request, context: ContextOf) -> Response:
    """Windows that have not expired."""
    rows = current_maintenance(context.database, context.now_us())
    headers = tag_headers(entity_tag("maintenance", [row.id for row in rows]))  # a window does not change
    same = not_modified(request, headers)
    if same is not None:
        return same
    items = [_window(dict(row._mapping)) for row in rows]  # noqa: SLF001  (SQLAlchemy's public name of it)
    return JSONResponse({"items": items, "next_cursor": None}, headers=headers)


def _window(values: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in values.items() if name not in {"from_us", "until_us"}}
    return {**shown, "from": iso(values["from_us"]), "until": iso(values["until_us"])}
