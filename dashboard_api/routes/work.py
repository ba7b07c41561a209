"""Maintenance windows and dim commands."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Depends, status
from pydantic import BaseModel, ConfigDict, Field, model_validator
from ulid import ULID

from dashboard_api.desk import Desk, actor_of, desk_of
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.store.register_rows import is_lamp, known_lamp_ids, lamps_of_cabinet, one_cabinet
from dashboard_api.store.work import add_command, add_maintenance, current_maintenance, one_command
from dashboard_api.times import iso, parse_time

router: Final = APIRouter(prefix="/api/v1", tags=["work"])
DeskOf = Annotated[Desk, Depends(desk_of)]
ActorOf = Annotated[str, Depends(actor_of)]
_MAX_MAINTENANCE_US: Final = 90 * 86_400 * 1_000_000


class MaintenanceRequest(BaseModel):
    """What is being worked on, and until when: a lamp, a cabinet, or one circuit of a cabinet."""

    model_config = ConfigDict(extra="forbid")

    cabinet_id: str | None = Field(None, max_length=128)
    circuit: str | None = Field(None, max_length=64)
    lamp_id: str | None = Field(None, max_length=128)
    until: str
    note: str | None = Field(None, max_length=4000)

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.lamp_id is None) == (self.cabinet_id is None):
            raise ValueError("name either lamp_id or cabinet_id")
        if self.circuit is not None and self.cabinet_id is None:
            raise ValueError("a circuit needs its cabinet_id")
        return self


@router.post(
    "/maintenance",
    status_code=status.HTTP_201_CREATED,
    responses={404: {"description": "no such cabinet, circuit or lamp"}},
)
def post_maintenance(desk: DeskOf, actor: ActorOf, request: MaintenanceRequest) -> dict[str, Any]:
    """Announce work: until then nothing new opens there; it expires by itself."""
    if request.lamp_id is not None and not is_lamp(desk.database, request.lamp_id):
        raise NotFoundError(f"no lamp {request.lamp_id}")
    if request.cabinet_id is not None and one_cabinet(desk.database, request.cabinet_id) is None:
        raise NotFoundError(f"no cabinet {request.cabinet_id}")
    now_us, until_us = desk.now_us(), parse_time(request.until, "until")
    if not now_us < until_us <= now_us + _MAX_MAINTENANCE_US:
        raise BadRequestError("until: lies in the past, or more than 90 days ahead")
    values = {
        "id": str(ULID()),
        "cabinet_id": request.cabinet_id,
        "circuit": request.circuit,
        "lamp_id": request.lamp_id,
        "from_us": now_us,
        "until_us": until_us,
        "actor": actor,
        "note": request.note,
    }
    add_maintenance(desk.database, values)
    return _window(values)


@router.get("/maintenance")
def get_maintenance(desk: DeskOf) -> dict[str, Any]:
    """Windows that have not expired."""
    rows = current_maintenance(desk.database, desk.now_us())
    return {"items": [_window(dict(row._mapping)) for row in rows], "next_cursor": None}  # noqa: SLF001  (public name)


def _window(values: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in values.items() if name not in {"from_us", "until_us"}}
    return {**shown, "from": iso(values["from_us"]), "until": iso(values["until_us"])}


class DimRequest(BaseModel):
    """A level for some lamps or a whole cabinet; null = back to the schedule."""

    model_config = ConfigDict(extra="forbid")

    lamp_ids: list[str] | None = Field(None, min_length=1, max_length=20_000)
    cabinet_id: str | None = Field(None, max_length=128)
    level: int | None = Field(ge=0, le=100)
    until: str | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.lamp_ids is None) == (self.cabinet_id is None):
            raise ValueError("name either lamp_ids or cabinet_id")
        return self


@router.post(
    "/commands/dim", status_code=status.HTTP_202_ACCEPTED, responses={404: {"description": "no such cabinet or lamp"}}
)
def post_dim(desk: DeskOf, actor: ActorOf, request: DimRequest) -> dict[str, Any]:
    """Queue a dim command; ``GET /api/v1/commands/{id}`` tells what became of it."""
    if request.lamp_ids is not None:
        lamp_ids = list(dict.fromkeys(request.lamp_ids))
        known = known_lamp_ids(desk.database, lamp_ids)
        unknown = [lamp_id for lamp_id in lamp_ids if lamp_id not in known]
        if unknown:
            raise NotFoundError(f"no lamp {', '.join(unknown[:5])}")
    else:
        cabinet_id = request.cabinet_id or ""
        if one_cabinet(desk.database, cabinet_id) is None:
            raise NotFoundError(f"no cabinet {cabinet_id}")
        lamp_ids = [row.lamp_id for row in lamps_of_cabinet(desk.database, cabinet_id)]
    now_us = desk.now_us()
    until_us = None if request.until is None else parse_time(request.until, "until")
    if until_us is not None and until_us <= now_us:
        raise BadRequestError("until: lies in the past")
    values = {
        "id": str(ULID()),
        "requested_at_us": now_us,
        "actor": actor,
        "kind": "dim",
        "lamp_ids": lamp_ids,
        "level": request.level,
        "until_us": until_us,
        "state": "queued",
        "updated_at_us": now_us,
        "result": {},
    }
    add_command(desk.database, values)
    return _command(values)


@router.get("/commands/{command_id}", responses={404: {"description": "no such command"}})
def get_command(desk: DeskOf, command_id: str) -> dict[str, Any]:
    """A command and its state: queued, sent, confirmed or failed."""
    row = one_command(desk.database, command_id)
    if row is None:
        raise NotFoundError(f"no command {command_id}")
    return _command(dict(row._mapping))  # noqa: SLF001  (SQLAlchemy's public name of it)


def _command(values: dict[str, Any]) -> dict[str, Any]:
    times = {"requested_at_us", "until_us", "updated_at_us"}
    shown = {name: value for name, value in values.items() if name not in times}
    return {**shown, **{name.removesuffix("_us"): iso(values[name]) for name in sorted(times)}}
