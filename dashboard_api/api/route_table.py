"""Every route of the API in one table: path, who may call it, what it answers, which problems it has.

A new route is a function in a module of this folder (or of ``pages`` or ``neighbours``) and one row here. ``role``
is the lowest role that may call the route once there are accounts; without accounts everybody on this machine may
call all.
Routes are tried one after another, so what is asked most stands first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel
from sse_starlette import EventSourceResponse

from dashboard_api.api import (
    cabinet_lamps,
    cabinets,
    city,
    commands,
    description,
    enrolments,
    events,
    faults,
    health,
    lamp_changes,
    lamps,
    maintenance,
    models,
    search,
    tiles,
)
from dashboard_api.formats.problem_document import MEDIA_TYPE

_V1: Final = "/api/v1"
_GEOJSON: Final = "application/geo+json"


class Role(StrEnum):
    """Roles, each including the rights of the one before."""

    PUBLIC = "public"
    VIEWER = "viewer"
    CREW = "crew"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table.

    Attributes:
        role: the lowest role that may call it.
        answer: model of the JSON answer, None = another format.
        others: further formats of the answer: media type -> model, None = no JSON.
        problems: status -> what it means here, beside those that every route may answer.
        response_class: of an answer that is no JSON.
    """

    method: str
    path: str
    endpoint: Callable[..., Any]
    tag: str
    role: Role
    answer: type[BaseModel] | None = None
    status: int = 200
    others: Mapping[str, type[BaseModel] | None] | None = None
    problems: Mapping[int, str] | None = None
    also: Mapping[int, str] | None = None  # further statuses without a body
    response_class: type[Response] = JSONResponse


_NO_FAULT: Final = {404: "no such fault"}
_NO_LAMP: Final = {404: "no such lamp"}
_NO_CABINET: Final = {404: "no such cabinet"}
ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/tiles/{layer}/{z}/{x}/{y}.mvt",
        tiles.get_tile,
        "tiles",
        Role.VIEWER,
        others={tiles.TILE_MEDIA_TYPE: None},
        problems={404: "no such layer"},
        also={204: "nothing stands there", 304: "the caller's copy still holds"},
        response_class=Response,
    ),
    Route(
        "GET",
        f"{_V1}/faults",
        faults.get_faults,
        "faults",
        Role.VIEWER,
        models.FaultPage,
        others={_GEOJSON: models.FaultCollection, "text/csv": None, "application/gpx+xml": None},
    ),
    Route(
        "GET",
        f"{_V1}/faults/{{fault_id}}",
        faults.get_fault,
        "faults",
        Role.VIEWER,
        models.FaultDetail,
        problems=_NO_FAULT,
    ),
    Route(
        "POST",
        f"{_V1}/faults/{{fault_id}}/actions",
        faults.post_action,
        "faults",
        Role.CREW,
        models.Fault,
        problems={
            **_NO_FAULT,
            409: "changed meanwhile, or not allowed in this state; `fault` is the fault as it is now",
        },
    ),
    Route(
        "GET",
        f"{_V1}/lamps.geojson",
        lamps.get_lamps_geojson,
        "lamps",
        Role.VIEWER,
        others={_GEOJSON: models.LampCollection},
        response_class=Response,
    ),
    Route("GET", f"{_V1}/lamps/states", lamps.get_states, "lamps", Role.VIEWER, models.LampStates),
    Route("GET", f"{_V1}/lamps/changes", lamp_changes.get_lamp_changes, "lamps", Role.VIEWER, models.LampChanges),
    Route("GET", f"{_V1}/search", search.get_search, "city", Role.VIEWER, models.SearchAnswer),
    Route(
        "GET",
        f"{_V1}/lamps/{{lamp_id:path}}/readings",
        lamps.get_readings,
        "lamps",
        Role.VIEWER,
        models.Readings,
        problems=_NO_LAMP,
    ),
    Route("GET", f"{_V1}/lamps/{{lamp_id:path}}", lamps.get_lamp, "lamps", Role.VIEWER, models.Lamp, problems=_NO_LAMP),
    Route("GET", f"{_V1}/cabinets", cabinets.get_cabinets, "cabinets", Role.VIEWER, models.CabinetList),
    Route(
        "GET",
        f"{_V1}/cabinets/{{cabinet_id:path}}/energy",
        cabinets.get_energy,
        "cabinets",
        Role.VIEWER,
        models.Energy,
        problems=_NO_CABINET,
    ),
    Route(
        "GET",
        f"{_V1}/cabinets/{{cabinet_id:path}}/lamps",
        cabinet_lamps.get_cabinet_lamps,
        "cabinets",
        Role.VIEWER,
        models.CabinetLamps,
        problems=_NO_CABINET,
    ),
    Route(
        "GET",
        f"{_V1}/cabinets/{{cabinet_id:path}}",
        cabinets.get_cabinet,
        "cabinets",
        Role.VIEWER,
        models.Cabinet,
        problems=_NO_CABINET,
    ),
    Route("GET", f"{_V1}/city", city.get_city, "city", Role.PUBLIC, models.City),
    Route("GET", f"{_V1}/codes", city.get_codes, "city", Role.PUBLIC, models.CodeList),
    Route("GET", f"{_V1}/quantities", city.get_quantities, "city", Role.PUBLIC, models.QuantityList),
    Route("GET", f"{_V1}/summary", city.get_summary, "city", Role.VIEWER, models.Summary),
    Route(
        "POST",
        f"{_V1}/maintenance",
        maintenance.post_maintenance,
        "work",
        Role.OPERATOR,
        models.MaintenanceWindow,
        status=201,
        problems={404: "no such cabinet, circuit or lamp"},
    ),
    Route("GET", f"{_V1}/maintenance", maintenance.get_maintenance, "work", Role.VIEWER, models.MaintenanceList),
    Route(
        "POST",
        f"{_V1}/commands/dim",
        commands.post_dim,
        "work",
        Role.OPERATOR,
        models.Command,
        status=202,
        problems={404: "no such cabinet or lamp"},
    ),
    Route(
        "GET",
        f"{_V1}/commands/{{command_id}}",
        commands.get_command,
        "work",
        Role.VIEWER,
        models.Command,
        problems={404: "no such command"},
    ),
    Route(
        "POST",
        f"{_V1}/enrolments",
        enrolments.post_enrolment,
        "controllers",
        Role.PUBLIC,  # the code, or the present certificate, is what entitles
        models.EnrolmentRequest,
        status=202,
        problems={
            403: "no such code, one that is used or too old, or not signed by what it names",
            404: "this city has no certification authority",
        },
    ),
    Route(
        "GET",
        f"{_V1}/enrolments",
        enrolments.get_enrolments,
        "controllers",
        Role.OPERATOR,
        models.EnrolmentList,
    ),
    Route(
        "GET",
        f"{_V1}/enrolments/{{enrolment_id}}",
        enrolments.get_enrolment,
        "controllers",
        Role.PUBLIC,  # the id, which nobody guesses, is what entitles
        models.EnrolmentAnswer,
        problems={404: "no such request"},
    ),
    Route(
        "POST",
        f"{_V1}/enrolments/{{enrolment_id}}/decision",
        enrolments.post_decision,
        "controllers",
        Role.OPERATOR,
        models.EnrolmentRequest,
        problems={404: "no request of this id waits"},
    ),
    Route(
        "GET",
        f"{_V1}/events",
        events.get_events,
        "events",
        Role.VIEWER,
        others={"text/event-stream": None},
        response_class=EventSourceResponse,
    ),
    Route(
        "GET",
        "/healthz",
        health.get_health,
        "health",
        Role.PUBLIC,
        others={"text/plain": None},
        response_class=PlainTextResponse,
    ),
    Route("GET", "/readyz", health.get_readiness, "health", Role.PUBLIC, models.Readiness),
    Route(
        "GET",
        "/metrics",
        health.get_metrics,
        "health",
        Role.VIEWER,
        others={"text/plain": None},
        response_class=Response,
    ),
    Route(
        "GET",
        "/docs",
        description.get_description,
        "",  # for people: not in the OpenAPI document
        Role.PUBLIC,
        others={"text/html": None},
        response_class=HTMLResponse,
    ),
)
_EVERYWHERE: Final[Mapping[int, str]] = {
    400: "a parameter with an impossible value; the detail names it",
    422: "not as this document describes; the detail names the place",
    503: "a store does not answer, or holds nothing yet; may be repeated later",
}


def add_routes(app: FastAPI, routes: tuple[Route, ...] = ROUTES) -> None:
    """Add the table's routes to ``app``, described for the OpenAPI document."""
    for route in routes:
        app.add_api_route(
            route.path,
            route.endpoint,
            methods=[route.method],
            tags=[route.tag] if route.tag else None,
            status_code=route.status,
            response_model=route.answer,
            response_class=route.response_class,
            responses=_responses(route),
            include_in_schema=bool(route.tag),
            openapi_extra={"x-role": str(route.role)},
        )


def _responses(route: Route) -> dict[int | str, dict[str, Any]]:
    found: dict[int | str, dict[str, Any]] = {}
    if route.others:
        content = {
            media: {} if model is None else {"schema": _reference(model)} for media, model in route.others.items()
        }
        found[route.status] = {"content": content}
    for status, meaning in {**_EVERYWHERE, **(route.problems or {})}.items():
        model = models.FaultProblem if status == 409 else models.Problem
        found[status] = {"description": meaning, "content": {MEDIA_TYPE: {"schema": _reference(model)}}}
    for status, meaning in (route.also or {}).items():
        found[status] = {"description": meaning}
    return found


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
