"""Liveness, readiness and Prometheus metrics."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from dashboard_api.context import ContextOf
from dashboard_api.errors import UnavailableError


async def get_health() -> PlainTextResponse:
    """The process answers."""
    return PlainTextResponse("ok\n")


def get_readiness(context: ContextOf) -> JSONResponse:
    """The database answers and holds a register."""
    version = context.database.register_version()
    if version == 0:
        raise UnavailableError("no_register")
    return JSONResponse({"ready": True, "register_version": version})


def get_metrics(request: Request) -> Response:
    """Prometheus text format."""
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)
