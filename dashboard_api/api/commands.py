"""Dim commands: queued here, carried out by ingest and the agents."""

from __future__ import annotations

from typing import Any, Self

from fastapi import status
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dashboard_api.api.fields import Id, TimeText
from dashboard_api.context import ActorOf, CatalogueOf, ContextOf, PrincipalOf
from dashboard_api.dimming import queue_dim
from dashboard_api.errors import NotFoundError
from dashboard_api.formats.times import iso, parse_time
from dashboard_api.http.json_answer import answer_in
from dashboard_api.store.register_rows import known_lamp_ids, lamps_of_cabinet, one_cabinet
from dashboard_api.store.work import one_command
from languages.catalogue import Catalogue
from languages.message import Message


class DimRequest(BaseModel):
    """A level for some lamps or a whole cabinet; null = back to the schedule."""

    model_config = ConfigDict(extra="forbid")

    lamp_ids: list[Id] | None = Field(None, min_length=1, max_length=20_000)
    cabinet_id: Id | None = None
    level: int | None = Field(ge=0, le=100, description="%; null = back to the schedule")
    until: TimeText | None = Field(
        None,
        description="ISO 8601, at most 31 days ahead; default: for twelve hours",
        examples=["2026-11-24T00:00:00Z"],
    )

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.lamp_ids is None) == (self.cabinet_id is None):
            raise ValueError(Message("value.lamps_or_cabinet"))
        return self


def post_dim(
    context: ContextOf, catalogue: CatalogueOf, actor: ActorOf, principal: PrincipalOf, request: DimRequest
) -> JSONResponse:
    """Queue a dim command; ``GET /api/v1/commands/{id}`` shows its state."""
    if request.lamp_ids is not None:
        lamp_ids = list(dict.fromkeys(request.lamp_ids))
        known = known_lamp_ids(context.database, lamp_ids)
        unknown = [lamp_id for lamp_id in lamp_ids if lamp_id not in known]
        if unknown:
            raise NotFoundError("no_lamp", lamp_id=unknown[:5])
    else:
        cabinet_id = request.cabinet_id or ""
        if one_cabinet(context.database, cabinet_id) is None:
            raise NotFoundError("no_cabinet", cabinet_id=cabinet_id)
        lamp_ids = [row.lamp_id for row in lamps_of_cabinet(context.database, cabinet_id)]
    until_us = None if request.until is None else parse_time(request.until, "until")
    values = queue_dim(context, actor, principal, lamp_ids, request.level, until_us)
    return answer_in(catalogue, _command(values, catalogue), status.HTTP_202_ACCEPTED)


def get_command(context: ContextOf, catalogue: CatalogueOf, command_id: str) -> JSONResponse:
    """A command and its state: queued, sent, confirmed or failed."""
    row = one_command(context.database, command_id)
    if row is None:
        raise NotFoundError("no_command", command_id=command_id)
    values = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's public name of it)
    return answer_in(catalogue, _command(values, catalogue))


def _command(values: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    reason = values["result"].get("reason")
    times = {"requested_at_us", "until_us", "updated_at_us"}
    shown = {name: value for name, value in values.items() if name not in times}
    shown["message"] = None if reason is None else catalogue.find(f"command.{reason}") or reason
    return {**shown, **{name.removesuffix("_us"): iso(values[name]) for name in sorted(times)}}
