"""Rows of the route table: maintenance, commands, enrolments, events, sessions, and the program's own health."""

from __future__ import annotations

from typing import Final

from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from sse_starlette import EventSourceResponse

from dashboard_api.access.roles import Role, Scope
from dashboard_api.api import (
    commands,
    description,
    enrolments,
    events,
    health,
    maintenance,
    models,
    session,
)
from dashboard_api.api.route import SAME, WALL, Route

_V1: Final = "/api/v1"
WORK: Final[tuple[Route, ...]] = (
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
    Route(
        "GET",
        f"{_V1}/maintenance",
        maintenance.get_maintenance,
        "work",
        Role.VIEWER,
        models.MaintenanceList,
        also=SAME,
    ),
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
        scopes=frozenset(),  # a person lets a controller in
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
        scopes=frozenset(),  # a person lets a controller in
    ),
    Route(
        "GET",
        f"{_V1}/events",
        events.get_events,
        "events",
        Role.VIEWER,
        others={"text/event-stream": None},
        response_class=EventSourceResponse,
        scopes=WALL,
        is_stream=True,
    ),
    Route(
        "POST",
        f"{_V1}/session",
        session.post_session,
        "session",
        Role.PUBLIC,
        models.Me,
        status=201,
        problems={409: "the city has no accounts"},
    ),
    Route(
        "DELETE",
        f"{_V1}/session",
        session.delete_session,
        "session",
        Role.PUBLIC,
        status=204,
        response_class=Response,
    ),
    Route("GET", f"{_V1}/me", session.get_me, "session", Role.VIEWER, models.Me, is_for_anyone_known=True),
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
        scopes=frozenset({Scope.READ, Scope.METRICS}),
        is_of_process=True,
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
