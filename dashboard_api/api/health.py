"""Liveness, readiness and Prometheus metrics."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from dashboard_api.context import ContextOf, problem_catalogue
from dashboard_api.errors import UnavailableError
from languages.catalogue import Catalogue
from languages.message import document_of

_MAX_AGE_S: Final = 120.0  # ingest draws every 2 s, a million lamps every 30 s


async def get_health() -> PlainTextResponse:
    """The process answers."""
    return PlainTextResponse("ok\n")


def get_readiness(context: ContextOf, catalogue: Annotated[Catalogue, Depends(problem_catalogue)]) -> JSONResponse:
    """The database answers and holds a register, and ingest keeps the live picture up to date."""
    version = context.database.register_version()
    if version == 0:
        raise UnavailableError("no_register")
    picture = context.live.read()
    of_ingest = {} if picture is None else picture.warnings
    warnings = {**of_ingest, **context.readings.warnings(), **context.database.warnings()}
    figures = {
        **context.live_figures(picture),
        "warnings": {part: message.say(catalogue) for part, message in warnings.items()},
        "warning_codes": {
            part: document_of(message) for part, message in warnings.items() if message.code != "readiness.error"
        },
    }
    if context.live.trouble is not None:
        raise UnavailableError("live_damaged", figures, reason=context.live.trouble)
    if picture is None:
        raise UnavailableError("live_missing", figures)
    age_s = context.live_age_s() or 0.0
    if age_s > _MAX_AGE_S:
        raise UnavailableError("live_old", figures, age_s=age_s)
    if picture.register_version != version:
        raise UnavailableError("live_foreign", figures, picture=picture.register_version, version=version)
    return JSONResponse({"ready": True, "register_version": version, **figures})


def get_metrics(request: Request) -> Response:
    """Prometheus text format."""
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)
